"""Walks a new database from the state of the first release to that of today, and tells what became of its rows.

Run by the tests as a process of its own (`python -m tests.upgrade.walk`), on the empty database that DATABASE_URL
names: migrations write to the connection that is the default. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django

# The first migration of each app is what the first release had. Those of the second stage came with more of the others.
FIRST_RELEASE = (("enrollments", "0001_initial"), ("enterprise", "0001_initial"))
ALL_APPS = (
    ("program_enrollments", "0001_enrollments"),
    ("saml_admin", "0001_providers"),
    ("support", "0001_entitlements"),
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from tests.upgrade import rows

    filled: dict[str, Any] = {}
    for stage, fill in ((FIRST_RELEASE, rows.of_the_first_release), (ALL_APPS, rows.of_the_other_apps)):
        for app, name in stage:
            MigrationExecutor(connection).migrate([(app, name)])
        loader = MigrationExecutor(connection).loader
        state = loader.project_state(list(loader.applied_migrations))
        fill(state.apps)
        filled.update(rows.contents(state.apps))
    call_command("migrate", interactive=False, verbosity=0)

    from django.apps import apps

    json.dump(
        {
            "changed": rows.differences(filled, rows.contents(apps)),
            "tables": len(filled),
            "rows": sum(len(each) for each in filled.values()),
            "waiting": [str(step) for step, _ in plan_of_today()],
            **rows.seen_today(),
        },
        sys.stdout,
        default=str,
    )


def plan_of_today() -> list[Any]:
    """The migrations that still wait."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return list(executor.migration_plan(executor.loader.graph.leaf_nodes()))


if __name__ == "__main__":
    main()
