"""Many people invited from a list: looked at first, sent once confirmed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs import bulk
from orgs.models import Invitation
from tests import cast
from tests.orgs import kit

pytestmark = pytest.mark.django_db


@pytest.fixture
def look(sign_in, admin, clinic):
    """What the preview says of a list, as (line, outcome)."""

    def at(text, **more):
        client = sign_in(admin)
        response = client.post(
            kit.home(clinic, "members/invitations/list/"), {"text": text, "role": "provider", **more}
        )
        assert response.status_code == 200
        return response

    return at


def outcomes(response):
    return [(row.number, row.said, row.outcome) for row in response.context["lines"]]


WILL, MEMBER, INVITED = "Will be invited", "Already a member", "Already invited"
NO_ADDRESS, NO_ROLE = "This is no email address", "This is no role: admin, provider or patient"
REPEATED = "Named further up already"
COLUMNS = "Too many columns: an address and a role, no more"


class TestThePreview:
    def test_says_of_each_line_what_it_will_do_and_sends_nothing(self, look, admin, provider, clinic):
        kit.invite(clinic, "invited@people.example", admin)
        shown = look(
            "Email,Role\n"
            "anna@people.example,provider\n"
            "\n"
            "PROVIDER@people.example\n"
            "invited@people.example\n"
            "anna@people.example,admin\n"
            "carla\n"
            "dora@people.example,boss\n"
            "emil@people.example,admin,extra\n"
            '"fay@people.example";Patient\n'
            "=cmd()@x,provider\n"
            ",,,\n"
        )
        assert outcomes(shown) == [
            (2, "anna@people.example,provider", WILL),
            (4, "PROVIDER@people.example", MEMBER),
            (5, "invited@people.example", INVITED),
            (6, "anna@people.example,admin", REPEATED),
            (7, "carla", NO_ADDRESS),
            (8, "dora@people.example,boss", NO_ROLE),
            (9, "emil@people.example,admin,extra", COLUMNS),
            (10, '"fay@people.example";Patient', WILL),
            (11, "=cmd()@x,provider", NO_ADDRESS),
        ]
        assert (shown.context["to_send"], shown.context["others"]) == (2, 7)
        assert "carla" in shown.context["form"]["text"].value()
        assert len(kit.mails("orgs.invitation")) == Invitation.objects.count() == 1

    def test_a_file_counts_before_text(self, look):
        file = SimpleUploadedFile(
            "people.csv", "\ufeffE-Mail;Rolle\nänne@people.example\nben@people.example;patient\r\n".encode()
        )
        shown = look("ignored@people.example", file=file)
        assert [row[1:] for row in outcomes(shown)] == [
            ("änne@people.example", NO_ADDRESS),
            ("ben@people.example;patient", WILL),
        ]

    def test_a_file_from_an_old_spreadsheet_is_read(self, look):
        shown = look(
            "", file=SimpleUploadedFile("people.csv", "Jürgen\nben@people.example\n".encode("cp1252"))
        )
        assert [row[1:] for row in outcomes(shown)] == [("Jürgen", NO_ADDRESS), ("ben@people.example", WILL)]

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"\x00\x01PK\x03\x04", "no text file"),
            (b"a@b.example\n" * 9000, "larger than 100 kB"),
            (b"", "empty"),
            (b" \n\n", "Choose a file"),
        ],
    )
    def test_a_file_that_is_none_is_refused(self, look, content, why):
        response = look("", file=SimpleUploadedFile("people.csv", content))
        assert why in response.content.decode()
        assert "lines" not in response.context

    def test_five_hundred_lines_and_a_heading_are_taken_and_one_more_is_not(self, look):
        lines = [f"p{number}@people.example" for number in range(501)]
        assert look("email\n" + "\n".join(lines[:500])).context["to_send"] == 500
        response = look("\n".join(lines))
        assert "at most" in response.content.decode()
        assert response.context["form"]["text"].value().endswith("p500@people.example")

    def test_costs_the_same_queries_however_many_lines(self, look):
        look("warm@people.example")
        cost = []
        for number in (2, 400):
            with CaptureQueriesContext(connection) as queries:
                look("\n".join(f"p{n}@people.example" for n in range(number)))
            cost.append(len(queries))
        assert cost[0] == cost[1]

    def test_a_strangers_membership_elsewhere_is_not_told(self, look, outsider):
        cast.join(cast.make_organization(), outsider)
        assert outcomes(look(outsider.email))[0][2] == WILL

    def test_markup_in_a_line_stays_text(self, look):
        page = look("<script>alert(1)</script>@x,provider").content.decode()
        assert "<script>alert" not in page


class TestConfirming:
    def confirm(self, sign_in, admin, clinic, text):
        return sign_in(admin).post(
            kit.home(clinic, "members/invitations/list/"),
            {"text": text, "role": "provider", "confirmed": "yes"},
        )

    def test_sends_to_those_lines_alone_that_said_so(self, sign_in, admin, provider, clinic):
        text = "anna@people.example,admin\ncarla\nprovider@people.example\nben@people.example\n"
        response = self.confirm(sign_in, admin, clinic, text)
        assert response["Location"] == kit.home(clinic, "members/invitations/")
        assert {(mail["to"]) for mail in kit.mails("orgs.invitation")} == {
            "anna@people.example",
            "ben@people.example",
        }
        assert {(row.email, row.role) for row in Invitation.objects.all()} == {
            ("anna@people.example", "admin"),
            ("ben@people.example", "provider"),
        }
        assert len(kit.events("orgs.invited")) == 2

    def test_who_was_invited_meanwhile_is_passed_over(self, sign_in, admin, clinic):
        text = "anna@people.example\nben@people.example\n"
        kit.invite(clinic, "anna@people.example", admin)
        self.confirm(sign_in, admin, clinic, text)
        self.confirm(sign_in, admin, clinic, text)
        assert len(kit.mails("orgs.invitation")) == 2

    def test_more_than_a_day_allows_sends_none_of_them(self, sign_in, admin):
        trial = cast.make_organization(plan=None)
        cast.join(trial, admin, "admin")
        text = "\n".join(f"p{number}@people.example" for number in range(51))
        response = self.confirm(sign_in, admin, trial, text)
        assert response.status_code == 200
        assert "50 people a day" in response.content.decode()
        assert not Invitation.objects.exists()

    def test_stands_or_falls_as_one(self, sign_in, admin, clinic, monkeypatch):
        sent = []

        def fail_at_third(*args, **kwargs):
            sent.append(args)
            if len(sent) == 3:
                raise RuntimeError

        monkeypatch.setattr("orgs.invitations.record", fail_at_third)
        with pytest.raises(RuntimeError):
            self.confirm(sign_in, admin, clinic, "\n".join(f"p{n}@people.example" for n in range(5)))
        assert not Invitation.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize(
    "text", ["\0", "a" * 5000, '"' * 999, "\n" * 5000, ",".join("a" * 9), "\u2028a\u2029", "a@b.c;" * 999]
)
def test_no_line_breaks_the_reading(db, clinic, text):
    for line in bulk.lines_of(clinic, text, role="provider"):
        assert line.problem
        assert len(line.said) <= 121
