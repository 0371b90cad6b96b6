"""Bulk enrollment on real registrations: `python -m bench.oulad --data FOLDER`.

Starts PostgreSQL and Redis databases of its own, a mail sink, gunicorn and two worker processes; loads the 22 runs of
the Open University Learning Analytics Dataset and half of its learners as accounts; enrolls all registrations by one
asynchronous job over HTTP with a mail for each; then unenrolls those that left. Checks that everybody was enrolled once
and told once, and prints what it took.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import NAMESPACE_URL, uuid5

import requests

from bench import service as real

CUSTOMER = "open-university"
Registration = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with courses.csv and studentRegistration.csv")
    parser.add_argument("--limit", type=int, help="only so many registrations")
    parser.add_argument("--processes", type=int, default=2, help="worker processes")
    parser.add_argument("--no-mail", action="store_true", help="enroll without telling anybody")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oulad-")))
        database_url = stack.enter_context(real.database("matricula_oulad"))
        cache, broker = stack.enter_context(real.redis_databases(2))
        urls = {"DATABASE_URL": database_url, "REDIS_URL": cache, "CELERY_BROKER_URL": broker}
        rates = {"USER_RATE": "100000/minute"}  # the job is looked at several times a second
        site = real.Service(folder, {**urls, **rates, "BULK_JOB_WORKERS": str(options.processes)})
        stack.callback(site.stop)
        Oulad(site, options).run()


class Oulad:
    """One run of the benchmark."""

    def __init__(self, site: real.Service, options: argparse.Namespace) -> None:
        self.site, self.options = site, options
        self.database = urlsplit(site.environment["DATABASE_URL"]).path.lstrip("/")
        with (options.data / "courses.csv").open() as file:
            self.courses = list(csv.DictReader(file))
        with (options.data / "studentRegistration.csv").open() as file:
            self.registrations = list(csv.DictReader(file))[: options.limit]

    def run(self) -> None:
        self.prepare()
        self.site.start_sink()
        web = self.site.start_web(2)
        worker = self.site.start_worker(self.options.processes)
        self.site.start_beat()
        real.wait_for("the worker processes", lambda: len(real.children(worker.pid)) >= self.options.processes, 60)
        time.sleep(2)  # their start is not what is measured
        meters = {
            "web": real.Meter(lambda: real.children(web.pid)),
            "workers": real.Meter(lambda: real.children(worker.pid)),
            "PostgreSQL": real.Meter(lambda: real.backends(self.database)),
        }
        job, submitted, waited = self.enroll(meters)
        cpu = {name: meter.seconds for name, meter in meters.items()}
        mails_per_second = self.wait_for_mails(job)
        peak = max(map(real.peak_megabytes, real.children(worker.pid)))
        statements = self.statements_per_chunk()
        self.check(job)
        left, leaving_seconds = self.unenroll()
        rows = job["total"]
        working = _seconds(job["started"], job["finished"])
        print(f"registrations            {rows:>10,}")
        print(f"submitted in             {submitted:>10.2f} s")
        print(f"worked in                {working:>10.2f} s  ({rows / working:,.0f} rows/s)")
        print(f"request to last row      {waited:>10.2f} s  ({rows / waited:,.0f} rows/s)")
        for name, seconds in cpu.items():
            print(f"CPU, {name:<19} {1000 * seconds / rows:>10.3f} ms/row")
        print(f"statements per chunk     {statements:>10}")
        print(f"worker memory, peak      {peak:>10.0f} MB")
        print(f"mails per second         {mails_per_second:>10.0f}")
        print(f"unenrolled               {left:>10,} in {leaving_seconds:.2f} s")
        print("everybody enrolled once and told once: yes")

    def prepare(self) -> None:
        """Makes the tables, the runs, and half of the learners' accounts, in this process."""
        os.environ.update(self.site.environment, DJANGO_SETTINGS_MODULE="config.settings")
        self.site.manage("migrate", "--verbosity", "0")
        import django

        django.setup()
        from enrollments.models import Course, CourseMode, CourseOverview, Organization, User
        from enrollments.models.courses import course_uuid
        from enterprise.models import (
            EnterpriseCustomer,
            EnterpriseCustomerUser,
            SystemWideEnterpriseRole,
            SystemWideEnterpriseUserRoleAssignment,
        )

        university = Organization.objects.create(short_name="OU", name="Open University")
        courses: dict[str, Course] = {}
        for row in self.courses:
            module = row["code_module"]
            if module not in courses:
                courses[module] = Course.objects.create(
                    key=f"OU+{module}", title=f"Module {module}", organization=university
                )
            key = run_key(row)
            title = f"{module} {row['code_presentation']}"
            CourseOverview.objects.create(
                id=key, uuid=course_uuid(key), course=courses[module], org="OU", display_name=title
            )
            CourseMode.objects.create(course_id=key, mode_slug="audit", mode_display_name="Audit")
            CourseMode.objects.create(course_id=key, mode_slug="verified", mode_display_name="Verified", min_price=49)
        students = sorted({int(row["id_student"]) for row in self.registrations})
        self.with_account = set(map(str, students[::2]))
        User.objects.bulk_create(
            (User(username=f"ou{student}", email=address(student), password="!") for student in students[::2]),
            batch_size=2_000,
        )
        self.admin = User.objects.create_user("registrar", "registrar@open.example", "!")
        self.customer = EnterpriseCustomer.objects.create(name="Open University", slug=CUSTOMER)
        EnterpriseCustomerUser.objects.create(enterprise_customer=self.customer, user_id=self.admin.pk)
        SystemWideEnterpriseUserRoleAssignment.objects.create(
            user=self.admin,
            role=SystemWideEnterpriseRole.objects.get(name="enterprise_admin"),
            enterprise_customer=self.customer,
        )

    def enroll(self, meters: dict[str, real.Meter]) -> tuple[dict[str, Any], float, float]:
        """The finished job, the seconds until the service took it, and those until it was done."""
        from enrollments.services.tokens import access_token_for

        token = access_token_for(self.admin, scopes=["user_id", "email", "profile"], grant_type="password")
        rows = [
            {"email": address(row["id_student"]), "course_run_key": run_key(row), "license_uuid": license_uuid(row)}
            for row in self.registrations
        ]
        body: Any = {"enrollments_info": rows, "notify": not self.options.no_mail}
        url = f"/enterprise/api/v1/enterprise-customer/{self.customer.pk}/enroll_learners_in_courses/"
        root = self.site.environment["LMS_ROOT_URL"]
        with requests.Session() as client:
            client.headers.update({"Authorization": f"JWT {token}", "Prefer": "respond-async"})
            began = time.monotonic()
            answer = client.post(root + url, json=body, timeout=120)
            submitted = time.monotonic() - began
            if answer.status_code != 202:
                sys.exit(f"The job was refused: {answer.status_code} {answer.text[:500]}")
            location = urljoin(root, answer.headers["Location"])
            while True:
                for meter in meters.values():
                    meter.sample()
                answer = client.get(location, timeout=30)
                answer.raise_for_status()
                job = answer.json()
                if job["state"] in ("finished", "cancelled"):
                    return job, submitted, time.monotonic() - began
                time.sleep(0.2)

    def wait_for_mails(self, job: dict[str, Any]) -> float:
        """Mails per second, from the first to the last."""
        if self.options.no_mail:
            return 0
        lines: list[str] = []
        quiet_since = time.monotonic()
        while len(lines) < job["total"] and time.monotonic() - quiet_since < 60:
            time.sleep(0.5)
            arrived = self.site.mails.read_text().splitlines()
            if len(arrived) > len(lines):
                quiet_since = time.monotonic()
            lines = arrived
        moments = sorted(float(line.rsplit("\t", 1)[1]) for line in lines)
        return len(moments) / (moments[-1] - moments[0]) if len(moments) > 1 else 0

    def statements_per_chunk(self) -> int:
        """Counted in this process over one chunk of new learners, half of them with an account."""
        from django.db import connection

        from enrollments.models import User
        from enterprise.bulk import engine
        from enterprise.bulk.rows import RowInput
        from enterprise.services import jobs

        people = User.objects.bulk_create(
            User(username=f"extra{n}", email=f"extra{n}@open.example") for n in range(250)
        )
        key = run_key(self.courses[0])
        license_id = uuid5(NAMESPACE_URL, "extra")
        rows = [RowInput(account.pk, "", key, license_id) for account in people]
        rows += [RowInput(None, f"waiting{n}@open.example", key, license_id) for n in range(250)]
        job = jobs.create(self.customer, None, rows, notify=False, discount=Decimal(0))
        seen: list[str] = []

        def count(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
            seen.append(sql)
            return execute(sql, parameters, many, context)

        work = engine._Engine(job.pk)
        with connection.execute_wrapper(count):
            work.next_chunk()
        return len(seen)

    def check(self, job: dict[str, Any]) -> None:
        from enrollments.models import CourseEnrollment
        from enterprise.models import EnterpriseCourseEnrollment, PendingEnrollment

        here = [row for row in self.registrations if row["id_student"] in self.with_account]
        waiting = len(self.registrations) - len(here)
        extra = 250  # of `statements_per_chunk`
        problems = [
            f"{name}: {found} instead of {wanted}"
            for name, found, wanted in (
                ("succeeded", job["counts"]["succeeded"], len(here)),
                ("pending", job["counts"]["pending"], waiting),
                ("enrollments", CourseEnrollment.objects.filter(is_active=True).count(), len(here) + extra),
                ("enterprise enrollments", EnterpriseCourseEnrollment.objects.count(), len(here) + extra),
                ("pending enrollments", PendingEnrollment.objects.count(), waiting + extra),
            )
            if found != wanted
        ]
        if not self.options.no_mail:
            told = Counter(self.site.mailed())
            due = Counter((address(row["id_student"]), subject(row)) for row in self.registrations)
            wrong = [key for key in told.keys() | due.keys() if told[key] != due[key]]
            problems += [f"told {told[key]} times: {key}" for key in wrong[:5]]
        if problems:
            sys.exit("NOT as it should be:\n" + "\n".join(problems))

    def unenroll(self) -> tuple[int, float]:
        """Ends the enrollments of those that left; how many, and the seconds it took."""
        from enrollments.models import CourseEnrollment
        from enterprise.models import PendingEnrollment

        left = [row for row in self.registrations if row["date_unregistration"]]
        roster = self.site.folder / "left.csv"
        with roster.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["email", "course_run_key"])
            writer.writerows([address(row["id_student"]), run_key(row)] for row in left)
        before = CourseEnrollment.objects.filter(is_active=True).count() + PendingEnrollment.objects.count()
        began = time.monotonic()
        self.site.manage("unenroll_learners", str(roster), "--customer", CUSTOMER)
        seconds = time.monotonic() - began
        after = CourseEnrollment.objects.filter(is_active=True).count() + PendingEnrollment.objects.count()
        if before - after != len(left):
            sys.exit(f"NOT as it should be: {before - after} of {len(left)} that left were unenrolled")
        return len(left), seconds


def run_key(row: Registration) -> str:
    return f"course-v1:OU+{row['code_module']}+{row['code_presentation']}"


def run_title(row: Registration) -> str:
    return f"{row['code_module']} {row['code_presentation']}"


def subject(row: Registration) -> str:
    """Of the mail that tells of this registration."""
    return f"You have been enrolled in {run_title(row)}"


def address(student: object) -> str:
    return f"ou{student}@learners.example"


def license_uuid(row: Registration) -> str:
    return str(uuid5(NAMESPACE_URL, f"{row['id_student']} {run_key(row)}"))


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


if __name__ == "__main__":
    main()
