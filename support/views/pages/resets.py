"""The page of course resets, and the question before one (contract: support, course_reset)."""

from __future__ import annotations

from typing import Any

from config.api.exceptions import Refusal
from enrollments.models import User
from support.queries.course_resets import courses_of, resettable_person
from support.services.course_resets import NO_USER, NOT_NOW, NOT_OFFERED, request_reset
from support.views.course_reset import run_and_comment
from support.views.pages.frame import COURSE_RESET, ActionPage, LearnerPage, given_learner, given_run, given_text

AT_WORK = ("in progress", "enqueued")  # words of the states, as clients look for them too


class ResetsPage(LearnerPage):
    """The learner's courses in which resets are offered; the list looks anew while a reset is at work."""

    entry = COURSE_RESET
    template_name = "support/resets.html"

    def find(self, asked: str) -> User | None:
        return resettable_person(asked)

    def about(self, person: User) -> dict[str, Any]:
        courses = courses_of(person)
        at_work = any(word in course.status.lower() for course in courses for word in AT_WORK)
        return {"courses": courses, "at_work": at_work, "itself": self.request.get_full_path()}


class ResetCourse(ActionPage):
    """Have a learner begin a run anew."""

    entry = COURSE_RESET
    form_template = "support/forms/reset_course.html"

    def question(self) -> dict[str, Any]:
        learner, run = resettable_person(given_learner(self.request)), given_run(self.request, "course_id")
        if learner is None:
            raise Refusal(NO_USER)
        course = next((each for each in courses_of(learner) if each.run.pk == run), None)
        if course is None:
            raise Refusal(NOT_OFFERED)
        if not course.can_reset:
            raise Refusal(NOT_NOW.format(course.status))
        title = f"Reset a course of {learner.username}"
        return {"action_title": title, "course": course, "danger": True, "button": "Reset course"}

    def act(self) -> str:
        sent = {"course_id": given_run(self.request, "course_id"), "comment": given_text(self.request, "comment")}
        run, comment = run_and_comment(sent)
        learner = given_learner(self.request)
        request_reset(self.agent, learner, run, comment)
        return f"The reset of {run} for {learner} is under way."
