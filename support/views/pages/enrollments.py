"""The page of a learner's enrollments, and the questions to enroll and to change a mode (contract: support)."""

from __future__ import annotations

from typing import Any

from config.api.exceptions import Refusal
from enrollments.models import User
from support.queries.enrollments import LearnerEnrollment, enrollments_of
from support.services.enrollments import NOT_ENROLLED, change_mode, create_enrollment
from support.views.pages.frame import ENROLLMENT, ActionPage, LearnerPage, given_learner, given_run, given_text

REASONS = ("Financial Assistance", "Upset Learner", "Teaching Assistant")
# What a run may offer; which of them it does is said where they are refused.
MODES = (
    "audit", "honor", "verified", "professional", "no-id-professional", "credit", "masters", "executive-education",
)  # fmt: skip
NO_REASON = "Choose a reason, or write one."


class EnrollmentPage(LearnerPage):
    """All enrollments of a learner, with who changed them last and why."""

    entry = ENROLLMENT
    template_name = "support/enrollment.html"

    def about(self, person: User) -> dict[str, Any]:
        return {"enrollments": enrollments_of(person.username)}


class ReasonedAction(ActionPage):
    """A change of enrollments, which needs a reason."""

    entry = ENROLLMENT

    def reason(self) -> str:
        """The chosen reason, else the written one.

        Raises:
            Refusal: there is neither.
        """
        reason = given_text(self.request, "reason") or given_text(self.request, "reason_text")
        if not reason:
            raise Refusal(NO_REASON)
        return reason


class CreateEnrollment(ReasonedAction):
    """Enroll a learner in a run."""

    form_template = "support/forms/create_enrollment.html"

    def question(self) -> dict[str, Any]:
        learner = given_learner(self.request)
        return {
            "action_title": f"Enroll {learner}" if learner else "Enroll a learner",
            "learner": learner,
            "modes": MODES,
            "reasons": REASONS,
            "button": "Enroll",
        }

    def act(self) -> str:
        learner, run, mode = given_learner(self.request), given_run(self.request, "course_id"), self.mode()
        create_enrollment(learner, self.agent, course_id=run, mode=mode, reason=self.reason())
        return f"{learner} is enrolled in {run} as {mode}."

    def mode(self) -> str:
        return given_text(self.request, "mode")


class ChangeEnrollment(ReasonedAction):
    """Move a learner's enrollment to another mode."""

    form_template = "support/forms/change_enrollment.html"

    def question(self) -> dict[str, Any]:
        enrollment = self.enrollment()
        return {
            "action_title": f"Change the enrollment of {enrollment.username}",
            "enrollment": enrollment,
            "modes": list(dict.fromkeys(mode.slug for mode in enrollment.modes)),
            "reasons": REASONS,
            "button": "Change enrollment",
        }

    def enrollment(self) -> LearnerEnrollment:
        """The enrollment of the query.

        Raises:
            Refusal: there is none.
        """
        learner, run = given_learner(self.request), given_run(self.request, "course_id")
        found = next((each for each in enrollments_of(learner) if each.run.id == run), None)
        if found is None:
            raise Refusal(NOT_ENROLLED.format(learner, run))
        return found

    def act(self) -> str:
        learner, run = given_learner(self.request), given_run(self.request, "course_id")
        old_mode, new_mode = given_text(self.request, "old_mode"), given_text(self.request, "new_mode")
        change_mode(
            learner, self.agent, course_id=run, old_mode=old_mode, new_mode=new_mode, reason=self.reason()
        )  # fmt: skip
        return f"{learner} is {new_mode} in {run} now."
