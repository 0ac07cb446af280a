"""Hosts are told by mail of new sessions, if they asked for that, and of what each came to."""

import datetime as dt
import json

import pytest
from django.db import transaction
from django.utils import timezone, translation

from accounts import mail_preferences
from accounts.mail_preferences import Kind
from medimic.audit.log import SYSTEM
from medimic.outbox import registry
from medimic.outbox.models import Delivery
from sessions_app import notices, summaries, visits
from sessions_app.models import Participant, Visit
from tests.devices.test_races import race
from tests.sessions_app.conftest import described_device, make_authorization
from tests.sessions_app.room import start

pytestmark = pytest.mark.django_db

SECRETS = ("PLANTED", "Morning round", "Zofia")


@pytest.fixture
def curious(provider):
    """The provider, told of new sessions; in New York, in German, by Polish forms."""
    provider.language, provider.date_locale, provider.time_zone = "de", "pl_PL", "America/New_York"
    provider.save()
    mail_preferences.change(provider, {Kind.NEW_SESSIONS: True}, SYSTEM)
    return provider


def mails(kind):
    return list(Delivery.objects.filter(kind=kind).order_by("created_at"))


def body(delivery):
    return json.loads(delivery.body)


def expired(visit, ago=dt.timedelta(minutes=1)):
    """The session, as if nobody had ended it so long ago."""
    at = timezone.now() - ago
    Visit.objects.filter(pk=visit.pk).update(started_at=at - dt.timedelta(hours=8), expires_at=at)
    visit.refresh_from_db()
    return visit


def test_a_new_session_is_told_of_only_to_who_asked_for_it(phone, provider):
    start(phone)
    assert mails(notices.STARTED) == []
    mail_preferences.change(provider, {Kind.NEW_SESSIONS: True}, SYSTEM)
    visit = start(phone).visit
    (mail,) = mails(notices.STARTED)
    assert (mail.person_id, mail.subject_id, mail.recipient) == (provider.pk, visit.pk, provider.email)


def test_it_says_when_in_the_hosts_own_time_and_on_which_device(phone, curious):
    visit = start(phone, name="PLANTED round").visit
    Visit.objects.filter(pk=visit.pk).update(started_at=dt.datetime(2026, 1, 15, 22, 30, tzinfo=dt.UTC))
    visit.refresh_from_db()
    Delivery.objects.all().delete()
    with transaction.atomic():
        notices.started(visit, SYSTEM)
    (mail,) = mails(notices.STARTED)
    written = body(mail)
    assert written["language"] == "de"
    for part in (written["text"], written["html"]):
        assert "15 sty 2026, 17:30 (America/New_York)" in part
        assert "iPhone 15 Pro" in part
        assert f"/sessions/{visit.pk}/" in part
        assert not any(secret in part for secret in SECRETS)
    assert written["unsubscribe_url"] in written["html"]
    assert written["unsubscribe_url"] in written["text"]


def test_a_summary_holds_times_length_mode_and_number_and_nothing_else(phone, curious):
    visit = start(phone, name="PLANTED round").visit
    began = dt.datetime(2026, 1, 15, 22, 30, tzinfo=dt.UTC)
    Visit.objects.filter(pk=visit.pk).update(started_at=began)
    visit.refresh_from_db()
    Participant.objects.create(visit=visit, name="Zofia", role="patient", commitment="c" * 43)
    Participant.objects.create(visit=visit, name="Zofia", role="patient", state="refused")
    visit.ended_at = began + dt.timedelta(minutes=65)
    with transaction.atomic():
        notices.over(visit)
    (mail,) = mails(notices.SUMMARY)
    text = body(mail)["text"]
    assert "15 sty 2026, 17:30 (America/New_York)" in text
    assert "15 sty 2026, 18:35 (America/New_York)" in text
    assert "1 Std. 5 Min." in text
    assert text.count(": 2\n") == 1
    with translation.override("de"):
        assert str(Visit.Mode.TWO_DEVICE.label) in text
    assert not any(secret in part for secret in SECRETS for part in body(mail).values())
    assert visit.code not in json.dumps(body(mail))


