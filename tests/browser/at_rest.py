"""What a portal has written down, and whether words can be found in it, however they are encoded."""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import psycopg
from psycopg import sql

from tests.browser.portal import Portal


def forms(words: str) -> dict[str, bytes]:
    """The words as bytes: in UTF-8 and UTF-16, in base64 at each alignment, in hex, escaped for JSON, for
    addresses, for HTML and for mails. What stands at the edges of base64 depends on what is beside it."""
    plain = words.encode()
    made = {
        "utf-8": plain,
        "utf-16-le": words.encode("utf-16-le"),
        "utf-16-be": words.encode("utf-16-be"),
        "hex": plain.hex().encode(),
        "hex, upper case": plain.hex().upper().encode(),
        "utf-16 in hex": words.encode("utf-16-le").hex().encode(),
        "JSON": json.dumps(words)[1:-1].encode(),
        "address": quote(words, safe="").encode(),
        "form": quote(words, safe=" ").replace(" ", "+").encode(),
    }
    for shift in range(3):
        # The first sign holds bits of what stands before, the last ones of what comes after.
        start = -shift % 3
        whole = plain[start : start + (len(plain) - start) // 3 * 3]
        for name, encoded in (
            ("base64", base64.b64encode(whole)),
            ("base64url", base64.urlsafe_b64encode(whole)),
        ):
            made[f"{name}, {shift} bytes further"] = encoded
    return made


def found(words: str, places: dict[str, bytes]) -> set[tuple[str, str]]:
    """Where the words stand, as (place, form); also across the line ends that encoders put in."""
    bare = {place: (content, re.sub(rb"=?\r?\n", b"", content)) for place, content in places.items()}
    return {
        (place, form)
        for form, encoded in forms(words).items()
        for place, contents in bare.items()
        if any(encoded in content for content in contents)
    }


def written(portal: Portal) -> dict[str, bytes]:
    """A dump of the database, its files, the logs, the mails, and whatever else lies in its directories."""
    places = {"dump": b"\n".join(dump(portal.environment["DATABASE_URL"]))}
    for file in files(portal):
        places[str(file)] = file.read_bytes()
    return places


def files(portal: Portal) -> Iterator[Path]:
    url = portal.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        database = Path(url.removeprefix("sqlite:///"))
        yield from sorted(database.parent.glob(f"{database.name}*"))
    for directory in (portal.directory, Path(portal.environment["VAR_DIR"])):
        for file in sorted(directory.rglob("*")):
            # Phones are no part of the portal, static files the same for all.
            if file.is_file() and file.suffix != ".json" and "static" not in file.parts:
                yield file


def dump(url: str) -> Iterator[bytes]:
    """Every row of every table, as a dump has it."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)
        yield from (line.encode() for line in connection.iterdump())
        for table in [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield from (value for value in row if isinstance(value, bytes))
        connection.close()
        return
    host, database = unquote(url.partition("@/")[2]).rsplit("/", 1)
    with psycopg.connect(host=host, dbname=database, user="portal") as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
                yield from (bytes(block) for block in copy)
