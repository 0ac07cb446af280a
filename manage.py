#!/usr/bin/env python
"""Django's command line, for this portal."""

import os
import sys

from medimic.environment import one_sentence_on_bad_configuration


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medimic.settings")
    from django.core.management import execute_from_command_line

    with one_sentence_on_bad_configuration():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