def test_who_came_again_or_with_a_second_device_counts_once(phone, provider, colleague, tablet):
    visit = start(phone).visit
    guest, second = make_authorization(None), make_authorization(provider)
    others = [
        {"person": provider, "authorization": second, "commitment": "b" * 43},
        {"person": colleague, "authorization": make_authorization(colleague), "commitment": "c" * 43},
        {"authorization": guest, "commitment": "d" * 43, "left_at": timezone.now()},
        {"authorization": guest, "commitment": "e" * 43},
        # Two who speak on the host's own screen.
        {"authorization": phone},
        {"authorization": phone},
    ]
    for fields in others:
        Participant.objects.create(visit=visit, name="Zofia", role="other", **fields)
    assert visit.people_admitted() == 5


def test_ending_a_session_sums_it_up_once(phone, provider):
    visit = start(phone).visit
    assert visits.end(visit, origin=SYSTEM)
    visits.end(visit, origin=SYSTEM)
    expired(visit)
    summaries.send()
    (mail,) = mails(notices.SUMMARY)
    assert mail.person_id == provider.pk


def test_nothing_is_ended_when_its_mail_cannot_be_written(phone, monkeypatch):
    visit = start(phone).visit
    monkeypatch.setattr(notices, "enqueue_mail", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        visits.end(visit, origin=SYSTEM)
    visit.refresh_from_db()
    assert visit.ended_at is None


def test_one_that_nobody_ended_is_summed_up_once_it_has_expired(phone, provider):
    visit = start(phone).visit
    summaries.send()
    assert mails(notices.SUMMARY) == []
    expired(visit)
    for _ in range(2):
        summaries.send()
    (mail,) = mails(notices.SUMMARY)
    assert "has expired" in body(mail)["text"]
    visit.refresh_from_db()
    assert visit.summarized_at is not None


def test_what_expired_before_summaries_were_sent_is_left_alone(phone):
    visit = expired(start(phone).visit, summaries.BACK + dt.timedelta(minutes=1))
    summaries.send()
    visit.refresh_from_db()
    assert (mails(notices.SUMMARY), visit.summarized_at) == ([], None)


def test_whoever_switched_summaries_off_gets_none(phone, provider):
    mail_preferences.change(provider, {Kind.SESSION_SUMMARIES: False}, SYSTEM)
    visits.end(start(phone).visit, origin=SYSTEM)
    expired(start(phone).visit)
    summaries.send()
    assert mails(notices.SUMMARY) == []


def test_a_guest_and_a_host_without_an_address_get_none(provider, phone):
    guest = visits.start_as_guest(
        visits.Wanted("Morning round", "two_device"), device=described_device(), origin=SYSTEM
    )
    visits.end(guest.visit, origin=SYSTEM)
    visit = start(phone).visit
    type(provider).objects.filter(pk=provider.pk).update(email=None)
    visits.end(Visit.objects.get(pk=visit.pk), origin=SYSTEM)
    assert mails(notices.SUMMARY) == []


def test_a_switch_or_a_closed_account_meanwhile_stops_the_mail(phone, provider):
    mail_preferences.change(provider, {Kind.NEW_SESSIONS: True}, SYSTEM)
    visit = start(phone).visit

    def wanted():
        return [registry.is_wanted(kind, visit.pk) for kind in (notices.STARTED, notices.SUMMARY)]

    assert wanted() == [True, True]
    mail_preferences.change(provider, {Kind.NEW_SESSIONS: False}, SYSTEM)
    assert wanted() == [False, True]
    type(provider).objects.filter(pk=provider.pk).update(is_active=False)
    assert wanted() == [False, False]
    assert not registry.is_wanted(notices.SUMMARY, None)


def test_the_worker_looks_for_what_has_expired_by_an_index_of_its_own(phone, django_assert_num_queries):
    assert registry.job("sessions.summaries").run is summaries.send
    with django_assert_num_queries(1):
        summaries.send()
    now = timezone.now()
    plan = Visit.objects.expired(now).filter(summarized_at=None, expires_at__gt=now - summaries.BACK)
    if "sqlite" in plan.query.get_compiler("default").connection.vendor:
        assert "visit_unsummarized" in plan.order_by("expires_at", "id").explain()


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_sum_each_session_up_once(outsider):
    tablet = make_authorization(outsider)
    for _ in range(3):
        expired(start(tablet).visit)
    race(lambda _: summaries.send(), 8)
    assert len(mails(notices.SUMMARY)) == 3
