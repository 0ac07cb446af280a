"""Every problem code in the source is explained, and every explained one is in the source."""

import ast
from collections import defaultdict
from pathlib import Path

from medimic.api import api, docs
from medimic.api.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("accounts", "billing", "devices", "medimic", "orgs", "sessions_app")
MAKERS = ("Problem", "super().__init__")


def raised() -> dict[str, set[int]]:
    """code → statuses, of every `Problem(status, "code", …)`, and of its subclasses' own `__init__`."""
    found = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS and len(node.args) >= 2:
                    status, code = (getattr(argument, "value", None) for argument in node.args[:2])
                    if isinstance(status, int):
                        assert isinstance(code, str), f"{path}:{node.lineno}"
                        found[code].add(status)
    return dict(found)


def test_codes_and_source_agree():
    assert raised() == {code: set(entry.statuses) for code, entry in CODES.items()}


def test_every_call_declares_its_refusals():
    for call in docs.calls(api.description_schema):
        assert set(call.codes) <= set(CODES)
        assert "internal_error" in call.codes
