"""What a User-Agent header says, in a few words for people to recognize it by."""

import re
from functools import lru_cache

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# The first that fits: most browsers also name the ones that they descend from.
BROWSERS = (
    (r"\bEdgA?/|\bEdgiOS/", "Edge"),
    (r"\bOPR/|\bOPiOS/", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\bFirefox/|\bFxiOS/", "Firefox"),
    (r"\bHeadlessChrome/|\bChrome/|\bCriOS/|\bChromium/", "Chrome"),
    (r"\bVersion/[\d.]+.*\bSafari/", "Safari"),
)
SYSTEMS = (
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bAndroid\b", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bWindows\b", "Windows"),
    (r"\bMacintosh\b|\bMac OS X\b", "macOS"),
    (r"\bLinux\b", "Linux"),
)
APP = re.compile(r"^MediMic\b[ /]?([\d.]*)")
PROGRAM = re.compile(r"^([A-Za-z][\w.-]{0,30})/[\w.]+")
ON_SYSTEM = gettext_noop("%(browser)s on %(system)s")


def in_words(agent: str) -> str:
    """ "Firefox on Windows", "MediMic app 3.2.0", "curl"; empty where it says nothing."""
    app = APP.match(agent)
    if app:
        return _("MediMic app %(version)s") % {"version": app[1]} if app[1] else _("MediMic app")
    browser, system, program = _parts(agent)
    if browser and system:
        return _(ON_SYSTEM) % {"browser": browser, "system": system}
    return browser or system or program


@lru_cache(maxsize=1000)
def _parts(agent: str) -> tuple[str, str, str]:
    program = PROGRAM.match(agent)
    return (
        _first(BROWSERS, agent),
        _first(SYSTEMS, agent),
        program[1] if program and program[1] != "Mozilla" else "",
    )


def _first(patterns: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for pattern, name in patterns if re.search(pattern, agent)), "")
