"""Invoices on paper, read back as a reader's program does."""

import dataclasses
import datetime as dt
import io
import time
from typing import Any

import pypdf
import pytest

from billing.pdf import paper
from billing.pdf.paper import Address, Line, Paper, Part, Sum

pytestmark = pytest.mark.once

SAMPLE = Paper(
    language="de",
    title="Rechnung",
    number="MM-2026-000123",
    issued_at=dt.datetime(2026, 11, 22, tzinfo=dt.UTC),
    sender=Address("MediMic", ("Musterstraße 1", "10115 Berlin")),
    recipient_heading="An",
    recipient=Address("Fernbrook Clinic", ("Ada Admin", "admin@clinic.example")),
    facts=(("Rechnungsnummer", "MM-2026-000123"), ("Fällig", "06.12.2026")),
    columns=("Leistung", "Menge", "Preis", "Betrag"),
    lines=(Line("Team", "4", "49,00 €", "196,00 €", detail="22.10.2026 – 21.11.2026"),),
    sums=(Sum("Summe", "196,00 €"), Sum("Gesamt", "196,00 €", is_total=True)),
    page_words="Seite {page} von {pages}",
    parts=(Part("Zahlung", ("Überweisen Sie den Betrag.",), (("IBAN", "DE00 0000"),)),),
    footer=("MediMic GmbH",),
)


def read(changed: Paper = SAMPLE) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(paper.pdf(changed)))


def text_of(reader: pypdf.PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def tags_of(reader: pypdf.PdfReader) -> list[str]:
    found: list[str] = []

    def walk(node: Any) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict):
            found.append(str(node.get("/S", "")))
            walk(node.get("/K"))

    walk(reader.trailer["/Root"]["/StructTreeRoot"])
    return found


def test_everything_stands_on_it_in_reading_order():
    text = text_of(read())
    words = ("MediMic", "Fernbrook Clinic", "Fällig", "Rechnung MM-2026-000123", "Team", "196,00 €", "Gesamt",
             "Zahlung", "DE00 0000", "Seite 1 von 1")  # fmt: skip
    places = [text.index(word) for word in words]
    assert places == sorted(places)


def test_it_is_tagged_titled_and_says_its_language():
    reader = read()
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "de"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata.title == "Rechnung MM-2026-000123"
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    tags = tags_of(reader)
    assert tags.count("/H1") == 1
    assert tags.count("/Table") == 1
    assert tags.count("/TH") == 4
    assert "/TFoot" in tags


def test_same_paper_is_the_same_file():
    assert paper.pdf(SAMPLE) == paper.pdf(SAMPLE)


@pytest.mark.parametrize(
    "name",
    ['#panic("no")', "*bold* $x$ @label", "</text> & <b>", '"; #read("/etc/passwd")', "\\u{41}", "// gone"],
)
def test_what_people_typed_is_printed_as_they_typed_it(name):
    changed = dataclasses.replace(
        SAMPLE, recipient=Address(name, (name,)), lines=(dataclasses.replace(SAMPLE.lines[0], text=name),)
    )
    assert text_of(read(changed)).count(name) == 3


def test_many_lines_go_on_over_pages_that_are_numbered_and_headed_again():
    reader = read(dataclasses.replace(SAMPLE, lines=SAMPLE.lines * 60))
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"Seite {number} von {len(pages)}" in page
    assert "Menge" in pages[1]
    assert sum(page.count("Gesamt") for page in pages) == 1


def test_a_name_without_a_space_stays_on_the_paper():
    name = "Donaudampfschifffahrtsgesellschaft" * 5
    reader = read(dataclasses.replace(SAMPLE, recipient=Address(name)))
    assert name in text_of(reader).replace("\n", "").replace("\u200b", "")
    # Broken at all, it takes several lines.
    assert name not in text_of(reader)


@pytest.mark.parametrize(
    "name", ["日本語クリニック", "Clinic 😀", "عيادة", "Поликлиника № 4", "Ελλάδα", "Łódź"]
)
def test_every_script_comes_out_tagged(name):
    reader = read(dataclasses.replace(SAMPLE, recipient=Address(name)))
    assert "/H1" in tags_of(reader)
    assert "Rechnung" in text_of(reader)


def test_it_takes_less_than_a_second():
    paper.pdf(SAMPLE)
    start = time.process_time()
    paper.pdf(dataclasses.replace(SAMPLE, lines=SAMPLE.lines * 100))
    assert time.process_time() - start < 1
