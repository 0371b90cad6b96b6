"""Students of a program imported as the Registrar does: `python -m bench.registrar [--students N]`.

Starts PostgreSQL and Redis databases of its own and gunicorn; half of the students have an account that the program's
identity provider knows. A client sends PUTs of 25 rows, one after the other: all students into the program, then all of
them into one of its runs, then both once more. Checks that everybody is there once and that the second time changes
nothing, and prints rows per second, processor time per row and statements per batch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from bench import service as real

STUDENTS = 10_000
BATCH = 25
RUN = "course-v1:Uni+Stats+R1"
Rows = list[dict[str, Any]]
HEADINGS = ("rows/s", "web CPU ms/row", "PG CPU ms/row", "p50 ms", "p99 ms", "SQL/batch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=STUDENTS, help="how many are imported")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="registrar-")))
        database_url = stack.enter_context(real.database("matricula_registrar"))
        cache, broker = stack.enter_context(real.redis_databases(2))
        urls = {"DATABASE_URL": database_url, "REDIS_URL": cache, "CELERY_BROKER_URL": broker}
        site = real.Service(folder, {**urls, "DJANGO_SETTINGS_MODULE": "bench.settings"})
        stack.callback(site.stop)
        Import(site, options.students).run()


class Import:
    """One run of the benchmark."""

    def __init__(self, site: real.Service, students: int) -> None:
        self.site = site
        self.keys = [f"S-{number:06}" for number in range(students)]
        self.database = urlsplit(site.environment["DATABASE_URL"]).path.lstrip("/")

    def run(self) -> None:
        self.prepare()
        self.web = self.site.start_web(2)
        self.warm_up()
        program = f"/api/program_enrollments/v1/programs/{self.program.pk}/"
        curriculum = str(self.curriculum.pk)
        students = [{"student_key": key, "status": "enrolled", "curriculum_uuid": curriculum} for key in self.keys]
        in_run = [{"student_key": key, "status": "active", "course_staff": "false"} for key in self.keys]
        print(f"{'':30}", *(f"{heading:>15}" for heading in HEADINGS))
        stored: list[Any] = []
        for again in ("", ", once more"):
            self.send(f"into the program{again}", f"{program}enrollments/", students)
            self.send(f"into a run{again}", f"{program}courses/{RUN}/enrollments/", in_run)
            stored.append(self.stored())
        if stored[0] != stored[1]:
            sys.exit("NOT as it should be: importing the same once more has changed something")
        print(f"{len(self.keys):,} students there once, in the run once; importing once more changed nothing: yes")

    def prepare(self) -> None:
        """Makes the tables, a program with a run, and accounts of half of the students, in this process."""
        os.environ.update(self.site.environment)
        self.site.manage("migrate", "--verbosity", "0")
        import django

        django.setup()
        from django.db import connection

        from enrollments import models
        from enrollments.models.courses import course_uuid
        from enrollments.services.tokens import access_token_for
        from saml_admin.models import SAMLProviderConfig

        university = models.Organization.objects.create(short_name="Uni", name="University")
        SAMLProviderConfig.objects.create(organization=university, slug="uni", enabled=True)
        course = models.Course.objects.create(key="Uni+Stats", title="Statistics", organization=university)
        run = models.CourseOverview.objects.create(
            id=RUN, uuid=course_uuid(RUN), course=course, org="Uni", display_name="Statistics"
        )
        self.program = models.Program.objects.create(title="Analytics", type="Masters")
        models.ProgramOrganization.objects.create(program=self.program, organization=university)
        self.curriculum = models.Curriculum.objects.create(program=self.program)
        self.curriculum.course_runs.add(run)
        accounts = models.User.objects.bulk_create(
            (models.User(username=key, email=f"{key}@uni.example", password="!") for key in self.keys[::2]),
            batch_size=2_000,
        )
        models.UserSocialAuth.objects.bulk_create(
            (models.UserSocialAuth(user=each, provider="tpa-saml", uid=f"uni:{each.username}") for each in accounts),
            batch_size=2_000,
        )
        worker = models.User.objects.create_user("registrar", "registrar@uni.example", "!", is_staff=True)
        self.token = access_token_for(worker, scopes=["user_id", "email", "profile"], grant_type="password")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # what the server does by itself within a minute

    def warm_up(self) -> None:
        """Until both workers have answered: their start is not what is measured."""
        address = f"{self.site.environment['LMS_ROOT_URL']}/api/program_enrollments/v1/programs/{self.program.pk}"
        for _ in range(20):
            requests.get(f"{address}/enrollments/", headers={"Authorization": f"JWT {self.token}"}, timeout=60)

    def send(self, what: str, path: str, rows: Rows) -> None:
        """Sends all rows in batches and prints what it took."""
        batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        web = real.Meter(lambda: real.children(self.web.pid))
        database = real.Meter(lambda: real.backends(self.database))
        took = []
        with requests.Session() as client:
            client.headers["Authorization"] = f"JWT {self.token}"
            began = time.monotonic()
            # The last one is sent from this process, to count its statements.
            for number, batch in enumerate(batches[:-1]):
                sent = time.monotonic()
                answer = client.put(self.site.environment["LMS_ROOT_URL"] + path, json=batch, timeout=60)
                took.append(time.monotonic() - sent)
                self.check(answer.status_code, answer.text, answer.json, batch)
                if number % 50 == 0:
                    database.sample()
            seconds = time.monotonic() - began
        web.sample()
        database.sample()
        sent_rows = sum(map(len, batches[:-1]))
        figures = (
            f"{sent_rows / seconds:,.0f}", f"{1000 * web.seconds / sent_rows:.3f}",
            f"{1000 * database.seconds / sent_rows:.3f}", f"{1000 * statistics.median(took):.1f}",
            f"{1000 * statistics.quantiles(took, n=100)[98]:.1f}", f"{self.statements(path, batches[-1])}",
        )  # fmt: skip
        print(f"{what:30}", *(f"{figure:>15}" for figure in figures), flush=True)

    def statements(self, path: str, batch: Rows) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext
        from rest_framework.test import APIClient

        client = APIClient(headers={"Authorization": f"JWT {self.token}", "Host": "127.0.0.1"})
        with CaptureQueriesContext(connection) as queries:
            answer = client.put(path, batch, format="json")
        self.check(answer.status_code, answer.content.decode(), answer.json, batch)
        return len(queries)

    @staticmethod
    def check(status: int, text: str, body: Callable[[], Any], batch: Rows) -> None:
        if status != 200 or body() != {row["student_key"]: row["status"] for row in batch}:
            sys.exit(f"NOT as it should be: {status} {text[:500]}")

    def stored(self) -> Any:
        """What is stored, without moments; exits when somebody is missing."""
        from enrollments.models import CourseEnrollment
        from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment

        students = list(
            ProgramEnrollment.objects.order_by("pk").values_list("pk", "external_user_key", "status", "user_id")
        )
        in_run = list(
            ProgramCourseEnrollment.objects.order_by("pk").values_list("pk", "status", "course_enrollment_id")
        )
        plain = list(CourseEnrollment.objects.order_by("pk").values_list("pk", "user_id", "mode", "is_active"))
        histories = (ProgramCourseEnrollment.history.count(), CourseEnrollment.history.count())
        realised = len(self.keys[::2])
        counts = (len({key for _, key, *_ in students}), len(in_run), len(plain), *histories)
        if counts != (len(self.keys), len(self.keys), realised, len(self.keys), realised):
            sys.exit(f"NOT as it should be: students, in the run, plain enrollments, their histories: {counts}")
        return students, in_run, plain, histories


if __name__ == "__main__":
    main()
