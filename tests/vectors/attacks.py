"""What somebody who holds the database, or the network, can try."""

from tests.vectors.parts import (
    HOST,
    JOINER,
    KEYS,
    NONCES,
    OTHER_SESSION,
    SESSION,
    SESSION_KEY,
    b64,
    commitment,
    compact,
    envelope,
    flipped,
    one_segment,
    public,
    said,
    some,
    unb64,
)


def refused_segments():
    whole = one_segment(HOST, 5, said("Take two of them."))
    length = len(unb64(whole["ciphertext"]))
    cut = b64(unb64(whole["ciphertext"])[:-1])

    def but(why, **changes):
        return {name: value for name, value in {"why": why, **whole, **changes}.items() if name != "content"}

    def malformed(why, text):
        return {
            **but(why),
            **{k: v for k, v in one_segment(HOST, 5, why, text=text).items() if k != "content"},
        }

    good = said("Take two of them.")
    return [
        but("first byte flipped", ciphertext=flipped(whole["ciphertext"])),
        but("last byte of the tag flipped", ciphertext=flipped(whole["ciphertext"], length - 1, 0x80)),
        but("nonce flipped", nonce=flipped(whole["nonce"])),
        but("moved to another session", session=OTHER_SESSION),
        but("moved to another participant", participant=JOINER),
        but("moved to another place", sequence=6),
        but("place zero", sequence=0),
        but("place as text", sequence="5"),
        but("another key", session_key=b64(some("another key"))),
        but("cut off", ciphertext=cut),
        but("no more than a tag", ciphertext=whole["ciphertext"][:22]),
        but("empty", ciphertext=""),
        but("padded base64", ciphertext=whole["ciphertext"] + "="),
        but("base64 that is not canonical", nonce=whole["nonce"][:-1] + "*"),
        but("nonce too short", nonce=b64(unb64(whole["nonce"])[:-1])),
        but("participant that is no id", participant="host"),
        malformed("not JSON", "Take two of them."),
        malformed("not UTF-8", b"\xff"),
        malformed("a list", "[1]"),
        malformed("another version", compact({**good, "v": 2})),
        malformed("version true", compact({**good, "v": True})),
        malformed("unknown type", compact({**good, "type": "picture"})),
        malformed("text that is a number", compact({**good, "text": 5})),
        malformed("half a character", compact(good).replace("Take", "\\ud800")),
        malformed("no speaker", compact({**good, "speaker": None})),
        malformed("no seen", compact({name: good[name] for name in good if name != "seen"})),
        malformed("seen below zero", compact({**good, "seen": {HOST: -1}})),
        malformed("seen as text", compact({**good, "seen": {HOST: "1"}})),
    ]


def refused_envelopes():
    def case(why, wrapped, *, session=SESSION, recipient="joiner", sender="host"):
        return {
            "why": why,
            "session": session,
            "wrapped": wrapped,
            "recipient": KEYS[recipient],
            "sender": public(KEYS[sender]),
        }

    good = envelope(SESSION, SESSION_KEY, KEYS["host"], KEYS["joiner"])
    forged = envelope(SESSION, SESSION_KEY, KEYS["stranger"], KEYS["joiner"])
    return [
        case("flipped", flipped(good)),
        case("flipped at its end", flipped(good, 39)),
        case("another session", good, session=OTHER_SESSION),
        case("another recipient", good, recipient="stranger"),
        case("made by somebody else", forged),
        case("said to be from somebody else", good, sender="stranger"),
        case("sent back", good, recipient="host", sender="joiner"),
        case("too short", good[:-2]),
        case("empty", ""),
    ]


def refused_keys():
    good = public(KEYS["host"])
    return [
        {"why": "not on the curve", "public_key": {**good, "y": flipped(good["y"], 31)}},
        {"why": "zero", "public_key": {**good, "x": b64(bytes(32)), "y": b64(bytes(32))}},
        {"why": "beyond the field", "public_key": {**good, "x": b64(b"\xff" * 32)}},
        {"why": "too short", "public_key": {**good, "x": good["x"][:-2]}},
        {"why": "not canonical", "public_key": {**good, "x": good["x"] + "="}},
        {"why": "another curve", "public_key": {**good, "crv": "P-384"}},
        {"why": "another kind", "public_key": {**good, "kty": "OKP"}},
        {"why": "nothing", "public_key": None},
    ]


def refused_commitments():
    committed = b64(commitment(KEYS["joiner"], NONCES["joiner"]))

    def case(why, key="joiner", nonce="joiner", committed=committed):
        return {
            "why": why,
            "commitment": committed,
            "public_key": public(KEYS[key]),
            "nonce": b64(NONCES[nonce]),
        }

    return [
        case("another key", key="stranger"),
        case("another nonce", nonce="stranger"),
        case("flipped", committed=flipped(committed)),
        {**case("nonce too short"), "nonce": b64(NONCES["joiner"][:-1])},
    ]


