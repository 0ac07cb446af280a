"""Every kind of event reads as a sentence, and every sentence is of an event."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from medimic.audit import presenters
from medimic.audit.models import AuditEvent


def our_files() -> Iterator[Path]:
    for config in apps.get_app_configs():
        if Path(config.path).is_relative_to(settings.BASE_DIR) and ".venv" not in config.path:
            yield from Path(config.path).rglob("*.py")


def recorded_kinds() -> dict[str, str]:
    """Each kind that `record` is called with, and where; a call without a literal fails."""
    kinds = {}
    for path in set(our_files()):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "record",
                "log.record",
                "audit.record",
            ):
                where = f"{path.relative_to(settings.BASE_DIR)}:{node.lineno}"
                for kind in literals(node.args[0] if node.args else None, path):
                    assert kind, f"{where}: say the kind as a literal, so that it can be found"
                    kinds[kind] = where
    return kinds


def literals(node: ast.expr | None, path: Path) -> list[str]:
    if isinstance(node, ast.IfExp):
        return literals(node.body, path) + literals(node.orelse, path)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.Name):
        # Handed through: then every literal of the file that looks like a kind counts.
        found = re.findall(r'"([a-z_]+\.[a-z_]+)"', path.read_text())
        return [kind for kind in found if kind in presenters.registered_kinds()] or [""]
    return [""]


def test_every_recorded_kind_has_a_presenter():
    missing = {
        kind: where for kind, where in recorded_kinds().items() if kind not in presenters.registered_kinds()
    }
    assert missing == {}


def test_every_presenter_has_a_kind_that_is_recorded():
    assert presenters.registered_kinds() - set(recorded_kinds()) == set()


@pytest.mark.parametrize("kind", sorted(presenters.registered_kinds()))
def test_reads_even_without_its_details(kind):
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", kind)
    sentence = presenters.sentence(AuditEvent(kind=kind, details="{}"))
    assert sentence
    assert "%(" not in sentence


def test_a_kind_that_nobody_registered_reads_as_it_is():
    assert presenters.sentence(AuditEvent(kind="tests.unknown")) == "tests.unknown"


def test_a_row_that_does_not_read_takes_nothing_down(monkeypatch):
    monkeypatch.setattr(presenters, "_presenters", {"tests.counted": "%(count)d times"})
    assert presenters.sentence(AuditEvent(kind="tests.counted", details="{}")) == "tests.counted"


def test_a_kind_is_registered_once(monkeypatch):
    monkeypatch.setattr(presenters, "_presenters", {})
    presenters.register("tests.renamed", "Renamed to %(name)s")
    with pytest.raises(ValueError, match=r"tests\.renamed"):
        presenters.register("tests.renamed", "Again")
    assert (
        presenters.sentence(AuditEvent(kind="tests.renamed", details='{"name":"50 % <b>"}'))
        == "Renamed to 50 % <b>"
    )
