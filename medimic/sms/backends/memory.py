"""Texts kept in this process, for tests."""

from medimic.sms import Text

sent: list[Text] = []


class Backend:
    def send(self, text: Text) -> None:
        sent.append(text)
