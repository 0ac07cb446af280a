"""Template tags of the look: icons, and what stands in every page's head."""

from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from medimic import request_ids

register = template.Library()

# One file per part of the look, in the order in which they are linked.
STYLES = (
    "tokens",
    "base",
    "layout",
    "button",
    "form",
    "badge",
    "panel",
    "account",
    "chart",
    "table",
    "columns",
    "fleet",
    "tabs",
    "message",
    "dialog",
    "link",
    "menu",
    "utilities",
    "print",
)
SCRIPTS = ("menu", "dialog", "copy", "form", "print")


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite. Without a label it is decoration, and the words beside it speak."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" width="20" height="20" role="img" aria-label="{}"><use href="{}"></use></svg>',
            label,
            href,
        )
    return format_html(
        '<svg class="icon" width="20" height="20" aria-hidden="true"><use href="{}"></use></svg>', href
    )


@register.simple_tag
@lru_cache(maxsize=1)
def head_assets() -> SafeString:
    """The links and scripts of every page; `theme.js` blocks, so that no page flashes in the other theme."""
    return format_html(
        '<script src="{}"></script>{}{}<link rel="icon" href="{}" type="image/svg+xml">',
        static("js/theme.js"),
        format_html_join(
            "", '<link rel="stylesheet" href="{}">', ((static(f"css/{n}.css"),) for n in STYLES)
        ),
        format_html_join(
            "", '<script type="module" src="{}"></script>', ((static(f"js/{n}.js"),) for n in SCRIPTS)
        ),
        static("mark.svg"),
    )


@register.simple_tag
def reference() -> SafeString:
    """The id of this request, for whoever reports what went wrong; nothing outside of one."""
    name = request_ids.current()
    return format_html(" · <code>{}</code>", name) if name else SafeString("")
