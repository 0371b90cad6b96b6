"""Makes the scene of `fuzz` in the database that the environment names, and prints what fuzzing needs of it as JSON."""

from __future__ import annotations

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from enrollments.services import tokens  # noqa: E402  # models need the settings
from tests.factories import UserFactory  # noqa: E402
from tests.security.scene import build  # noqa: E402

if __name__ == "__main__":
    scene = build()
    accounts = {"staff superuser": UserFactory(staff=True, superuser=True), "admin": scene.tenants["Zephyr"].admin}
    signed = {
        name: tokens.access_token_for(account, scopes=["email", "profile"], grant_type="password")
        for name, account in accounts.items()
    }
    print(json.dumps({"tokens": signed, "places": scene.places}))
