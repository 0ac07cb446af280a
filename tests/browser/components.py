"""What the browser tests need of the machine, and where it is."""

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
NODE_MODULES = HERE / "node_modules"
AXE = NODE_MODULES / "axe-core" / "axe.min.js"
VNU = NODE_MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"


def chromium() -> str | None:
    """The browser's executable."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def windowless() -> str | None:
    """The same browser without its windows, which cost more than the pages in them; where there is none,
    the browser itself. It has no push service."""
    return shutil.which("chromium-headless-shell") or chromium()


@cache
def node_modules() -> bool:
    """Install the locked npm packages, once for each content of the lock; False without npm."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = NODE_MODULES / f".installed-{lock[:16]}"
    if stamp.exists():
        return True
    npm = shutil.which("npm")
    if npm is None:
        return False
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=HERE, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    stamp.touch()
    return True


def java() -> str | None:
    """What runs the HTML checker."""
    return shutil.which("java")


def missing() -> list[str]:
    """The names of what this machine lacks."""
    found = {
        "Chromium": chromium(),
        "npm (for axe-core)": node_modules(),
        "Java (for the HTML checker)": java(),
    }
    return [name for name, present in found.items() if not present]
