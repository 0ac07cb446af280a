"""The admin's lists: found and not browsed, in the order of an index, looked at on record."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from medimic.audit.models import AuditEvent
from medimic.outbox.admin import Narrow
from medimic.readonly_admin import FoundOnly, ReadOnlyAdmin
from tests.cast import make_person, subscribe
from tests.devices.kit import sign_in_device

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LISTS = [f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry]
SUPPORT_SEES = [
    "accounts/person", "devices/device", "devices/deviceauthorization", "outbox/delivery",
    "outbox/service", "orgs/organization", "orgs/membership", "billing/subscription", "audit/auditevent",
    "sessions_app/segment", "sessions_app/envelope",
]  # fmt: skip
FOUND_ONLY = [
    "accounts/person", "devices/device", "devices/deviceauthorization", "orgs/membership",
    "billing/subscription",
]  # fmt: skip


def rows(answer) -> list:
    return list(answer.context_data["cl"].result_list)


@pytest.mark.parametrize("path", FOUND_ONLY)
def test_nobody_is_listed_unasked(desk, provider, clinic, path):
    sign_in_device(provider)
    subscribe(provider)
    assert rows(desk.get(f"/admin/{path}/")) == []


@pytest.mark.parametrize("path", FOUND_ONLY)
@pytest.mark.parametrize("term", ["email", "name", "id"])
def test_everything_is_found_by_its_person(desk, provider, clinic, path, term):
    sign_in_device(provider)
    subscribe(provider)
    terms = {
        "email": provider.email,
        "name": f"{provider.last_name} {provider.first_name}",
        "id": provider.pk,
    }
    assert len(rows(desk.get(f"/admin/{path}/", {"q": str(terms[term])}))) == 1
    assert rows(desk.get(f"/admin/{path}/", {"q": "nobodyatall"})) == []


@pytest.mark.parametrize("path", ["orgs/organization", "orgs/membership", "billing/subscription"])
def test_and_by_its_organization(desk, clinic, provider, path):
    found = rows(desk.get(f"/admin/{path}/", {"q": clinic.slug[:9]}))
    assert found
    assert rows(desk.get(f"/admin/{path}/", {"q": "elsewhere"})) == []


def test_more_than_fit_are_cut_and_told(desk, db):
    for number in range(FoundOnly.MOST + 1):
        make_person("Anna", f"Many{number}")
    answer = desk.get("/admin/accounts/person/", {"q": "anna"})
    assert len(rows(answer)) == FoundOnly.MOST
    assert "Type more" in answer.text


@pytest.mark.parametrize("path", LISTS)
def test_has_one_order_and_nothing_that_no_index_has(path):
    options = next(
        o for m, o in admin.site._registry.items() if path == f"{m._meta.app_label}/{m._meta.model_name}"
    )
    assert isinstance(options, ReadOnlyAdmin)
    assert options.show_full_result_count is False
    assert tuple(options.sortable_by) == ()
    # A filter is one that knows its choices without reading all rows, and an index has its column first.
    leading = {index.fields[0] for index in options.model._meta.indexes}
    for narrow in options.list_filter:
        assert issubclass(narrow, Narrow)
        assert narrow.parameter_name in leading
    assert options.show_facets == admin.ShowFacets.NEVER or not options.list_filter
    assert options.date_hierarchy is None
    assert options.actions is None


@pytest.mark.parametrize("path", SUPPORT_SEES)
def test_each_look_at_a_list_is_in_the_log(desk, support, path):
    assert desk.get(f"/admin/{path}/", {"q": ""}).status_code == 200
    row = AuditEvent.objects.get(kind="desk.list_viewed")
    assert (row.actor_kind, row.actor_id, row.person_id) == ("staff", support.pk, None)
    assert f'"what":"{path.replace("/", ".")}"' in row.details


def test_a_look_at_a_persons_log_is_in_it(audit_desk, provider, sign_in):
    sign_in_device(provider)
    audit_desk.get("/admin/audit/auditevent/", {"q": str(provider.pk)})
    assert AuditEvent.objects.filter(kind="desk.list_viewed", person_id=provider.pk).exists()
    assert "Support looked at a list" in sign_in(provider).get("/settings/activity/").text


@pytest.mark.parametrize("path", ["devices/deviceauthorization", "devices/device"])
def test_a_look_at_a_device_is_in_its_persons_log(desk, provider, path):
    row = sign_in_device(provider).authorization
    key = row.pk if path.endswith("authorization") else row.device_id
    assert desk.get(f"/admin/{path}/{key}/change/").status_code == 200
    event = AuditEvent.objects.get(kind="desk.viewed")
    assert (event.person_id, event.object_id) == (provider.pk, str(key))


@pytest.mark.parametrize("path", ["accounts/person", "devices/deviceauthorization", "devices/device"])
def test_queries_do_not_grow_with_the_rows(desk, path):
    def count(term: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert rows(desk.get(f"/admin/{path}/", {"q": term}))
        return len(queries)

    for number in range(6):
        sign_in_device(make_person("Few" if number < 2 else "Lots", "Fewer"))
    count("few")
    assert count("few") == count("lots")


def test_auditors_read_the_log_and_nothing_else(audit_desk):
    seen = [path for path in LISTS if audit_desk.get(f"/admin/{path}/").status_code == 200]
    assert seen == ["audit/auditevent"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("act", ["add/", "{}/delete/"])
def test_nothing_is_added_or_deleted(desk, audit_desk, provider, path, act):
    for client in (desk, audit_desk):
        assert client.get(f"/admin/{path}/{act.format(provider.pk)}").status_code in (302, 403)
        assert client.post(f"/admin/{path}/{act.format(provider.pk)}", {"post": "yes"}).status_code in (
            302,
            403,
        )
