"""The simulated phone is brought up to date, and answers."""

import pytest

from medimic.audit.log import SYSTEM
from medimic.simulator import syncing
from medimic.simulator.errors import Failure
from orgs import fhir, questionnaires
from orgs.models import QuestionnaireResponse
from tests.orgs import care


@pytest.fixture
def enrolled(clinic, phone, link_for, crypto_keys):
    """A patient whose phone is signed in, and what they are to answer."""
    membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
    phone.open(link_for(membership.person), crypto_keys)
    care.enroll(membership, version)
    return version


def test_a_sync_brings_what_is_to_be_answered_and_the_next_one_nothing(phone, enrolled):
    first = syncing.sync(phone)
    assert [row["canonical"] for row in first["questionnaires"]] == [enrolled.canonical]
    again = syncing.sync(phone)
    assert [again[kind] for kind in (*syncing.KINDS, "deleted")] == [[]] * 6
    assert list(phone.keychain.questionnaires) == [str(enrolled.questionnaire_id)]


def test_what_was_retired_is_forgotten(phone, enrolled):
    syncing.sync(phone)
    questionnaires.retire(version=enrolled, origin=SYSTEM)
    assert [row["kind"] for row in syncing.sync(phone)["deleted"]] == ["questionnaire"]
    assert phone.keychain.questionnaires == {}


def test_an_answer_whose_way_back_was_cut_is_asked_for_again(phone, enrolled, portal):
    portal.lost = 1
    assert len(syncing.sync(phone)["questionnaires"]) == 1


def test_a_phone_that_changes_hands_begins_anew(phone, enrolled, clinic, link_for, crypto_keys):
    syncing.sync(phone)
    phone.open(link_for(care.make_patient(clinic, "Yusuf").person), crypto_keys)
    assert [row["name"] for row in syncing.sync(phone)["organizations"]] == [clinic.name]
    assert phone.keychain.questionnaires == {}


def test_it_answers_in_the_words_of_each_question(phone, enrolled):
    syncing.sync(phone)
    syncing.answer(phone, str(enrolled.questionnaire_id), ["Well", "yes", "Some", "-", "2026-02-28"])
    content = questionnaires.read(response=QuestionnaireResponse.objects.get(), origin=SYSTEM)
    values = [str(value) for _text, _kind, value in fhir.answer_texts(enrolled.items, content["item"])]
    assert values == ["Well", "True", "Some", "None", "2026-02-28"]


def test_what_does_not_fit_is_refused_by_the_portal(phone, enrolled):
    syncing.sync(phone)
    with pytest.raises(Failure) as refusal:
        syncing.answer(phone, str(enrolled.questionnaire_id), ["Well", "perhaps"])
    assert refusal.value.document["code"] == "answers_rejected"
