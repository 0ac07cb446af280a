"""How a floor that keeps a list beside what floors below it hold is told of their changes.

The change itself calls `tell`, in its transaction; apps register `follow` when they are ready. It is
for read models alone, which have to be right in the next instant: whatever can be asked for instead
is asked for. See docs/adr/0009-a-fleet-is-kept-beside-its-sources.md.
"""

import uuid
from collections.abc import Callable
from enum import StrEnum

Follower = Callable[..., None]


class Topic(StrEnum):
    # Told with the person's id.
    PERSON_NAMED = "person named"


_followers: dict[Topic, list[Follower]] = {topic: [] for topic in Topic}


def follow(topic: Topic, follower: Follower) -> None:
    if follower in _followers[topic]:
        raise ValueError(f"{topic} is followed by {follower} already")
    _followers[topic].append(follower)


def tell(topic: Topic, *ids: uuid.UUID) -> None:
    for follower in _followers[topic]:
        follower(*ids)
