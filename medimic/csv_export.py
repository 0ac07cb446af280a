"""Lists as CSV files: streamed row by row, and nothing in them that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

# What makes a spreadsheet take a cell for a formula; the wide forms count where Japanese is typed.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
# Without this mark Excel reads UTF-8 as the machine's old code page.
BYTE_ORDER_MARK = "\ufeff"
# Rows travel in parcels of about this many characters: one write to the socket serves many.
PARCEL = 16 * 1024


def cell(text: str) -> str:
    """The text, made harmless: an apostrophe before what would be read as a formula.

    Leading blanks are looked through, since a spreadsheet may drop them.
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS) else text


def stream(header: Sequence[str], rows: Iterable[Sequence[object]], filename: str) -> StreamingHttpResponse:
    """A download that holds one parcel of rows in memory, however many there are.

    Text is defused here; numbers stay numbers, and None is an empty cell. `rows` is read
    while the answer is sent: give it an iterator (`queryset.iterator()`), and text that is
    translated already. `filename` is ASCII, without quotes.
    """
    return StreamingHttpResponse(
        _parcels([str(title) for title in header], rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def _parcels(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    parcel = io.StringIO()
    parcel.write(BYTE_ORDER_MARK)
    writer = csv.writer(parcel)
    writer.writerow([cell(title) for title in header])
    for row in rows:
        writer.writerow([_plain(value) for value in row])
        if parcel.tell() >= PARCEL:
            yield parcel.getvalue().encode()
            parcel.seek(0)
            parcel.truncate()
    yield parcel.getvalue().encode()


def _plain(value: object) -> object:
    if value is None or isinstance(value, int | float):
        return value
    return cell(str(value))
