"""The command in processes of their own, one for each step, against a portal on a real connection."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache

from devices.models import DeviceAuthorization, TokenFamily
from tests.cast import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def simulate(live_server, settings, tmp_path):
    cache.clear()
    settings.PORTAL_URL = f"http://localhost:{urlsplit(live_server.url).port}"

    def run(*arguments, typed=""):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "medimic.simulator", "--server", settings.PORTAL_URL),
                *("--state", str(tmp_path / "phone.json"), *arguments),
            ],
            cwd=ROOT,
            env=dict(os.environ),
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )
        told = done.stderr if done.returncode else done.stdout
        assert told.count("\n") == 1, done
        return done.returncode, json.loads(told)

    return run


def test_a_phone_signs_in_with_a_password_works_and_is_cut_off(simulate, outsider):
    code, refusal = simulate("sign-in", outsider.email, typed="wrong\n")
    assert (code, refusal["code"]) == (1, "email_password_mismatch")

    code, answer = simulate("sign-in", outsider.email, typed=f"{PASSWORD}\n")
    assert (code, answer["device"]["device_status_id"]) == (0, "ACTIVE")
    assert TokenFamily.objects.get().jkt
    assert simulate("whoami") == (0, answer["device"])
    assert simulate("start-session", "Visit")[0] == 0
    assert simulate("refresh")[1]["refreshed"]
    assert simulate("whoami")[0] == 0

    row = DeviceAuthorization.objects.get()
    row.revoke(by=outsider, reason=row.RevokedReason.SELF)
    for command in (["whoami"], ["refresh"], ["start-session", "Visit"]):
        code, refusal = simulate(*command)
        assert (code, refusal["code"]) == (1, "device_revoked")

    assert simulate("sign-in", outsider.email, typed=f"{PASSWORD}\n")[0] == 0
    assert simulate("sign-out") == (0, {"signed_out": True})
    assert simulate("whoami")[1]["code"] == "not_signed_in"


def test_a_stolen_state_is_worth_nothing_once_its_key_is_taken_out(simulate, outsider, tmp_path):
    assert simulate("sign-in", outsider.email, typed=f"{PASSWORD}\n")[0] == 0
    state = tmp_path / "phone.json"
    kept = json.loads(state.read_text())
    del kept["proof_key"]
    state.write_text(json.dumps(kept))
    code, refusal = simulate("whoami")
    assert (code, refusal["code"]) == (1, "dpop_other_key")
