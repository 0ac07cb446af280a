import pytest
from django.utils import timezone

from devices.models import Device, DeviceAuthorization, Token
from medimic.simulator.errors import Failure
from sessions_app.models import Visit


def code_of(raised):
    return raised.value.document["code"]


def test_a_link_signs_in_and_a_session_starts(phone, provider, link_for, crypto_keys):
    answer = phone.open(link_for(provider), crypto_keys)
    assert answer["device"]["model"] == "iPhone 15 Pro"
    assert (answer["tenant_id"], answer["instance_id"]) == ("medimic", "portal")

    started = phone.start_session("Visit", "two_device")
    visit = Visit.objects.get(pk=started["id"])
    assert (visit.host, visit.code, visit.mode) == (provider, started["code"], "two_device")
    assert phone.whoami()["device_status_id"] == "ACTIVE"
    assert phone.end(started["id"])["status"] == "ended"


def test_nothing_secret_is_printed(phone, provider, link_for, crypto_keys):
    printed = [
        phone.open(link_for(provider), crypto_keys),
        phone.start_session("Visit", "shared_device"),
        phone.refresh(),
        phone.whoami(),
    ]
    kept = phone.keychain
    secrets = [kept.access_token, kept.refresh_token, *kept.sessions.values(), kept.device_id]
    for secret in [*secrets, kept.private_key["d"], kept.proof_key["d"]]:
        assert secret not in str(printed)


def test_a_revoked_phone_is_refused_on_its_next_call(phone, provider, link_for, crypto_keys):
    phone.open(link_for(provider), crypto_keys)
    authorization = DeviceAuthorization.objects.get(account=provider)
    authorization.revoke(by=provider, reason=authorization.RevokedReason.SELF)
    for call in (phone.whoami, phone.refresh, lambda: phone.start_session("Visit", "shared_device")):
        with pytest.raises(Failure) as refusal:
            call()
        assert code_of(refusal) == "device_revoked"


def test_a_lost_answer_to_the_sign_in_is_asked_for_again(phone, portal, provider, link_for, crypto_keys):
    portal.lost = 1
    phone.open(link_for(provider), crypto_keys)
    assert len(portal.requests) == 2
    assert phone.whoami()["device_status_id"] == "ACTIVE"
    assert Device.objects.count() == 1


def test_a_lost_answer_to_a_start_makes_one_session(phone, portal, provider, link_for, crypto_keys):
    phone.open(link_for(provider), crypto_keys)
    portal.lost = 1
    started = phone.start_session("Visit", "shared_device")
    assert Visit.objects.get().pk.hex == started["id"].replace("-", "")


def test_a_lost_answer_to_a_guest_makes_one_session(phone, portal):
    portal.lost = 1
    phone.start_session("Visit", "shared_device")
    assert Visit.objects.count() == 1
    assert phone.whoami()["model"] == "iPhone 15 Pro"


def test_a_lost_answer_to_a_refresh_keeps_the_chain(phone, portal, provider, link_for, crypto_keys):
    phone.open(link_for(provider), crypto_keys)
    portal.lost = 1
    phone.refresh()
    phone.whoami()
    phone.refresh()


def test_two_lost_answers_are_told(phone, portal, provider, link_for, crypto_keys):
    portal.lost = 2
    with pytest.raises(Failure) as failed:
        phone.open(link_for(provider), crypto_keys)
    assert code_of(failed) == "answer_lost"


def test_an_expired_access_token_is_refreshed(phone, provider, link_for, crypto_keys):
    phone.open(link_for(provider), crypto_keys)
    Token.objects.filter(kind=Token.Kind.ACCESS).update(expires_at=timezone.now())
    assert phone.whoami()["device_status_id"] == "ACTIVE"


def test_a_reinstalled_guest_is_the_same_device_with_the_same_quota(phone):
    for _ in range(3):
        phone.start_session("Visit", "shared_device")
        phone.keychain.forget_tokens()
    with pytest.raises(Failure) as refusal:
        phone.start_session("Visit", "shared_device")
    assert code_of(refusal) == "quota_exceeded"
    assert Device.objects.count() == 1


def test_sign_out_keeps_the_identity_alone(phone, make_phone, provider, link_for, crypto_keys):
    phone.open(link_for(provider), crypto_keys)
    phone.sign_out()
    again = make_phone()
    assert again.keychain.device_id == phone.keychain.device_id
    with pytest.raises(Failure) as refusal:
        again.whoami()
    assert code_of(refusal) == "not_signed_in"


@pytest.mark.parametrize("place", [-1, 40, 60, 200])
def test_a_link_that_was_changed_or_cut_is_told_apart(phone, provider, link_for, crypto_keys, place):
    link = link_for(provider)
    for wrong in (link[:place], link[:place] + "~" + link[place:]):
        with pytest.raises(Failure) as refusal:
            phone.open(wrong, crypto_keys)
        assert code_of(refusal) == "link_unreadable"


def test_a_link_under_another_key_names_the_key(phone, provider, link_for):
    with pytest.raises(Failure) as refusal:
        phone.open(link_for(provider), [b"x" * 32])
    assert code_of(refusal) == "key_missing"
    assert refusal.value.exit_code == 2
    assert refusal.value.document["kid"]
    assert refusal.value.document["kid"] not in refusal.value.document["keys"]


def test_the_keychain_is_its_owners_alone(phone, provider, link_for, crypto_keys):
    phone.open(link_for(provider), crypto_keys)
    assert phone.keychain.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in phone.keychain.path.parent.iterdir()] == ["phone.json"]


def test_a_failed_write_leaves_the_old_keychain(phone, provider, link_for, crypto_keys, monkeypatch):
    phone.open(link_for(provider), crypto_keys)
    before = phone.keychain.path.read_text()

    def full(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr("json.dump", full)
    with pytest.raises(OSError, match="no space"):
        phone.keychain.save()
    assert phone.keychain.path.read_text() == before
    assert [path.name for path in phone.keychain.path.parent.iterdir()] == ["phone.json"]
