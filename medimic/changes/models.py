"""One feed for each person, and in it one row for each thing that their devices know.

Rows point to people and things by id alone: a deletion outlives what was deleted.
"""

from django.db import models


class Kind(models.TextChoices):
    SESSION = "session"
    INVITATION = "invitation"
    ORGANIZATION = "organization"
    ENROLLMENT = "enrollment"
    QUESTIONNAIRE = "questionnaire"


class Feed(models.Model):
    """How far a person's feed has come. Its row is the lock under which positions are given out."""

    person_id = models.UUIDField(primary_key=True)
    position = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.person_id}: {self.position}"


class Change(models.Model):
    """That something changed for a person, last at this position. Whether it is still there, and
    what it looks like, is for the reader to find out: the row says neither."""

    person_id = models.UUIDField()
    kind = models.CharField(max_length=13, choices=Kind.choices)
    object_id = models.UUIDField()
    position = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person_id", "kind", "object_id"], name="change_last_alone"),
            models.UniqueConstraint(fields=["person_id", "position"], name="change_one_a_position"),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.kind} {self.object_id}"
