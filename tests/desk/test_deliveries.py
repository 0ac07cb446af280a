"""What support sees of deliveries, and having one sent again."""

import datetime as dt

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.desk import acts
from medimic.outbox.mail import enqueue_message
from medimic.outbox.models import Delivery, Service

pytestmark = pytest.mark.django_db

REASON = "They asked for it by phone, ticket 4711"
LIST = "/admin/outbox/delivery/"
State = Delivery.State


def put(person=None, **changes) -> Delivery:
    with transaction.atomic():
        delivery = enqueue_message(
            "tests.greeting",
            to="planted-name@people.example",
            subject="x",
            text="PLANTED-TEXT",
            person_id=person.pk if person else None,
        )
    Delivery.objects.filter(pk=delivery.pk).update(**changes)
    return delivery


def failed(person=None) -> Delivery:
    refused = {"state": State.FAILED, "finished_at": timezone.now(), "attempts": 3}
    return put(person, **refused, last_error="the mail server answered 550")


def sending(delivery: Delivery) -> str:
    return reverse("desk_delivery_sending", args=[delivery.pk])


def rows(answer) -> set:
    return {delivery.pk for delivery in answer.context_data["cl"].result_list}


class TestSendingAgain:
    def test_asks_first_and_changes_nothing(self, desk, provider):
        delivery = failed(provider)
        page = desk.get(f"{LIST}{delivery.pk}/change/").text
        assert sending(delivery) in page
        text = desk.get(sending(delivery)).text
        assert "Send tests.greeting again?" in text
        assert "p…@people.example" in text
        assert "planted" not in (page + text).lower()
        delivery.refresh_from_db()
        assert delivery.state == State.FAILED

    def test_makes_it_due_and_says_why(self, desk, support, provider, sign_in, mailoutbox):
        delivery = failed(provider)
        assert desk.post(sending(delivery), {"reason": REASON}).status_code == 302
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.finished_at) == (State.WAITING, 0, None)
        assert delivery.due_at <= timezone.now()
        row = AuditEvent.objects.get(kind="desk.delivery_resent", person_id=provider.pk)
        assert (row.actor_kind, row.actor_id) == ("staff", support.pk)
        assert REASON in sign_in(provider).get("/settings/activity/").text

    def test_one_that_waits_is_due_at_once(self, desk):
        delivery = put(due_at=timezone.now() + dt.timedelta(hours=1), attempts=4)
        assert desk.post(sending(delivery), {"reason": REASON}).status_code == 302
        delivery.refresh_from_db()
        assert delivery.due_at <= timezone.now()

    def test_one_on_its_way_is_left_alone(self, desk):
        due_at = timezone.now() + dt.timedelta(minutes=4)
        delivery = put(due_at=due_at, lease_id="0" * 32)
        answer = desk.post(sending(delivery), {"reason": REASON}, follow=True)
        assert "on its way just now" in answer.text
        delivery.refresh_from_db()
        assert delivery.due_at == due_at
        assert not AuditEvent.objects.filter(kind="desk.delivery_resent").exists()

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"state": State.SENT, "recipient": "", "body": ""}, "erased"),
            ({"state": State.FAILED, "stale_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "too late"),
        ],
    )
    def test_what_is_over_stays_over(self, desk, changes, why):
        delivery = put(finished_at=timezone.now(), **changes)
        for answer in (desk.get(sending(delivery)), desk.post(sending(delivery), {"reason": REASON})):
            assert why in answer.text
        assert Delivery.objects.get(pk=delivery.pk).state == changes["state"]

    @pytest.mark.parametrize("reason", ["", "too short"])
    def test_without_a_reason_nothing_happens(self, desk, reason):
        delivery = failed()
        assert desk.post(sending(delivery), {"reason": reason}).status_code == 400
        delivery.refresh_from_db()
        assert delivery.state == State.FAILED

    def test_says_that_its_service_is_away(self, desk):
        now = timezone.now()
        Service.objects.create(name="email", channel="email", state="open", opened_at=now, next_try_at=now)
        assert "email is away just now" in desk.get(sending(put())).text

    def test_it_and_its_row_of_the_log_or_nothing(self, support, monkeypatch):
        delivery = failed()
        monkeypatch.setattr(acts, "record", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            acts.resend(delivery=delivery, reason=REASON, origin=SYSTEM)
        delivery.refresh_from_db()
        assert delivery.state == State.FAILED

    def test_nobody_else_may(self, audit_desk, client, sign_in, provider):
        delivery = failed(provider)
        assert audit_desk.post(sending(delivery), {"reason": REASON}).status_code == 403
        assert client.post(sending(delivery), {"reason": REASON}).status_code == 302
        assert sign_in(provider).post(sending(delivery), {"reason": REASON}).status_code in (302, 403)
        delivery.refresh_from_db()
        assert delivery.state == State.FAILED

    def test_is_asked_or_posted_and_nothing_else(self, desk):
        assert desk.put(sending(failed())).status_code == 405
        assert (
            desk.get("/admin/outbox/delivery/00000000-0000-4000-8000-000000000000/sending/").status_code
            == 404
        )


class TestTheList:
    def test_is_narrowed_by_each_filter_and_by_several(self, desk):
        one, two = failed(), put(service="elsewhere", kind="tests.other", channel="sms")
        for query, found in [
            ({"state": "failed"}, {one.pk}),
            ({"channel": "sms"}, {two.pk}),
            ({"service": "elsewhere"}, {two.pk}),
            ({"kind": "tests.greeting"}, {one.pk}),
            ({"kind": "tests.greeting", "state": "waiting"}, set()),
            ({}, {one.pk, two.pk}),
        ]:
            assert rows(desk.get(LIST, query)) == found

    def test_says_how_long_something_waits_and_what_for(self, desk):
        now = timezone.now()
        Service.objects.create(name="away", channel="email", state="open", opened_at=now, next_try_at=now)
        put(created_at=now - dt.timedelta(hours=3), service="away")
        text = desk.get(LIST).text
        assert "3\xa0hours; away is away" in text
        assert "planted" not in text.lower()

    def test_its_queries_do_not_grow_with_the_rows(self, desk):
        def count() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert desk.get(LIST, {"state": "failed"}).status_code == 200
            return len(queries)

        failed()
        count()
        before = count()
        for _ in range(20):
            failed()
        assert count() == before


def test_services_are_listed_with_what_is_wrong(desk):
    now = timezone.now()
    Service.objects.create(
        name="apns", channel="apns", state="open", opened_at=now, next_try_at=now, failures=7,
        last_error="APNs answered 503",
    )  # fmt: skip
    assert "APNs answered 503" in desk.get("/admin/outbox/service/").text
    assert "no attempt of theirs is counted" in desk.get("/admin/outbox/service/apns/change/").text
