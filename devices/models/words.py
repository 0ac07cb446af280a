"""What devices are found by: a row for each word of the name that a person gave one, and of its model."""

from django.db import models

LONGEST = 40


class AuthorizationWord(models.Model):
    """`devices.search` reads these; `DeviceAuthorization.save` keeps them."""

    id = models.BigAutoField(primary_key=True)
    authorization = models.ForeignKey(
        "devices.DeviceAuthorization", on_delete=models.CASCADE, related_name="words"
    )
    word = models.CharField(max_length=LONGEST, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["authorization", "word"], name="authorization_word_once")
        ]

    def __str__(self) -> str:
        return self.word
