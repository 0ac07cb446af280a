"""What stands on an invoice, worded and formatted already, and the PDF that is made of it.

The template (`invoice.typ`) gets all of it as one JSON text in `sys.inputs`: what people typed is
data there and never source. The fonts are our own, so that the file is the same on every machine.
"""

import datetime as dt
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import typst

HERE = Path(__file__).parent
# For people who read with a screen reader: headings, tables and the language are marked.
STANDARD: Literal["ua-1"] = "ua-1"


@dataclass(frozen=True)
class Address:
    """A name, and what stands below it line by line."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """What is charged, or given back; `detail` is the smaller print below."""

    text: str
    quantity: str
    unit: str
    amount: str
    detail: str = ""


@dataclass(frozen=True)
class Sum:
    label: str
    value: str
    is_total: bool = False


@dataclass(frozen=True)
class Part:
    """A paragraph below the lines: how to pay, what it corrects."""

    heading: str
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Paper:
    """A whole invoice or credit note.

    `language` is a code of two letters. `page_words` holds `{page}` and `{pages}`.
    `columns` are the headings of what is charged, quantity, price and amount.
    """

    language: str
    title: str
    number: str
    issued_at: dt.datetime
    sender: Address
    recipient_heading: str
    recipient: Address
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, str, str, str]
    lines: tuple[Line, ...]
    sums: tuple[Sum, ...]
    page_words: str
    opening: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    footer: tuple[str, ...] = field(default_factory=tuple)


def pdf(paper: Paper) -> bytes:
    """The same bytes for the same paper on every machine, tagged for PDF/UA.

    A name with letters that our fonts lack (Chinese, say) still comes out: with the machine's own
    fonts, and tagged all the same, but without the promise of the standard, which allows no gaps.
    """
    import typst

    try:
        made = _compile(paper, "pdf", _compiler(), standards=[STANDARD])
    except typst.TypstError:
        made = _compile(paper, "pdf", _compiler(with_system_fonts=True))
    return b"".join(made)


def pictures(paper: Paper, *, ppi: float = 110) -> list[bytes]:
    """Each page as a PNG, to look at."""
    return _compile(paper, "png", _compiler(), ppi=ppi)


def _compile(
    paper: Paper,
    file: Literal["pdf", "png"],
    compiler: "typst.Compiler",
    *,
    standards: "list[typst.PDFStandard] | None" = None,
    ppi: float | None = None,
) -> list[bytes]:
    data = json.dumps(asdict(paper), default=str, ensure_ascii=False)
    made = compiler.compile(
        sys_inputs={"paper": data},
        format=file,
        ppi=ppi,
        pdf_standards=standards or [],
        timestamp=paper.issued_at.replace(microsecond=0),
    )
    return made if isinstance(made, list) else [made or b""]


@lru_cache(maxsize=2)
def _compiler(*, with_system_fonts: bool = False) -> "typst.Compiler":
    # Imported with the first invoice: 80 MB of library that most workers never need.
    import typst

    fonts = typst.Fonts(include_system_fonts=with_system_fonts, font_paths=[str(HERE / "fonts")])
    return typst.Compiler(str(HERE / "invoice.typ"), root=str(HERE), font_paths=fonts)
