import pytest
from django.core.cache import cache
from django.db import connection

from medimic.cache import drop_expired

pytestmark = pytest.mark.both


def rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM medimic_cache")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_what_has_expired_is_dropped_and_all_else_stays():
    cache.clear()
    cache.set("over", 1, -5)
    cache.set("good", 1, 60)
    cache.set("for-ever", 1, None)
    assert rows() == 3
    drop_expired()
    assert rows() == 2
    assert cache.get_many(["good", "for-ever"]) == {"good": 1, "for-ever": 1}


@pytest.mark.django_db
def test_another_kind_of_cache_is_left_alone(settings):
    cache.set("over", 1, -5)
    before = rows()
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    drop_expired()
    assert rows() == before
