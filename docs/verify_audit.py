"""Verify an export of MediMic's audit log, offline.

    pip install cryptography
    python verify_audit.py EXPORT.jsonl PUBLIC_KEY

PUBLIC_KEY: 64 hexadecimal digits, from https://<the portal>/.well-known/audit-key or, better, from
somewhere that the portal cannot change, such as paper or an older export's report.
"""

import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PARTS = ["event", "origin", "person", "organization", "code"]
# The row of the export itself, which comes last: whose log it is, and what numbers that log's rows.
EXPORTS = {
    "audit.exported": ("person", "person_id", "person", "person_position"),
    "orgs.audit_exported": ("organization", "organization_id", "organization", "organization_position"),
    "audit.log_exported": ("log", None, "event", "position"),
}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(data):
    return hashlib.sha256(data).digest()


def is_signed(statement, key, signature):
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), b"medimic-audit\n" + canonical(statement))
    except InvalidSignature:
        return False
    return True


def demand(condition, what):
    if not condition:
        sys.exit(f"NOT VERIFIED: {what}")


def trusted_keys(takeovers, key):
    """From the key that was given on to those before and after it: the last batch that each may sign."""
    until = {key: float("inf")}
    for _ in takeovers:
        for line in takeovers:
            made = line["statement"]
            new, old, batch = made["key"], made["succeeds"], made["batch"]
            if not is_signed(made, new, line["signature"]):
                continue
            if new in until and batch <= until[new]:
                until[old] = min(until.get(old, batch - 1), batch - 1)
            elif old in until and is_signed(made, old, line.get("consent", "00")):
                until[new], until[old] = float("inf"), batch - 1
    return until


def verify(lines, key):
    found = {
        kind: [line for line in lines if line["type"] == kind]
        for kind in ("takeover", "prune", "checkpoint", "row")
    }
    demand(sum(map(len, found.values())) == len(lines), "a line of an unknown type")
    until = trusted_keys(found["takeover"], key)
    for line in found["checkpoint"] + found["prune"]:
        made = line["statement"]
        what = f"{made['what']} {made['batch']}"
        demand(made["what"] == line["type"], f"{what} is something else")
        demand(made["batch"] <= until.get(made["key"], -1), f"{what} is signed with a key that is not known")
        demand(is_signed(made, made["key"], line["signature"]), f"{what} was changed")
    roots = {line["statement"]["batch"]: line["statement"]["root"] for line in found["checkpoint"]}
    rows = []
    for line in found["row"]:
        demand(len(line["parts"]) == len(PARTS), "a row that is not whole")
        row, leaf = {}, b""
        for name, part in zip(PARTS, line["parts"]):
            if isinstance(part, dict):
                demand(part["part"] == name, "a row whose parts are mixed up")
                row[name] = part
            leaf += sha256(canonical(part)) if isinstance(part, dict) else bytes.fromhex(part)
        demand("event" in row, "a row that hides what happened")
        digest = sha256(b"\x00" + leaf)
        for step in line["proof"]:
            beside = bytes.fromhex(step[1:])
            digest = sha256(b"\x01" + (beside + digest if step[0] == "L" else digest + beside))
        position = row["event"]["position"]
        demand(
            digest.hex() == roots.get(row["event"]["batch"]), f"the row at position {position} was changed"
        )
        rows.append(row)
    demand(rows, "there are no rows")
    return report(rows, found["prune"])


def report(rows, prunes):
    """Whether it is all there is, which the last row, the export's own, shows."""
    own = rows[-1]["event"]
    demand(own["kind"] in EXPORTS, "the end was cut off: the last row is not that of the export")
    scope, whose, part, number = EXPORTS[own["kind"]]
    mine = [row for row in rows if whose is None or row["event"][whose] == own[whose]]
    for row in rows:
        caused = scope == "person" and row.get("origin", {}).get("actor_id") == own["person_id"]
        demand(row in mine or caused, f"the row at position {row['event']['position']} is not of this log")
    demand(all(row.get(part, {}).get(number) for row in mine), "a row without its number")
    numbers = [row[part][number] for row in mine]
    demand(
        sorted(set(numbers)) == sorted(numbers) and numbers[-1] == max(numbers),
        "a row twice, or behind the end",
    )
    asked = {name: value for name, value in json.loads(own["details"]).items() if value and name != "format"}
    first = min(numbers)
    if asked:
        print(f"A selection ({', '.join(sorted(asked))}): the rows are genuine, and others may exist.")
    else:
        demand(len(numbers) == numbers[-1] - first + 1, "rows are missing in between")
        before = max((line["statement"]["before"] for line in prunes), default=None)
        demand(first == 1 or before, f"rows 1 to {first - 1} are missing, and nothing was pruned")
        if first > 1:
            print(f"Rows 1 to {first - 1} were pruned: the portal deletes what is made before {before}.")
    others = len(rows) - len(mine)
    print(
        f"VERIFIED: {len(mine)} rows of the {scope} {own[whose] if whose else ''}".rstrip()
        + (f" and {others} acts of that person in other logs" if others else "")
        + f", {'selected' if asked else 'complete'} up to {own['created_at']}."
    )


if __name__ == "__main__":
    demand(len(sys.argv) == 3, "usage: verify_audit.py EXPORT.jsonl PUBLIC_KEY")
    with open(sys.argv[1], encoding="utf-8") as file:
        try:
            verify([json.loads(line) for line in file], sys.argv[2].strip().lower())
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            demand(False, f"the file cannot be read ({type(error).__name__})")