def row(position, made, *, late=False, **changes):
    names = ("sequence", "nonce", "ciphertext")
    return {
        "position": position,
        "participant_id": made["participant"],
        **{name: made[name] for name in names},
        "is_late": late,
        **changes,
    }


def all_transcripts():
    """A conversation of two, and what somebody who holds the database can do to it."""
    h1 = one_segment(HOST, 1, said("one"))
    j1 = one_segment(JOINER, 1, said("two", {HOST: 1}, "Łucja", "patient"))
    h2 = one_segment(HOST, 2, said("three", {JOINER: 1}))
    j2 = one_segment(JOINER, 2, said("four", {HOST: 2}, "Łucja", "patient"))
    end = one_segment(HOST, 3, {"v": 1, "type": "end", "seen": {HOST: 2, JOINER: 2}})
    late = one_segment(JOINER, 3, said("five", {HOST: 2}, "Łucja", "patient"))
    forged = one_segment(HOST, 2, said("five of them"), key=some("a stranger's key"))
    own_end = one_segment(JOINER, 3, {"v": 1, "type": "end", "seen": {HOST: 2, JOINER: 2}})
    elsewhere = one_segment(HOST, 2, said("three"), session=OTHER_SESSION)
    conversation = [h1, j1, h2, j2, end]

    def rows(*made):
        return [row(position * 3, segment) for position, segment in enumerate(made, start=1)]

    def case(why, its_rows, warnings, problems=None, before=None, *, is_over=True, known=None, host=HOST):
        return {
            "why": why,
            "session": SESSION,
            "session_key": b64(SESSION_KEY),
            "host": host,
            "is_over": is_over,
            "known": known or {},
            "rows": its_rows,
            # By position, what is not there is clean.
            "problems": problems or {},
            "before": before or {},
            "warnings": warnings,
        }

    return [
        case("whole", rows(*conversation), []),
        case("whole, to somebody who was not there", rows(*conversation), [], host=None),
        case("without an end, to somebody who was not there", rows(*conversation[:4]), ["end"], host=None),
        case("nothing yet", [], [], is_over=False),
        case("nothing, and over", [], ["end"]),
        case("still going on", rows(*conversation[:3]), [], is_over=False),
        case("given in another order", rows(*conversation)[::-1], []),
        case("a late part", [*rows(*conversation), row(99, late, late=True)], []),
        case("the host left without an end", rows(*conversation[:4]), ["end"]),
        case("the end of somebody else", rows(*conversation[:4], own_end), ["end"]),
        case(
            "the tail before the end cut off",
            rows(h1, j1, h2, end),
            ["missing", "end"],
            before={"12": ["missing"]},
        ),
        case(
            "everything of the joiner withheld",
            rows(h1, h2, end),
            ["missing", "end"],
            before={"6": ["missing"], "9": ["missing"]},
        ),
        case(
            "the beginning cut off",
            rows(j1, h2, j2, end),
            ["missing"],
            before={"3": ["missing"], "6": ["missing"]},
        ),
        case(
            "one taken out of the middle",
            rows(h1, j1, j2, end),
            ["missing"],
            before={"9": ["missing"], "12": ["missing"]},
        ),
        case(
            "two of one writer exchanged",
            rows(h2, j1, h1, j2, end),
            ["order"],
            before={"3": ["order"], "9": ["order"]},
        ),
        case(
            "an answer put before its question", rows(j1, h1, h2, j2, end), ["order"], before={"3": ["order"]}
        ),
        case("one twice", rows(h1, j1, h2, h2, j2, end), ["repeated"], problems={"12": "repeated"}),
        case(
            "one twice, called the next",
            [*rows(*conversation), row(99, {**j2, "sequence": 3})],
            ["changed"],
            problems={"99": "changed"},
        ),
        case(
            "one of another session",
            rows(h1, j1, elsewhere, j2, end),
            ["changed", "missing"],
            problems={"9": "changed"},
            before={"12": ["missing"], "15": ["missing"]},
        ),
        case(
            "one forged",
            rows(h1, j1, forged, j2, end),
            ["changed", "missing"],
            problems={"9": "changed"},
            before={"12": ["missing"], "15": ["missing"]},
        ),
        case(
            "a forged one before the true one",
            rows(h1, j1, forged, h2, j2, end),
            ["changed"],
            problems={"9": "changed"},
        ),
        case(
            "one flipped",
            [*rows(h1, j1, h2, j2), row(15, end, ciphertext=flipped(end["ciphertext"], 7))],
            ["changed", "end"],
            problems={"15": "changed"},
        ),
        case(
            "under another name",
            rows(h1, j1, {**h2, "participant": JOINER}, j2, end),
            ["changed", "missing"],
            problems={"9": "changed"},
            before={"12": ["missing"], "15": ["missing"]},
        ),
        case("what this device delivered last withheld", rows(*conversation), ["missing"], known={JOINER: 3}),
        case("what this device delivered is there", rows(*conversation), [], known={JOINER: 2, HOST: 3}),
        case(
            "the host went on after an end",
            [*rows(*conversation), row(99, one_segment(HOST, 4, said("six")))],
            ["end"],
        ),
    ]
