"""The entry point of WSGI servers: `gunicorn config.wsgi:application`."""

from __future__ import annotations

import gc
import os

from config.api.handler import make_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = make_application()

from config.embedded import background  # noqa: E402  (needs the settings)

background.start_beat()

# What was loaded so far stays: the collector need not look at it again, and need not look after every few objects. A
# large list makes thousands that all go with the answer.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
