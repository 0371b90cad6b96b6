"""A new secret key, with the old one as a fallback (docs/operations.md, Keys)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.secrets import derived_fernet_key
from tests.factories import UserFactory

ROOT = Path(__file__).resolve().parents[2]
DERIVED = ("ENTERPRISE_REPORTING_SECRET", "CLIENT_SECRET_KEYS", "RETIRED_USER_SALTS")


def settings_of(folder: Path, **environment: str) -> dict[str, list[str]]:
    """The keys that settings derive in this environment."""
    kept = {name: value for name, value in os.environ.items() if name not in DERIVED}
    code = (
        f"import json; from config import settings; print(json.dumps({{n: getattr(settings, n) for n in {DERIVED}}}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(ran.stdout))


def test_keys_that_were_derived_from_the_key_before_still_decrypt(tmp_path: Path) -> None:
    found = settings_of(tmp_path, SECRET_KEY="new", SECRET_KEY_FALLBACKS='["old"]')
    purposes = {"ENTERPRISE_REPORTING_SECRET": "reporting-passwords", "CLIENT_SECRET_KEYS": "client-secrets"}
    for name, purpose in purposes.items():
        assert found[name] == [derived_fernet_key("new", purpose), derived_fernet_key("old", purpose)]
    # The last salt is the one for new retirements.
    assert found["RETIRED_USER_SALTS"] == [derived_fernet_key(key, "retired-users") for key in ("old", "new")]


def test_keys_of_their_own_settings_are_left_alone(tmp_path: Path) -> None:
    found = settings_of(tmp_path, SECRET_KEY="new", SECRET_KEY_FALLBACKS='["old"]', RETIRED_USER_SALTS='["salt"]')
    assert found["RETIRED_USER_SALTS"] == ["salt"]


@pytest.mark.django_db
def test_a_session_of_the_key_before_goes_on_until_the_fallback_goes(settings: Any) -> None:
    settings.SECRET_KEY = "the old one" * 5
    early, late = Client(), Client()
    account = UserFactory(staff=True)
    for browser in (early, late):
        browser.force_login(account)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new one" * 5, [settings.SECRET_KEY]
    assert early.get("/support/").status_code != 302  # signed anew with the new key
    settings.SECRET_KEY_FALLBACKS = []
    assert early.get("/support/").status_code != 302
    assert late.get("/support/").status_code == 302
