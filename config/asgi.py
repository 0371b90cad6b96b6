"""The entry point of ASGI servers. The service has no asynchronous view: a WSGI server fits it better."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()

from config.embedded import background  # noqa: E402  (needs the settings)

background.start_beat()
