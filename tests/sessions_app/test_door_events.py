"""How what happens at a session's door reads in the log."""

import pytest
from django.utils import translation

from medimic.audit import presenters
from medimic.audit.models import AuditEvent
from tests.sessions_app.room import Door

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_it_reads_as_a_sentence_with_the_role_in_words(phone):
    Door(phone).open().refuse()
    told = {
        event.kind: presenters.sentence(event) for event in AuditEvent.objects.filter(kind__startswith="sess")
    }
    assert told["sessions.joined"] == "Asked to join a session on Pixel 8 · Android 14. Role: Patient"
    assert told["sessions.admitted"] == "Admitted somebody to a session. Role: Patient"
    assert told["sessions.removed"] == "Removed somebody from a session"


@pytest.mark.parametrize("kind", ["joined", "admitted", "speaker_added"])
def test_a_role_of_tomorrow_does_not_take_the_page_down(kind):
    event = AuditEvent(kind=f"sessions.{kind}", details='{"role":"robot"}')
    assert presenters.sentence(event) == f"sessions.{kind}"
    with translation.override("pl"):
        assert presenters.title(event.kind)
