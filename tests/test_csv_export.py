"""CSV files: no live formulas, and no more in memory than a parcel of rows."""

import csv
import io
import tracemalloc

import pytest

from medimic.csv_export import cell, stream

pytestmark = pytest.mark.once

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "=cmd|' /C calc'!A0"]


def read(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Anna", "a=1", "1-2", "Dr. Weiß", "'=1"])
def test_harmless_text_stays_as_it_is(text):
    assert cell(text) == text


def test_the_file_holds_every_row_and_defuses_each_text():
    response = stream(["Name", "-Count"], [["=1", -2], ['Łucja, "Ł"', None]], "list.csv")

    assert read(response) == [["Name", "'-Count"], ["'=1", "-2"], ['Łucja, "Ł"', ""]]
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="list.csv"'


def test_rows_are_read_only_as_the_answer_is_sent():
    taken = []

    def rows():
        for number in range(100_000):
            taken.append(1)
            yield [str(number), "x" * 90]

    parts = iter(stream(["Number", "Text"], rows(), "list.csv").streaming_content)
    next(parts)

    assert 100 < len(taken) < 500


def test_memory_does_not_grow_with_the_rows():
    response = stream(["Text"], (["x" * 100] for _ in range(200_000)), "list.csv")
    tracemalloc.start()
    try:
        size = sum(len(part) for part in response.streaming_content)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size > 20_000_000
    assert peak < 1_000_000
