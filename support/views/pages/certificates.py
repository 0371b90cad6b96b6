"""The page of a learner's certificates, and the question to have one made (contract: support, section 3)."""

from __future__ import annotations

import logging
from typing import Any

from config.api.exceptions import Refusal
from enrollments.models import User
from enrollments.queries.certificates import of_learner
from enrollments.services import certificates
from support.serializers.certificates import certificate_body, no_certificate_body
from support.views.certificates import UNEXPECTED, asked_run, learner_and_run
from support.views.pages.frame import (
    CERTIFICATES,
    ActionPage,
    LearnerPage,
    address,
    given_learner,
    given_run,
    given_text,
)

logger = logging.getLogger(__name__)


class CertificatesPage(LearnerPage):
    """A learner's certificates, in all runs or in one."""

    entry = CERTIFICATES
    template_name = "support/certificates.html"

    def about(self, person: User) -> dict[str, Any]:
        try:
            run = asked_run(given_run(self.request, "course_id"))
        except Refusal as refusal:
            return {"refusal": refusal.text}
        found = [certificate_body(person.username, *each) for each in of_learner(person.pk, run)]
        if run is not None and not found:
            found = [no_certificate_body(person.username, run)]
        return {"certificates": found}

    def content(self, **kwargs: Any) -> dict[str, Any]:
        return {"course_id": given_run(self.request, "course_id"), **super().content(**kwargs)}


class MakeCertificate(ActionPage):
    """Have a certificate made, or made anew."""

    entry = CERTIFICATES
    form_template = "support/forms/make_certificate.html"

    def question(self) -> dict[str, Any]:
        verb = "Regenerate" if self.is_anew() else "Generate"
        learner, run = learner_and_run(self.asked())
        return {"action_title": f"{verb} the certificate of {learner.username}", "run": run, "button": verb}

    def act(self) -> str:
        learner, run = learner_and_run(self.asked())
        if not self.is_anew():
            certificates.generate(learner, run)
            return (
                f"The certificate of {learner.username} in {run} is made if it has been earned: search again to see it."
            )
        try:
            certificates.regenerate(learner, run)
        except Refusal:
            raise
        except Exception:
            logger.exception("certificate of user %s in %s: it could not be made anew", learner.pk, run)
            raise Refusal(UNEXPECTED) from None
        return f"The certificate of {learner.username} in {run} is being made anew."

    def asked(self) -> dict[str, str]:
        return {"username": given_learner(self.request), "course_key": given_run(self.request, "course_id")}

    def is_anew(self) -> bool:
        return given_text(self.request, "anew") == "yes"

    def back(self) -> str:
        searched = given_run(self.request, "searched")
        return address(self.entry, user=given_learner(self.request), course_id=searched)
