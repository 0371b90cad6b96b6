"""The entry point of WSGI servers: `gunicorn config.wsgi:application`."""

from __future__ import annotations

import os

from config.api.handler import make_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = make_application()

from config.embedded import background  # noqa: E402  (needs the settings)

background.start_beat()
