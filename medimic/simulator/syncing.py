"""Being brought up to date, and answering what is asked."""

import datetime as dt
import uuid
from typing import Any

from medimic.simulator.errors import Failure, failure
from medimic.simulator.phone import Phone

KINDS = ("sessions", "invitations", "organizations", "enrollments", "questionnaires")
YES, NO = ("yes", "true"), ("no", "false")
# An answer that leaves its question out.
NOTHING = "-"


def sync(phone: Phone) -> dict[str, Any]:
    """Fetch what changed since the last time, all of it; what is to be answered is kept."""
    try:
        return _sync(phone)
    except Failure as refusal:
        if refusal.document.get("code") != "cursor_unknown":
            raise
    # The account is another one now, or the portal lost some time: from the beginning.
    phone.keychain.cursor, phone.keychain.questionnaires = "", {}
    return _sync(phone)


def _sync(phone: Phone) -> dict[str, Any]:
    keychain = phone.keychain
    news: dict[str, Any] = {kind: [] for kind in (*KINDS, "deleted")}
    has_more = True
    while has_more:
        place = f"?cursor={keychain.cursor}" if keychain.cursor else ""
        answer = phone.call("GET", f"/api/sync{place}")
        for kind, found in news.items():
            found += answer[kind]
        for told in answer["questionnaires"]:
            keychain.questionnaires[told["id"]] = told
        for gone in answer["deleted"]:
            if gone["kind"] == "questionnaire":
                keychain.questionnaires.pop(gone["id"], None)
        keychain.cursor, has_more = answer["cursor"], answer["has_more"]
        # Where it is cut off here, the next call goes on behind this one.
        keychain.save()
    return {**news, "cursor": keychain.cursor}


def answer(phone: Phone, questionnaire: str, words: list[str]) -> dict[str, Any]:
    """Answer a questionnaire that the last sync brought; one word for each question, in their order."""
    known = phone.keychain.questionnaires.get(questionnaire)
    if known is None:
        raise failure("questionnaire_unknown", "The last sync brought no such questionnaire.")
    items = known["resource"]["item"]
    if len(words) > len(items):
        raise failure("too_many_answers", f"It asks {len(items)} questions.")
    body = {
        "resourceType": "QuestionnaireResponse",
        "id": str(uuid.uuid4()),
        "questionnaire": known["canonical"],
        "status": "completed",
        "authored": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "item": [
            {"linkId": item["linkId"], "answer": [_value(item, word)]}
            for item, word in zip(items, words, strict=False)
            if word != NOTHING
        ],
    }
    return phone.call("POST", "/api/questionnaire-responses", body)


def _value(item: dict[str, Any], word: str) -> dict[str, Any]:
    """A word as an answer of its question's type; one that does not fit is sent as text, and refused."""
    match item["type"]:
        case "boolean" if word.lower() in YES + NO:
            return {"valueBoolean": word.lower() in YES}
        case "integer" if word.lstrip("-").isdecimal():
            return {"valueInteger": int(word)}
        case "date":
            return {"valueDate": word}
        case "choice":
            codes = {o["valueCoding"]["display"]: o["valueCoding"]["code"] for o in item["answerOption"]}
            return {"valueCoding": {"code": codes.get(word, word)}}
    return {"valueString": word}
