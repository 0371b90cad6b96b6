"""What an operator sets in public passes Django's own deployment checks, and says nothing that should stay secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "SECRET_KEY": "production-key-" + "k7" * 32,
    "EDX_API_KEY": "back-office-key-Q4",
    "JWT_SHARED_SECRET": "shared-with-neighbours-" + "z" * 20,
    "DATABASE_URL": "postgres://matricula:database-word-Q4@db.example.org:5432/matricula",
    "REDIS_URL": "redis://:cache-word-Q4@redis.example.org:6379/0",
    "CELERY_BROKER_URL": "redis://:queue-word-Q4@redis.example.org:6379/1",
    "EMAIL_URL": "smtp+tls://mailer:mail-word-Q4@smtp.example.org:587",
}
# docs/operations.md, In front.
PRODUCTION = {
    **SECRETS,
    "LMS_ROOT_URL": "https://matricula.example.org",
    "TRUST_PROXY_HEADERS": "true",
    "NUM_PROXIES": "1",
    "SECURE_SSL_REDIRECT": "true",
    "SECURE_HSTS_PRELOAD": "true",
}


def manage(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs manage.py as an operator would, with nothing of this process's environment."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**inherited, "DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_production_settings_pass_the_deployment_checks(tmp_path: Path) -> None:
    ran = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "no issues" in ran.stdout


def test_the_deployment_checks_see_a_service_without_tls(tmp_path: Path) -> None:
    plain = {**PRODUCTION, "LMS_ROOT_URL": "http://matricula.example.org"}
    ran = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **plain)
    assert ran.returncode != 0
    assert "security.W012" in ran.stderr  # session cookies


def test_what_settings_and_objects_show_of_themselves_has_no_secret_in_it(tmp_path: Path) -> None:
    shown = manage(
        tmp_path,
        "shell",
        "--no-imports",
        "-c",
        "from django.conf import settings; from config.celery import app; from config.api import jwt;"
        "from django.core.cache import caches; from django.db import connections;"
        "print(repr(settings), repr(app), repr(jwt._keys()), repr(caches['default']), repr(connections['default']));"
        "print(jwt._keys().signer, jwt.published() if hasattr(jwt, 'published') else '')",
        **PRODUCTION,
    )
    assert shown.returncode == 0, shown.stderr
    kept = (tmp_path / "jwt_private_key.pem").read_text() if (tmp_path / "jwt_private_key.pem").exists() else ""
    words = [value for name, value in SECRETS.items() if not name.endswith("URL")]
    words += ["database-word-Q4", "cache-word-Q4", "queue-word-Q4", "mail-word-Q4", *kept.splitlines()[1:-1]]
    assert [word for word in words if word in shown.stdout + shown.stderr] == []
