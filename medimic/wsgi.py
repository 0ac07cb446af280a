"""What gunicorn loads."""

import os

from django.core.wsgi import get_wsgi_application

from medimic.environment import one_sentence_on_bad_configuration

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medimic.settings")

with one_sentence_on_bad_configuration():
    application = get_wsgi_application()
