"""What holds for all templates: icons exist, nothing inline that the policy would refuse."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "static"
PAGES = sorted(path for path in TEMPLATES.rglob("*.html") if "mail" not in path.relative_to(TEMPLATES).parts)
CODE = [
    path
    for app in ("accounts", "billing", "devices", "medimic", "orgs", "sessions_app")
    for path in (Path(settings.BASE_DIR) / app).rglob("*.py")
]
DRAWN = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text()))
# Not those of the admin's own.
CSS_LINK = re.compile(r"(?<!admin/)css/([\w-]+\.css)")
names = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))


@names
def test_icons_are_drawn(path):
    assert set(re.findall(r'{% icon "([^"]+)"', path.read_text())) <= DRAWN


def test_icons_named_in_python_are_drawn():
    named = {name for path in CODE for name in re.findall(r'\bicon(?:=|\()"([a-z-]+)"', path.read_text())}

    assert named <= DRAWN


@names
def test_nothing_is_inline(path):
    text = path.read_text()

    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"<style", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"javascript:", text)
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
        assert "src=" in attributes or "application/json" in attributes
        assert not body.strip() or "application/json" in attributes


@names
def test_nothing_comes_from_elsewhere(path):
    assert not re.search(r'(?:src|<link[^>]+href)="(?:https?:)?//', path.read_text())


def test_stylesheets_name_no_colour_outside_the_tokens():
    for sheet in (STATIC / "css").glob("*.css"):
        if sheet.name not in ("tokens.css", "admin.css"):
            assert not re.search(r"#[0-9a-f]{3,8}\b", sheet.read_text()), sheet.name


def test_every_stylesheet_and_script_is_linked_by_all_pages_or_by_those_that_need_it():
    from medimic.templatetags import look

    by_pages = {name for path in TEMPLATES.rglob("*.html") for name in CSS_LINK.findall(path.read_text())}
    linked = {f"{name}.css" for name in look.STYLES} | by_pages
    assert linked == {sheet.name for sheet in (STATIC / "css").glob("*.css")}
    assert all((STATIC / "js" / f"{name}.js").exists() for name in look.SCRIPTS)


# Words that are the same in every language.
SAME_EVERYWHERE = {"MediMic", "UTC", "JSON", "OpenAPI"}


def words_outside_translation(template: str) -> set[str]:
    for gone in (
        r"{% comment %}.*?{% endcomment %}",
        r"{% blocktrans.*?{% endblocktrans(?:late)? %}",
        r"{% block (?:body_class|bodyclass|coltype) %}.*?{% endblock %}",
        r"\bdata-[a-z-]+=",
        r"{[%{#].*?[%}#]}",
        r"<(script|code|pre|kbd)\b.*?</\1>",
    ):
        template = re.sub(gone, "", template, flags=re.DOTALL)
    text = re.sub(r"&[a-z#0-9]+;", " ", re.sub(r"<[^>]*>", " ", template))
    return set(re.findall(r"[^\W\d_]{3,}", text)) - SAME_EVERYWHERE


@names
def test_words_pass_through_translation(path):
    assert not words_outside_translation(path.read_text())


def test_words_outside_translation_are_found():
    assert words_outside_translation("<p class=\"{{ x }}\">Left {% translate 'out' %}</p>") == {"Left"}
