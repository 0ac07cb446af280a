"""Links as QR codes."""

import segno
from django.utils.safestring import SafeString, mark_safe

# What a phone's camera reads off a screen: pixels for a module.
SCALE = 4


def qr_code(text: str) -> SafeString:
    """An inline SVG of black on white, without the quiet zone around it: the page draws that
    (`.qr`), four modules wide where there is room, and all that there is on a narrow screen.

    Its size stands in attributes, so that no style is needed. It is decoration for
    who cannot see it: the page says the same as text.
    """
    code = segno.make_qr(text, error="l", boost_error=False)
    width, height = code.symbol_size(scale=SCALE, border=0)
    svg = code.svg_inline(
        scale=SCALE,
        border=0,
        dark="#000",
        light="#fff",
        svgclass="qr-code",
        lineclass=None,
        omitsize=True,
    )
    # Made of numbers alone: no text of ours or of anybody else's stands in it.
    opening = f'<svg aria-hidden="true" width="{width}" height="{height}" '
    return mark_safe(svg.replace("<svg ", opening, 1))  # noqa: S308
