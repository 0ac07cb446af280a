"""Processes of their own on the test database, to be killed.

child = start("tests.audit.children:change", person_id)   # calls change("…")
child.stdout.readline()
child.kill()
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def start(function: str, *arguments: str, **settings: Any) -> subprocess.Popen:
    """Call `module:function` in a new process, with these settings on top of the tests' own."""
    from django.db import connection

    settings["DATABASE"] = connection.settings_dict["NAME"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.processes", function, *map(str, arguments)],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "CHILD_SETTINGS": json.dumps(settings),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    import django
    from django.conf import settings

    changes = json.loads(os.environ["CHILD_SETTINGS"])
    settings.DATABASES["default"]["NAME"] = changes.pop("DATABASE")
    for name, value in changes.items():
        setattr(settings, name, value)
    django.setup()
    module, _, name = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), name)(*sys.argv[2:])


if __name__ == "__main__":
    main()
