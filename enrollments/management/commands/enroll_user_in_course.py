"""`manage.py enroll_user_in_course` (contract: enrollment-api, Background work)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.api.exceptions import Refusal
from enrollments.services.enrollment_ladder import enroll_by_email


class Command(BaseCommand):
    """Enrolls one account, found by its address, as the add branch of POST enrollment does."""

    help = "Enroll the account with an e-mail address in a course run. Being enrolled already is fine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-e", "--email", required=True, help="The account's e-mail address, exactly as stored.")
        parser.add_argument("-c", "--course", required=True, help="The key of the run.")
        parser.add_argument("-m", "--mode", default=None, help="The mode; the run's default mode when left out.")

    def handle(self, *args: Any, email: str, course: str, mode: str | None, **options: Any) -> None:
        try:
            answer = enroll_by_email(email, course, mode)
        except Refusal as refusal:
            reason = f" ({refusal.code})" if refusal.code else ""
            raise CommandError(f"{refusal.text}{reason}") from refusal
        self.stdout.write(f"{answer.learner.username} is enrolled in {course} ({answer.enrollment.mode}).")
