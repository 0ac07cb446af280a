"""How much CPU a refusal takes, by whether somebody has the address: nobody can tell the two apart by it.

    python -m benchmarks.doors [TIMES]

Calls go to the portal's code in this process, on a database of its own, with the password hasher of
production, in turns, from ever new addresses. Ends with 1 where the medians of a door differ by more
than a twentieth, or by half of what its calls differ among themselves.
"""

import os
import statistics
import sys
import tempfile
import time

TIMES = 60
SPREAD = 0.05
SIGN_UP = {
    "first_name": "Nora",
    "last_name": "Newcomer",
    "password1": "a long enough passphrase",
    "password2": "a long enough passphrase",
}


def main(arguments: list[str]) -> int:
    times = int(arguments[0]) if arguments else TIMES
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE": f"{directory}/doors.sqlite3",
            "LOG_LEVEL": "ERROR",
        }
        import django

        django.setup()
        from django.conf import global_settings
        from django.test.utils import override_settings, setup_databases, setup_test_environment

        setup_test_environment()
        setup_databases(verbosity=0, interactive=False)
        with override_settings(PASSWORD_HASHERS=global_settings.PASSWORD_HASHERS):
            return _measure(times)


def _measure(times: int) -> int:
    from django.core.cache import cache
    from django.test import Client
    from django.urls import reverse

    from tests import cast
    from tests.accounts.phones import PhoneSignIn

    people = [cast.make_person("Paula", "Provider", email=f"p{n}@people.example") for n in range(times)]
    doors = {
        "sign-in": lambda address: Client().post(
            reverse("account_login"), {"login": address, "password": "a guess"}
        ),
        "sign-in on a phone": lambda address: PhoneSignIn().call(
            "post", "login", {"email": address, "password": "a guess"}
        ),
        "reset": lambda address: Client().post(reverse("account_reset_password"), {"email": address}),
        "sign-up": lambda address: Client().post(reverse("account_signup"), {**SIGN_UP, "email": address}),
    }
    is_alike = True
    for name, call in doors.items():
        call(people[0].email)
        took: dict[str, list[float]] = {"somebody's": [], "nobody's": []}
        for number, person in enumerate(people):
            for whose, address in (("somebody's", person.email), ("nobody's", f"n{number}@{name}.example")):
                cache.clear()
                began = time.thread_time()
                call(address.replace(" ", "-"))
                took[whose].append(1000 * (time.thread_time() - began))
        some, none = (statistics.median(values) for values in took.values())
        scatter = statistics.stdev(took["somebody's"])
        apart = abs(some - none)
        print(
            f"{name}: {some:.1f} ms of CPU for somebody's, {none:.1f} ms for nobody's, scatter {scatter:.1f}"
        )
        is_alike &= apart <= max(SPREAD * some, scatter / 2)
    return 0 if is_alike else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
