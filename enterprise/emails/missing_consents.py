"""The mail to a learner who has not answered whether a customer may see their course data.

Contract: enterprise-learners, Background work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from config.db.sets import InPairs
from enrollments.emails.registry import Rendered
from enrollments.models import CourseOverview, OutboxMessage
from enterprise.models import DataSharingConsent, EnterpriseCustomerUser

MESSAGE_TYPE = "enterprise.missing_consents"
SUBJECT = "May {} see your course data?"


_Asked = tuple[UUID, str, str]  # customer, user name, key of a run or course


class _Learner(NamedTuple):
    link_id: int
    username: str
    first_name: str
    customer_id: UUID
    customer_name: str
    site_domain: str
    reply_to: str | None

    @property
    def sender(self) -> str:
        return settings.SITE_FROM_EMAILS.get(self.site_domain) or settings.DEFAULT_FROM_EMAIL


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; three statements, whatever its size.

    The context of a message is `{"link": id, "courses": {run key: course key}}`. Runs that were answered meanwhile are
    left out; a learner who has answered for all of them, or is not linked any more, needs no mail.
    """
    learners = _learners({message.context["link"] for message in messages})
    asked = {message.pk: message.context["courses"] for message in messages}
    titles = _titles({run for courses in asked.values() for run in courses})
    answers = _answers(
        (learner.username, key)
        for message in messages
        if (learner := learners.get(message.context["link"]))
        for pair in asked[message.pk].items()
        for key in pair
    )
    return {
        message.pk: _letter(learner, asked[message.pk], titles, answers)
        if (learner := learners.get(message.context["link"]))
        else "The learner is not linked any more."
        for message in messages
    }


def _letter(
    learner: _Learner, asked: Mapping[str, str], titles: Mapping[str, str], answers: Mapping[_Asked, bool | None]
) -> Rendered:
    customer, name = learner.customer_id, learner.username
    # A record for the run counts, else one for its course.
    open_runs = [
        run
        for run, course in asked.items()
        if answers.get((customer, name, run), answers.get((customer, name, course))) is None
    ]
    if not open_runs:
        return "The learner has answered meanwhile."
    context = {
        "user_name": learner.first_name or learner.username,
        "organization_name": learner.customer_name,
        "courses": [
            {"name": titles.get(run) or run, "url": f"{settings.LMS_ROOT_URL}/courses/{run}/course"}
            for run in open_runs
        ],
    }
    text, html = (render_to_string(f"enterprise/emails/missing_consents.{form}", context) for form in ("txt", "html"))
    # A header holds neither line breaks nor control characters.
    shown = " ".join("".join(each if each.isprintable() else " " for each in learner.customer_name).split())
    reply_to = [learner.reply_to] if learner.reply_to else None
    mail = EmailMultiAlternatives(SUBJECT.format(shown), text, learner.sender, reply_to=reply_to)
    mail.attach_alternative(html, "text/html")
    return mail


def _learners(links: Collection[int]) -> dict[int, _Learner]:
    rows = EnterpriseCustomerUser.objects.filter(pk__in_set=links, user_fk__isnull=False).order_by()
    columns = (
        "pk", "user_fk__username", "user_fk__first_name", "enterprise_customer_id", "enterprise_customer__name",
        "enterprise_customer__site__domain", "enterprise_customer__reply_to",
    )  # fmt: skip
    return {row[0]: _Learner._make(row) for row in rows.values_list(*columns)}


def _titles(runs: Collection[str]) -> dict[str, str]:
    rows = CourseOverview.objects.filter(pk__in_set=runs).only("pk", "display_name").order_by()
    return {run.pk: run.name for run in rows}


def _answers(names: Iterable[tuple[str, str]]) -> dict[_Asked, bool | None]:
    records = DataSharingConsent.objects.filter(InPairs("username", "course_id", set(names))).order_by()
    columns = ("enterprise_customer_id", "username", "course_id", "granted")
    return {(customer, name, key): granted for customer, name, key, granted in records.values_list(*columns)}
