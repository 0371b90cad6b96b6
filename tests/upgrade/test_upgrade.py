"""Rows of the first release are right in this one, and an upgrade asks for no stop that nobody was told of."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection, migrations
from django.db.models import NOT_PROVIDED

from tests.upgrade.rows import BRIGHTWATER, OURS
from tests.upgrade.walk import ALL_APPS, FIRST_RELEASE

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "docs" / "operations.md"

# Migrations under which the code before them cannot go on writing, with the reason. docs/operations.md lists them too.
NEEDS_A_STOP = {
    "enrollments.0004_id_verification": "ID verifications get a receipt that must be set",
    "enterprise.0006_enterprise_enrollments_by_customer": "enterprise enrollments get a customer that must be set",
    "enterprise.0009_member_names": "links get a name that must be set",
    "enterprise.0010_people_of_a_customer": "links get what they are searched by, which must be set",
}


# --- Rows -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walked(tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """What became of the rows, in an empty database of the kind that the tests use."""
    folder = tmp_path_factory.mktemp("upgrade")
    environment = {**os.environ, "DATA_DIR": str(folder), "LOG_LEVEL": "CRITICAL"}
    for name in ("REDIS_URL", "CELERY_BROKER_URL", "DATABASE_REPLICA_URL", "LMS_ROOT_URL", "ALLOWED_HOSTS"):
        environment.pop(name, None)
    with django_db_blocker.unblock():
        scratch = f"{connection.settings_dict['NAME']}_upgrade" if connection.vendor == "postgresql" else ""
        if scratch:
            execute(f'DROP DATABASE IF EXISTS "{scratch}"', f'CREATE DATABASE "{scratch}"')
        named = urlunsplit(urlsplit(os.environ.get("DATABASE_URL", ""))._replace(path=f"/{scratch}"))
        environment["DATABASE_URL"] = named if scratch else f"sqlite:///{folder / 'upgrade.sqlite3'}"
        command = [sys.executable, "-m", "tests.upgrade.walk"]
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        if scratch:
            execute(f'DROP DATABASE IF EXISTS "{scratch}"')
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout)


def execute(*statements: str) -> None:
    """Runs statements that no transaction may hold."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_every_row_of_the_first_release_is_there_with_its_values(walked: dict[str, Any]) -> None:
    assert walked["changed"] == []
    assert walked["tables"] > 30
    assert walked["rows"] > 50


def test_no_migration_waits_afterwards(walked: dict[str, Any]) -> None:
    assert walked["waiting"] == []


def test_enterprise_enrollments_know_the_customer_of_their_learner(walked: dict[str, Any]) -> None:
    pairs = walked["customers_of_enrollments"]
    assert len(pairs) == 4
    assert all(own == linked for own, linked in pairs)


def test_links_carry_the_name_that_is_shown(walked: dict[str, Any]) -> None:
    assert walked["member_names"] == [
        ["ana", "Ana Ruiz"],
        ["ben", "ben"],
        ["ana", "Ana Ruiz"],
        ["cleo", "Cleo Nkemelu"],
    ]


def test_applications_that_had_an_empty_secret_have_none(walked: dict[str, Any]) -> None:
    assert walked["secrets"] == [None, None]


def test_the_plot_of_sign_ins_begins_with_the_last_ones_of_late(walked: dict[str, Any]) -> None:
    assert [name for name, _ in walked["sign_ins"]] == ["ana"]


def test_the_staff_groups_are_made(walked: dict[str, Any]) -> None:
    assert {"operators", "support", "read-only"} <= set(walked["groups"])


def test_the_api_answers_about_these_rows(walked: dict[str, Any]) -> None:
    shown = walked["enterprise_enrollments"]["results"]
    assert [(row["user_email"], row["enrollment_track"]) for row in shown] == [
        ("ana@learners.example", "verified"),
        ("ben@learners.example", "audit"),
        ("ana@learners.example", "verified"),
    ]
    assert sorted(row["user"]["username"] for row in walked["learners"]["results"]) == ["ana", "ben"]
    assert {row["enterprise_customer"]["uuid"] for row in walked["learners"]["results"]} == {str(BRIGHTWATER)}
    assert (walked["enrollment"]["mode"], walked["enrollment"]["is_active"]) == ("verified", True)
    assert [row["student_key"] for row in walked["students"]["results"]] == ["A-1"]
    assert (walked["job"]["state"], walked["job"]["done"]) == ("finished", 1)


# --- Without a stop -------------------------------------------------------------------------------------------------


def later_migrations() -> Iterator[tuple[str, migrations.Migration]]:
    """Those that came after the first of each app."""
    first = {*FIRST_RELEASE, *ALL_APPS}
    for app in OURS:
        # Read from their files: the tests run on tables that no migration made.
        for file in sorted((ROOT / app / "migrations").glob("0*.py")):
            if (app, file.stem) not in first:
                module = importlib.import_module(f"{app}.migrations.{file.stem}")
                yield f"{app}.{file.stem}", module.Migration(file.stem, app)


def stops_writers(operation: Any) -> bool:
    """Whether the code before this operation fails on the tables after it, or reads what is no longer there."""
    if isinstance(
        operation, migrations.RemoveField | migrations.RenameField | migrations.DeleteModel | migrations.RenameModel
    ):
        return True
    field = getattr(operation, "field", None)
    return (
        isinstance(operation, migrations.AddField)
        and not field.many_to_many
        and not field.null
        and field.db_default is NOT_PROVIDED
    )


def must_be_set(migration: migrations.Migration) -> bool:
    """Whether a column that the code before does not know must be set once the migration is through."""
    added = {(each.model_name, each.name) for each in migration.operations if isinstance(each, migrations.AddField)}
    return any(
        isinstance(each, migrations.AlterField)
        and (each.model_name, each.name) in added
        and not each.field.null
        and each.field.db_default is NOT_PROVIDED
        for each in migration.operations
    )


def test_migrations_let_the_release_before_go_on_unless_they_are_listed() -> None:
    """A column that must be set needs `db_default`; what is removed goes one release after the code that used it."""
    found = {
        name
        for name, migration in later_migrations()
        if any(map(stops_writers, migration.operations)) or must_be_set(migration)
    }
    assert found == set(NEEDS_A_STOP)


def test_the_operations_page_lists_the_migrations_that_need_a_stop() -> None:
    page = OPERATIONS.read_text(encoding="utf-8")
    assert [name for name in NEEDS_A_STOP if f"`{name}`" not in page] == []
