"""Lines of the log without what opens something: an address may hold a code, or a link's token."""

import logging


class WithoutSecrets(logging.Filter):
    """Takes the words of an address out of what Django says of a refused request; ids stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        words = [word for word in match.kwargs.values() if isinstance(word, str) and word] if match else []
        if words and isinstance(record.args, tuple):
            record.args = tuple(_without(words, one) for one in record.args)
        return True


def _without(words: list[str], text: object) -> object:
    if not isinstance(text, str):
        return text
    for word in words:
        text = text.replace(f"/{word}", "/…")
    return text
