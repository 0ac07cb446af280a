"""Months of sessions, and the usage that they amount to."""

import datetime as dt
import random
import uuid
from collections import Counter

from django.conf import settings

from accounts.models import Person
from billing.entitlements import Payer, Terms, guest_payer, payer_for, terms_of
from billing.models import SessionUse, UsagePeriod
from billing.usage import key_of
from devices.models import DeviceAuthorization
from medimic.demo.cast import Cast, House
from medimic.demo.fleet import Fleet
from sessions_app.codes import new_code
from sessions_app.models import Participant, Visit

NAMES = (
    "Follow-up", "Intake interview", "Medication review", "Discharge talk", "Pre-operative briefing",
    "Wound check", "Physiotherapy plan", "Blood pressure review", "Consent talk", "Test results",
    "Diabetes education", "Vaccination advice", "Pain clinic", "Family meeting", "Second opinion",
    "Ward round", "Speech therapy", "Rehabilitation goals", "Prenatal visit", "Asthma check",
)  # fmt: skip
# Of people who take part without an account.
GUESTS = ("Marek", "Aisha", "Olena", "Joao", "Fatou", "Linh", "Bogdan", "Samira", "Petra", "Nils", "Amara")
INTERPRETERS = ("Interpreter: Polish", "Interpreter: Ukrainian", "Interpreter: Arabic", "Interpreter: German")
OPENING, CLOSING = 8, 18
TRIAL_SESSIONS = 7
GUEST_SESSIONS = 2


