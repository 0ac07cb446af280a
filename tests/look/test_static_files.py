"""Scripts import one another under names that hold their content's hash."""

import re

import pytest
from django.contrib.staticfiles.finders import find
from django.core.files.storage import storages
from django.core.management import call_command

pytestmark = pytest.mark.once
IMPORT = re.compile(r"""\bfrom\s+["'](\.[^"']+)["']""")


def test_a_page_never_runs_scripts_of_two_versions(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "medimic.static_files.HashedStaticFiles"},
    }
    call_command("collectstatic", "--noinput", verbosity=0)
    live = storages["staticfiles"].stored_name("js/e2e/live.js")
    imported = IMPORT.findall((tmp_path / live).read_text())
    with open(find("js/e2e/live.js")) as source:
        assert len(imported) == len(IMPORT.findall(source.read())) > 5
    for name in imported:
        assert re.fullmatch(r"\./\w+\.[0-9a-f]{12}\.js", name)
        assert (tmp_path / "js" / "e2e" / name).exists()
