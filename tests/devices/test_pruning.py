import datetime as dt

import pytest
from django.utils import timezone

from devices.models import DeviceAuthorization, Registration, Token, TokenFamily
from devices.pruning import prune
from tests.devices.kit import call, link_for, sign_in_device

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LONG_AGO = dt.timedelta(days=8)


def test_deletes_what_is_long_over_and_keeps_what_counts(provider):
    over, kept = sign_in_device(provider), sign_in_device(provider)
    past = timezone.now() - LONG_AGO
    Token.objects.filter(authorization=over.authorization).update(expires_at=past)
    TokenFamily.objects.filter(authorization=over.authorization).update(expires_at=past)
    prune()
    assert set(Token.objects.values_list("authorization", flat=True)) == {kept.authorization.pk}
    assert TokenFamily.objects.count() == 1
    assert call("get", "device", token=kept.tokens.access_token).status_code == 200


def test_ends_authorizations_whose_link_came_to_nothing(provider):
    stale, fresh = link_for(provider).authorization, link_for(provider).authorization
    past = timezone.now() - LONG_AGO
    Registration.objects.filter(authorization=stale).update(expires_at=past)
    DeviceAuthorization.objects.filter(pk=stale.pk).update(created_at=past)
    prune()
    prune()
    stale.refresh_from_db()
    assert stale.revoked_reason == "expired"
    assert list(DeviceAuthorization.objects.listed()) == [fresh]
