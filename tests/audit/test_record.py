"""What `record` writes, and what its code covers."""

import datetime as dt
import json
import uuid

import pytest
from django.db import IntegrityError, transaction
from django.test import RequestFactory

from accounts.models import Person
from medimic.audit import log
from medimic.audit.log import SYSTEM, Origin, is_genuine, record
from medimic.audit.models import ActorKind, AuditEvent
from tests import cast


def stored(event: AuditEvent) -> AuditEvent:
    return AuditEvent.objects.get(pk=event.pk)


def whole_event(**changes) -> AuditEvent:
    origin = Origin(ActorKind.PERSON, uuid.uuid4(), "192.0.2.7", "Firefox")
    return record(
        "tests.written",
        **{
            "origin": origin,
            "person_id": uuid.uuid4(),
            "organization_id": uuid.uuid4(),
            "subject": Person(pk=uuid.uuid4()),
            "details": {"device": "Anna's iPhone", "count": 3, "first": True, "none": None},
            **changes,
        },
    )


def change_and_record(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(display_name="Changed")
    record("tests.written", origin=SYSTEM, person_id=person.pk)


@pytest.mark.django_db(transaction=True)
def test_refused_outside_of_a_transaction():
    with pytest.raises(RuntimeError, match=r"tests\.written"):
        record("tests.written", origin=SYSTEM)


@pytest.mark.django_db(transaction=True)
def test_rolls_back_with_the_change():
    person = cast.make_person()
    with transaction.atomic():
        change_and_record(person)
        transaction.set_rollback(True)
    person.refresh_from_db()
    assert person.display_name == ""
    assert not AuditEvent.objects.filter(person_id=person.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_the_change_rolls_back_with_it(monkeypatch):
    person = cast.make_person()
    # A row without salt is refused by the database.
    monkeypatch.setattr(log.secrets, "token_hex", lambda _: None)
    with pytest.raises(IntegrityError), transaction.atomic():
        change_and_record(person)
    person.refresh_from_db()
    assert person.display_name == ""


@pytest.mark.django_db
def test_reads_back_genuine():
    event = stored(whole_event())
    assert is_genuine(event)
    assert event.object_type == "accounts.person"
    assert json.loads(event.details) == {"device": "Anna's iPhone", "count": 3, "first": True, "none": None}
    assert [event.position, event.batch, event.person_position, event.organization_position] == [None] * 4


@pytest.mark.django_db
def test_of_nobody_and_nothing_reads_back_genuine():
    assert is_genuine(stored(record("tests.written", origin=SYSTEM)))


OTHERS = {
    "id": uuid.uuid4(),
    "created_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    **{name: uuid.uuid4() for name in ("actor_id", "person_id", "organization_id")},
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", log.COVERED)
def test_the_code_covers(name):
    event = stored(whole_event())
    setattr(event, name, OTHERS.get(name, f"{getattr(event, name)}x"))
    assert not is_genuine(event)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["actor_id", "person_id", "organization_id"])
def test_the_code_covers_what_is_nobody(name):
    event = stored(whole_event())
    setattr(event, name, None)
    assert not is_genuine(event)


def test_every_column_is_covered_or_made_from_what_is():
    columns = {field.name for field in AuditEvent._meta.fields}
    assert columns - set(log.COVERED) == {
        "mac", "mac_key", "position", "batch", "person_position", "organization_position",
    }  # fmt: skip


@pytest.mark.django_db
def test_a_code_under_another_key_is_not_genuine(settings):
    event = stored(whole_event())
    settings.AUDIT_KEYS = [b"another-key-of-thirty-two-bytes!"]
    assert not is_genuine(event)


@pytest.mark.django_db
def test_an_older_key_still_proves(settings):
    event = stored(whole_event())
    settings.AUDIT_KEYS = [b"another-key-of-thirty-two-bytes!", *settings.AUDIT_KEYS]
    assert is_genuine(event)
    newer = stored(whole_event())
    assert is_genuine(newer)
    assert newer.mac_key != event.mac_key


@pytest.mark.django_db
@pytest.mark.parametrize("microsecond", [0, 1, 120_000, 999_999])
def test_instants_come_back_to_the_microsecond(monkeypatch, microsecond):
    instant = dt.datetime(2026, 3, 29, 1, 30, 59, microsecond, tzinfo=dt.UTC)
    monkeypatch.setattr(log.timezone, "now", lambda: instant)
    event = stored(whole_event())
    assert event.created_at == instant
    assert is_genuine(event)


@pytest.mark.django_db
def test_any_text_is_kept_on_one_line():
    text = "Ża\0łó\r\nć\x1b[31m 🩺 \ud800 \u202e"
    event = stored(
        whole_event(
            details={"name": text, "long": "ß" * 1000},
            origin=Origin(ActorKind.ANONYMOUS, None, text * 10, text * 100),
        )
    )
    assert is_genuine(event)
    assert json.loads(event.details)["name"] == "Ża�łó��ć�[31m 🩺 � �"
    assert len(json.loads(event.details)["long"]) == 300
    assert len(event.address) == 45
    assert len(event.agent) == 300
    assert event.details.isascii()


@pytest.mark.django_db
@pytest.mark.parametrize("value", [{"a": 1}, ["a"], 1.5, b"a", object()])
def test_nested_details_are_refused(value):
    with pytest.raises(TypeError):
        record("tests.written", origin=SYSTEM, details={"value": value})


@pytest.mark.django_db
def test_salts_differ():
    assert len({whole_event().salt for _ in range(50)}) == 50


@pytest.mark.django_db
def test_origin_of_a_request(provider):
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.9", headers={"user-agent": "Firefox"})
    assert Origin.of(request).actor_kind == ActorKind.ANONYMOUS
    request.user = provider
    assert Origin.of(request) == Origin(ActorKind.PERSON, provider.pk, "192.0.2.9", "Firefox")
    assert Origin.staff(request) == Origin(ActorKind.STAFF, provider.pk, "192.0.2.9", "Firefox")
    assert Origin.device(request, None).actor_kind == ActorKind.GUEST
    assert Origin.device(request, provider.pk).actor_kind == ActorKind.DEVICE
