"""What a browser calls itself, in words that its owner knows it by."""

from django.utils.translation import gettext

# The first that fits: most browsers claim to be several others too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone", "phone"),
    ("iPad", "iPad", "tablet"),
    ("Android", "Android", "phone"),
    ("Windows", "Windows", "computer"),
    ("CrOS", "ChromeOS", "computer"),
    ("Macintosh", "Mac", "computer"),
    ("Linux", "Linux", "computer"),
)


def name(agent: str) -> str:
    """Such as "Firefox on Windows"."""
    browser = next((label for sign, label in _BROWSERS if sign in agent), "")
    system = next((label for sign, label, _ in _SYSTEMS if sign in agent), "")
    if browser and system:
        return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or gettext("Unknown browser")


def icon(agent: str) -> str:
    """The name of the icon for what it runs on."""
    if "Android" in agent and "Mobile" not in agent:
        return "tablet"
    return next((icon for sign, _, icon in _SYSTEMS if sign in agent), "browser")
