"""Whoever waits asks with a condition, and is told from one query that nothing changed."""

import pytest
from django.http import HttpRequest

from sessions_app import live
from sessions_app.models import Participant, Segment, Visit
from tests.devices.kit import call, refused
from tests.sessions_app import seats

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def seat(provider):
    return seats.host(provider)


@pytest.fixture
def joiner(seat, patient):
    return seats.join(seat.visit, patient)


def wait(seat, query="", *, tag="", token="", client=None):
    from django.test import Client

    headers = {"If-None-Match": tag} if tag else {}
    if client is None:
        headers["Authorization"] = f"Bearer {token or seat.session_token}"
    return (client or Client()).get(f"/api/sessions/{seat.visit.pk}/segments{query}", headers=headers)


def test_nothing_new_is_one_query_and_no_body(seat, joiner, django_assert_num_queries):
    seat.send(seat.segment(1))
    first = wait(joiner)
    with django_assert_num_queries(1):
        again = wait(joiner, "?after=1", tag=first["ETag"])
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])


@pytest.mark.parametrize("size", [5, 500])
def test_it_stays_one_query_however_long_the_transcript(seat, size, django_assert_num_queries):
    Segment.objects.bulk_create(
        Segment(
            visit=seat.visit,
            participant=seat.participant,
            sequence=number,
            position=number,
            nonce=number.to_bytes(12),
            ciphertext=b"x" * 80,
        )
        for number in range(1, size + 1)
    )
    Visit.objects.update(version=size)
    wait(seat)
    with django_assert_num_queries(1):
        assert wait(seat, tag=f'"{size}"').status_code == 304


def test_a_segment_and_any_other_change_is_news(seat, joiner):
    tag = wait(joiner)["ETag"]
    assert wait(joiner, tag=tag).status_code == 304
    seat.send(seat.segment(1))
    news = wait(joiner, tag=tag)
    assert (news.status_code, len(news.json()["segments"])) == (200, 1)
    Visit.objects.get().bump()
    assert wait(joiner, "?after=1", tag=news["ETag"]).status_code == 200


def test_the_tag_of_a_page_with_more_behind_it_never_holds_the_rest_back(seat):
    seat.send(*(seat.segment(number) for number in range(1, 6)))
    seen, after, tag = [], 0, ""
    for _page in range(3):
        answer = wait(seat, f"?after={after}&limit=2", tag=tag)
        assert answer.status_code == 200
        seen += [one["sequence"] for one in answer.json()["segments"]]
        after, tag = answer.json()["next"], answer["ETag"]
    assert seen == [1, 2, 3, 4, 5]
    assert wait(seat, f"?after={after}&limit=2", tag=tag).status_code == 304


def test_what_is_written_while_the_answer_is_made_is_told_again_and_not_lost(seat, joiner, monkeypatch):
    from sessions_app import segments

    read = segments.read

    def write_first(*arguments):
        seat.send(seat.segment(1))
        return read(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(segments, "read", write_first)
        first = wait(joiner)
    assert len(first.json()["segments"]) == 1
    # The tag is older than the content.
    assert wait(joiner, "?after=1", tag=first["ETag"]).status_code == 200


def test_the_end_of_a_session_a_removal_and_a_revocation_are_never_hidden_by_a_tag(seat, joiner, patient):
    tag = wait(joiner)["ETag"]
    Participant.objects.filter(pk=joiner.participant.pk).update(state="refused")
    refused(wait(joiner, tag=tag), 403, "not_admitted")
    Participant.objects.filter(pk=joiner.participant.pk).update(state="admitted")
    assert wait(joiner, tag=tag).status_code == 304
    seats.tokens.end_session_tokens(participant_id=joiner.participant.pk)
    refused(wait(joiner, tag=tag), 401, "token_ended")
    tag = wait(seat)["ETag"]
    seats.end(seat.visit)
    refused(wait(seat, tag=tag), 401, "token_ended")


def test_another_sessions_tag_is_worth_nothing_to_a_stranger(seat, outsider):
    other = seats.host(outsider)
    tag = wait(seat)["ETag"]
    refused(wait(seat, tag=tag, token=other.session_token), 404, "not_found")


@pytest.mark.parametrize("known", ['W/"{}"', '"x", "{}"', '"{}"'])
def test_a_tag_counts_weak_and_in_a_list(seat, known):
    version = wait(seat)["ETag"].strip('"')
    assert wait(seat, tag=known.format(version)).status_code == 304


@pytest.mark.parametrize("known", ['"999"', "0", '"', "*", '"0', "W/0"])
def test_what_is_no_tag_of_ours_brings_the_whole_answer(seat, known):
    seat.send(seat.segment(1))
    assert wait(seat, tag=known).status_code == 200


def test_after_the_end_an_accounts_browser_waits_by_tags_too(seat, joiner, sign_in, patient):
    seats.end(seat.visit)
    client = sign_in(patient)
    tag = wait(joiner, client=client)["ETag"]
    assert wait(joiner, tag=tag, client=client).status_code == 304


def test_a_waiting_ones_tag_is_their_own_rows_alone(seat, outsider):
    one = seats.join(seat.visit, outsider, state="waiting")
    before = _tag(one)
    seat.send(seat.segment(1))
    assert _tag(one) == before
    Participant.objects.get(pk=one.participant.pk).answer(one.key, "x" * 43)
    assert _tag(one) != before


def _tag(one):
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {one.session_token}"
    return live.tag_of(live.live_auth(request))


def test_a_cookie_beside_a_token_costs_and_changes_nothing(
    seat, sign_in, outsider, django_assert_num_queries
):
    client = sign_in(outsider)
    headers = {"Authorization": f"Bearer {seat.session_token}"}
    path = f"/api/sessions/{seat.visit.pk}/segments"
    tag = client.get(path, headers=headers)["ETag"]
    with django_assert_num_queries(1):
        assert client.get(path, headers=headers | {"If-None-Match": tag}).status_code == 304
    assert call("get", f"sessions/{seat.visit.pk}/segments", client=client).status_code == 404
