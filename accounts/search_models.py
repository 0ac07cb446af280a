"""What people are found by: a row for each word of their names and of their e-mail address before the @."""

from django.conf import settings
from django.db import models

LONGEST = 40


class PersonWord(models.Model):
    """`accounts.search` reads these; `Person.save` keeps them."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="words")
    word = models.CharField(max_length=LONGEST, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "word"], name="person_word_once")]

    def __str__(self) -> str:
        return self.word
