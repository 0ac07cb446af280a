import pytest
from django.contrib import admin
from django.test import RequestFactory

from devices.models import Device, DeviceAuthorization
from tests.devices.kit import push, sign_in_device

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [Device, DeviceAuthorization])
def test_finds_by_id_model_and_account(provider, support, model):
    row = sign_in_device(provider).authorization
    wanted = row if model is DeviceAuthorization else row.device
    options = admin.site.get_model_admin(model)
    request = RequestFactory().get("/")
    request.user = support
    for term in (str(wanted.pk), "iPhone 15", "provider@people"):
        found, _ = options.get_search_results(request, model.objects.all(), term)
        assert list(found) == [wanted]
    found, _ = options.get_search_results(request, model.objects.all(), "nobody")
    assert not found


@pytest.mark.parametrize("model", [Device, DeviceAuthorization])
def test_is_to_look_at_and_shows_no_secret(provider, support, model):
    row = sign_in_device(provider, push=push()).authorization
    wanted = row if model is DeviceAuthorization else row.device
    options = admin.site.get_model_admin(model)
    request = RequestFactory().get("/")
    request.user = support
    assert not options.has_change_permission(request, wanted)
    assert not options.has_delete_permission(request, wanted)
    assert not options.has_add_permission(request)
    assert options.show_full_result_count is False
    shown = {*options.get_fields(request, wanted), *options.list_display}
    assert not shown & {"identifier_hash", "push_token", "push_hash", "phone_number"}