class History:
    """Collects sessions with their participants, and writes them with their usage at once."""

    def __init__(self, cast: Cast, fleet: Fleet, now: dt.datetime, rng: random.Random) -> None:
        self.cast = cast
        self.now = now
        self.rng = rng
        self.by_account = fleet.of_account()
        self.guests = [row for row in fleet.authorizations if row.account is None]
        self.visits: list[Visit] = []
        self.participants: list[Participant] = []
        self.payers: list[Payer] = []

    def tell(self, *, days: int) -> None:
        """What happened in the last so many days."""
        for workplace, rate in ((self.cast.clinic, 1.3), (self.cast.hospital, 0.8)):
            for person in workplace.staff:
                share = 0.5 if person == self.cast.locum else 1.0
                self._months(person, workplace, days, rate * share)
        self._months(self.cast.solo, None, days, 2.2)
        for _number in range(TRIAL_SESSIONS):
            self._someday(self.cast.trial, None, 11)
        for row in self.guests:
            for day in range(GUEST_SESSIONS):
                self._visit(None, None, row, self.now - dt.timedelta(days=7 + 3 * day, hours=day))
        self._running(self.cast.person("provider@clinic.example"), self.cast.clinic, 12)
        self._running(self.cast.solo, None, 25)
        self._running(self.cast.hospital.staff[1], self.cast.hospital, 7)

    def _months(self, person: Person, house: House | None, days: int, rate: float) -> None:
        for ago in range(days, -1, -1):
            day = self.now - dt.timedelta(days=ago)
            is_weekend = day.weekday() >= 5
            expected = rate * (0.1 if is_weekend else 1.0)
            for _number in range(int(expected) + (self.rng.random() < expected % 1)):
                self._someday(person, house, ago, exactly=True)

    def _someday(self, person: Person, house: House | None, ago: int, *, exactly: bool = False) -> None:
        """One session in working hours on that day, or on a later one, where a device was there for it."""
        day = self.now - dt.timedelta(days=ago if exactly else self.rng.randint(1, ago))
        start = day.replace(hour=OPENING, minute=0, second=0, microsecond=0) + dt.timedelta(
            minutes=self.rng.randrange((CLOSING - OPENING) * 60), seconds=self.rng.randrange(60)
        )
        if start > self.now - dt.timedelta(hours=1, minutes=30):
            return
        at_hand = [
            row
            for row in self.by_account[person.pk]
            if row.activated_at and row.last_seen_at and row.activated_at <= start <= row.last_seen_at
        ]
        if at_hand:
            self._visit(person, house, self.rng.choice(at_hand), start)

    def _running(self, person: Person, house: House | None, minutes: int) -> None:
        row = self.by_account[person.pk][0]
        if row.device:
            row.last_seen_at = row.device.last_seen_at = self.now - dt.timedelta(minutes=1)
        self._visit(person, house, row, self.now - dt.timedelta(minutes=minutes), is_running=True)

    def _visit(
        self,
        host: Person | None,
        house: House | None,
        authorization: DeviceAuthorization,
        start: dt.datetime,
        *,
        is_running: bool = False,
    ) -> None:
        expires = start + dt.timedelta(hours=settings.SESSION_HOURS)
        end: dt.datetime | None = start + dt.timedelta(
            minutes=self.rng.randint(9, 70), seconds=self.rng.randrange(60)
        )
        if is_running or (self.rng.random() < 0.05 and expires < self.now):
            end = None
        code = new_code()
        visit = Visit(
            name=self.rng.choice(NAMES),
            code=code,
            open_code=code if is_running else None,
            mode=Visit.Mode.TWO_DEVICE if self.rng.random() < 0.4 else Visit.Mode.SHARED_DEVICE,
            host=host,
            organization=house.organization if house else None,
            authorization=authorization,
            started_at=start,
            expires_at=expires,
            ended_at=end,
        )
        self.visits.append(visit)
        self._participants(visit, house)
        self.payers.append(self._payer(visit))

    def _payer(self, visit: Visit) -> Payer:
        if visit.host is None:
            device = visit.authorization.device
            return guest_payer(device.identifier_hash if device else "")
        return payer_for(visit.host, visit.organization)

    def _participants(self, visit: Visit, house: House | None) -> None:
        self._joins(
            visit,
            visit.host.name if visit.host else "Sasha",
            Participant.Role.PROVIDER if visit.host else Participant.Role.OTHER,
            person=visit.host,
            authorization=visit.authorization,
            is_host=True,
        )
        if house and self.rng.random() < 0.6:
            patient = self.rng.choice(house.patients)
            self._joins(visit, patient.name, Participant.Role.PATIENT, person=patient)
        else:
            initial = self.rng.choice("ABDEGHKLMNOPRSTWZ")
            self._joins(visit, f"{self.rng.choice(GUESTS)} {initial}.", Participant.Role.PATIENT)
        if self.rng.random() < 0.12:
            self._joins(visit, self.rng.choice(INTERPRETERS), Participant.Role.INTERPRETER)
        if house and self.rng.random() < 0.06:
            colleague = self.rng.choice([person for person in house.staff if person != visit.host])
            self._joins(visit, colleague.name, Participant.Role.PROVIDER, person=colleague)

    def _joins(
        self,
        visit: Visit,
        name: str,
        role: Participant.Role,
        *,
        person: Person | None = None,
        authorization: DeviceAuthorization | None = None,
        is_host: bool = False,
    ) -> None:
        late = dt.timedelta(seconds=0 if is_host else self.rng.randint(20, 300))
        self.participants.append(
            Participant(
                visit=visit,
                visit_started_at=visit.started_at,
                person=person,
                authorization=authorization,
                name=name,
                role=role,
                is_host=is_host,
                joined_at=visit.started_at + late,
                left_at=visit.ended_at,
            )
        )

    def save(self) -> None:
        Visit.objects.bulk_create(self.visits)
        Participant.objects.bulk_create(self.participants)
        self._save_usage()

    def _save_usage(self) -> None:
        """What `billing.usage.charge` would have counted, session by session."""
        terms: dict[Payer, Terms] = {}
        rows: dict[tuple[Payer, dt.datetime], UsagePeriod] = {}
        counters: Counter[uuid.UUID] = Counter()
        uses = []
        for visit, payer in zip(self.visits, self.payers, strict=True):
            granted = terms.get(payer)
            if granted is None or (granted.period and visit.started_at not in granted.period):
                granted = terms[payer] = terms_of(payer, at=visit.started_at)
            key = key_of(payer, granted)
            row = rows.setdefault((payer, key["starts_at"]), UsagePeriod(**key))
            counters[row.pk] += 1
            uses.append(SessionUse(session_id=visit.pk, period=row, created_at=visit.started_at))
        for row in rows.values():
            row.used = counters[row.pk]
        UsagePeriod.objects.bulk_create(rows.values())
        SessionUse.objects.bulk_create(uses)
