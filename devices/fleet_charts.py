"""What a fleet runs, as stacked bars: one for systems, one for the app. A segment filters the list."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from devices import fleet
from devices.models import Platform, os_name
from devices.policies import known_platforms

WIDTH, GAP = 1000, 3
# As many as can be told apart; the rest is one segment.
SHOWN = 5
# Too narrow to be seen or hit otherwise.
LEAST = 6


@dataclass(frozen=True)
class Segment:
    """`number` names its shade; `href` is empty for what several share."""

    label: str
    count: int
    share: str
    x: int
    width: int
    number: int
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class StackedBar:
    title: str
    segments: list[Segment]
    total: int

    @property
    def text(self) -> str:
        """The whole picture in words."""
        return ", ".join(f"{segment.label}: {segment.count}" for segment in self.segments)


def bars_of(counts: Mapping[tuple[str, str, str], int], *, os: str, app: str) -> list[StackedBar]:
    """Of the active rows of a list; `os` and `app` are what it is narrowed down to."""
    systems: Counter[tuple[str, str]] = Counter()
    apps: Counter[str] = Counter()
    for (platform, group, app_key), number in counts.items():
        systems[platform, group] += number
        if app_key:
            apps[app_key] += number
    platforms = known_platforms()
    of_systems = [
        (_system(platforms, platform, group), count, {"os": group}, group == os)
        for (platform, group), count in systems.items()
    ]
    of_apps = [
        (fleet.plain_version(key), count, {"app": key}, key == app) for key, count in sorted(apps.items())
    ]
    bars = [_bar(_("Systems"), of_systems), _bar(_("App versions"), of_apps)]
    return [bar for bar in bars if bar.segments]


def _system(platforms: Mapping[str, str], platform: str, group: str) -> str:
    rest = group.removeprefix(platform).strip()
    if platform == Platform.LINUX and rest:
        rest = rest.title() if rest[:1].isalpha() else rest
    return os_name(platforms[platform], rest)


def _bar(title: str, parts: Iterable[tuple[str, int, dict[str, str], bool]]) -> StackedBar:
    ordered = sorted((part for part in parts if part[1] > 0), key=lambda part: (-part[1], part[0]))
    shown, rest = ordered[:SHOWN], ordered[SHOWN:]
    total = sum(part[1] for part in ordered)
    if rest:
        shown.append((_("Others"), sum(part[1] for part in rest), {}, False))
    segments = []
    x = 0
    free = WIDTH - GAP * (len(shown) - 1) - LEAST * len(shown)
    for number, (label, count, chosen, is_chosen) in enumerate(shown, start=1):
        width = LEAST + round(count / total * free)
        address = f"?{urlencode({**chosen, 'status': 'active'})}" if chosen else ""
        share = f"{count / total:.0%}" if count / total >= 0.01 else "<1%"
        segments.append(Segment(label, count, share, x, width, number, address, is_chosen))
        x += width + GAP
    return StackedBar(title, segments, total)
