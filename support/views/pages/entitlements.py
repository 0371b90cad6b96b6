"""The page of a learner's entitlements, and the questions before a change (contract: support, section 3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from config.api.exceptions import Refusal
from enrollments.models import User
from enterprise.queries.customers import parsed_uuid
from support.models import CourseEntitlement
from support.queries.courses import titles_of
from support.queries.entitlements import of_everybody, of_learner
from support.serializers.entitlements import NewEntitlementSerializer
from support.services import entitlements
from support.views.pages.frame import ENTITLEMENTS, ActionPage, LearnerPage, given_learner, given_text

MODES = ("verified", "professional", "no-id-professional")
CREATE, REISSUE, EXPIRE = "CREATE", "REISSUE", "EXPIRE"
OTHER_MODE = "An entitlement is in one of the modes {}."
NO_COMMENT = "Say why in the comment."


class EntitlementsPage(LearnerPage):
    """All entitlements of a learner, with what agents did with each."""

    entry = ENTITLEMENTS
    template_name = "support/entitlements.html"

    def about(self, person: User) -> dict[str, Any]:
        found = list(of_learner(person.pk))
        titles = titles_of(row.course_uuid for row in found)
        rows = [{"entitlement": row, "title": titles.get(row.course_uuid, "")} for row in found]
        return {"rows": rows, "orders": settings.ORDER_DASHBOARD_URL}


class CommentedAction(ActionPage):
    """A change of an entitlement, which needs a comment."""

    entry = ENTITLEMENTS

    def comment(self) -> str:
        """What the agent says about it.

        Raises:
            Refusal: nothing.
        """
        comment = given_text(self.request, "comment")
        if not comment:
            raise Refusal(NO_COMMENT)
        return comment


class CreateEntitlement(CommentedAction):
    """Give a learner an entitlement."""

    form_template = "support/forms/create_entitlement.html"

    def question(self) -> dict[str, Any]:
        learner = given_learner(self.request)
        title = f"Create an entitlement for {learner}" if learner else "Create an entitlement"
        return {"action_title": title, "learner": learner, "modes": MODES, "button": "Create entitlement"}

    def act(self) -> str:
        comment = self.comment()
        fields = {name: given_text(self.request, name) for name in ("user", "course_uuid", "mode")}
        details = [{"action": CREATE, "comments": comment}]
        sent = NewEntitlementSerializer(data={**fields, "refund_locked": True, "support_details": details})
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        if values["mode"] not in MODES:
            raise Refusal(OTHER_MODE.format(", ".join(MODES)))
        made = values.pop("support_details"), values.pop("email_opt_in")
        entitlements.create(self.agent, values, *made)
        return f"{fields['user']} has a new entitlement."


class ChangeEntitlement(CommentedAction):
    """Bring an entitlement into another state; a learner who uses it leaves the run."""

    form_template = "support/forms/change_entitlement.html"
    action: str
    verb: str
    report: str
    danger = False

    def question(self) -> dict[str, Any]:
        row = self.entitlement()
        return {
            "action_title": f"{self.verb} an entitlement of {row.user.username}",
            "entitlement": row,
            "title": titles_of([row.course_uuid]).get(row.course_uuid, ""),
            "danger": self.danger or row.enrollment_course_run is not None,
            "button": f"{self.verb} entitlement",
        }

    def act(self) -> str:
        row, comment = self.entitlement(), self.comment()
        run = row.enrollment_course_run
        detail = {"action": self.action, "comments": comment, "unenrolled_run": run.course_id if run else None}
        entitlements.update(self.agent, row.uuid, {"expired_at": self.expires_at()}, [detail])
        return self.report.format(row.user.username)

    def expires_at(self) -> datetime | None:
        """When it expires after the change."""
        return None

    def entitlement(self) -> CourseEntitlement:
        """The one of the query.

        Raises:
            Refusal: there is none.
        """
        text = given_text(self.request, "uuid")
        uuid = parsed_uuid(text)
        row = of_everybody().filter(uuid=uuid).first() if uuid else None
        if row is None:
            raise Refusal(entitlements.NOT_FOUND.format(text))
        return row


class ReissueEntitlement(ChangeEntitlement):
    """Make an entitlement good again."""

    action, verb, report = REISSUE, "Re-issue", "The entitlement of {} is good again."


class ExpireEntitlement(ChangeEntitlement):
    """End an entitlement."""

    action, verb, report, danger = EXPIRE, "Expire", "The entitlement of {} has expired.", True

    def expires_at(self) -> datetime:
        return timezone.now()
