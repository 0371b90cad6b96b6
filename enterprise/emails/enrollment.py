"""The mail on an enrollment by a customer (contract: enterprise-learners, Enrollment mail task)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db.models import Q
from django.template import TemplateSyntaxError

from enrollments.emails.registry import Rendered
from enrollments.models import CourseOverview, OutboxMessage, User
from enterprise.emails.sandbox import StoredTemplate
from enterprise.models import (
    BulkJob,
    BulkJobRow,
    EnrollmentNotificationEmailTemplate,
    EnterpriseCustomer,
    EnterpriseCustomerIdentityProvider,
)

MESSAGE_TYPE = "enterprise.enrollment"
BUILT_IN_SUBJECT = "You have been enrolled in {course_name}"

TemplateType = EnrollmentNotificationEmailTemplate.TemplateType
# Kind of the job -> type of its mails, where it is not that of bulk enrollment.
TEMPLATES: dict[str, str] = {BulkJob.Kind.SINGLE_ENROLLMENT: TemplateType.SELF_ENROLL.value}


@dataclass(frozen=True, slots=True)
class Notice:
    """What one mail tells.

    Args:
        template_type: which of the customer's texts it has.
        account_id: the learner's account; None for a pending learner.
        activation_link: the link that takes the place of the sign-in page's.
    """

    customer_id: UUID
    run_key: str
    account_id: int | None
    activation_link: str | None
    template_type: str = TemplateType.ADMIN_ENROLL.value


@dataclass(frozen=True, slots=True)
class Sender:
    """A customer as its mails show it."""

    name: str
    slug: str
    site_domain: str
    reply_to: str | None
    identity_provider: str | None


@dataclass(frozen=True, slots=True)
class Run:
    title: str
    start: datetime | None


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """A stored template; `texts` holds the error of one that cannot be read."""

    subject: str
    texts: StoredTemplate | TemplateSyntaxError


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the enrollment mails of a delivery batch; six statements, whatever its size.

    The context of a message is `{"row": id}`, the row of a bulk job that enrolled the learner. A message whose row, run
    or template is gone needs no mail.
    """
    notices = _notices(messages)
    desk = _Desk(notices.values())
    return {
        message.pk: desk.letter(notice)
        if (notice := notices.get(message.context.get("row")))
        else "The enrollment's row is no longer stored."
        for message in messages
    }


class _Desk:
    """Everything that the mails of a batch need, read once."""

    def __init__(self, notices: Iterable[Notice]) -> None:
        notices = list(notices)
        customer_ids = {notice.customer_id for notice in notices}
        self.senders = _senders(customer_ids)
        self.templates = _templates(customer_ids)
        self.runs = _runs({notice.run_key for notice in notices})
        self.names = _names({notice.account_id for notice in notices if notice.account_id is not None})

    def letter(self, notice: Notice) -> Rendered:
        """The mail of one notice, or why there is none."""
        sender, run = self.senders.get(notice.customer_id), self.runs.get(notice.run_key)
        if sender is None or run is None:
            return "The details of the course run are missing." if sender else "The customer is no longer stored."
        kind = notice.template_type
        template = self.templates.get((kind, notice.customer_id)) or self.templates.get((kind, None))
        if template is None:
            return "There is no template for this mail."
        if isinstance(template.texts, TemplateSyntaxError):
            return template.texts
        plaintext, html = template.texts.render(self._variables(notice, sender, run))
        return _mail(subject_of(template.subject, run.title), plaintext, html, sender)

    def _variables(self, notice: Notice, sender: Sender, run: Run) -> dict[str, Any]:
        return {
            "user_name": self.names.get(notice.account_id, ""),  # None would be printed as a word
            "organization_name": sender.name,
            "enrolled_in": {
                "name": run.title,
                "url": notice.activation_link or course_url(notice, sender.identity_provider),
                "type": "course",
                "start": run.start,
            },
            **self._dashboard(notice, sender),
        }

    def _dashboard(self, notice: Notice, sender: Sender) -> dict[str, str]:
        """The learner portal, in mails of bulk enrollment."""
        if notice.template_type != TemplateType.ADMIN_ENROLL:
            return {}
        return {"dashboard_url": f"{settings.ENTERPRISE_LEARNER_PORTAL_BASE_URL.rstrip('/')}/{sender.slug}"}


def course_url(notice: Notice, identity_provider: str | None) -> str:
    """Where the learner signs in, or registers, on the way to the course.

    Args:
        identity_provider: the customer's provider, which the sign-in page then offers.
    """
    page = "login" if notice.account_id is not None else "register"
    course = f"/courses/{notice.run_key}/course?"
    if identity_provider:
        course += urlencode({"tpa_hint": identity_provider})
    return f"{settings.LMS_ROOT_URL}/{page}?next={quote(course)}"


def subject_of(template: str, course_name: str) -> str:
    """The subject: the template's, else the configured one, else the built-in one, with `{course_name}` filled in.

    One that is empty, or holds any other placeholder, cannot be used.
    """
    for line in (template, settings.ENTERPRISE_ENROLLMENT_EMAIL_DEFAULT_SUBJECT_LINE):
        if line and _fits(line):
            break
    else:
        line = BUILT_IN_SUBJECT
    # One line without control characters: a header can hold nothing else.
    return " ".join(
        "".join(each if each.isprintable() else " " for each in line.format(course_name=course_name)).split()
    )


def _fits(line: str) -> bool:
    """Whether `{course_name}`, as it stands, is the only placeholder."""
    try:
        placeholders = [parsed[1:] for parsed in Formatter().parse(line) if parsed[1] is not None]
    except ValueError:
        return False
    return all(placeholder == ("course_name", "", None) for placeholder in placeholders)


def _mail(subject: str, plaintext: str, html: str, sender: Sender) -> Rendered:
    if not plaintext.strip() and not html.strip():
        return "The template is empty."
    address = settings.SITE_FROM_EMAILS.get(sender.site_domain) or settings.DEFAULT_FROM_EMAIL
    reply_to = [sender.reply_to] if sender.reply_to else None
    if not plaintext.strip():
        mail = EmailMessage(subject, html, address, reply_to=reply_to)
        mail.content_subtype = "html"
        return mail
    letter = EmailMultiAlternatives(subject, plaintext, address, reply_to=reply_to)
    if html.strip():
        letter.attach_alternative(html, "text/html")
    return letter


# --- What the mails of a batch need, one statement each --------------------------------------------------------------


def _notices(messages: list[OutboxMessage]) -> dict[int, Notice]:
    """The notices by row id."""
    rows = BulkJobRow.objects.filter(
        pk__in=[message.context.get("row") for message in messages], job__enterprise_customer__isnull=False
    )
    columns = ("pk", "job__enterprise_customer_id", "course_run_key", "account_id", "activation_link", "job__kind")
    return {
        pk: Notice(customer_id, run_key, account_id, link, TEMPLATES.get(kind, TemplateType.ADMIN_ENROLL))
        for pk, customer_id, run_key, account_id, link, kind in rows.order_by().values_list(*columns)
    }


def _senders(customer_ids: set[UUID]) -> dict[UUID, Sender]:
    providers = _identity_providers(customer_ids)
    customers = EnterpriseCustomer.all_objects.filter(pk__in=customer_ids).order_by()
    return {
        pk: Sender(name, slug, site_domain, reply_to, providers.get(pk))
        for pk, name, slug, site_domain, reply_to in customers.values_list(
            "pk", "name", "slug", "site__domain", "reply_to"
        )
    }


def _identity_providers(customer_ids: set[UUID]) -> dict[UUID, str]:
    """A customer's only provider, or the one that is marked as the default among several."""
    providers: dict[UUID, dict[str, bool]] = {}
    for customer_id, provider, is_default in EnterpriseCustomerIdentityProvider.objects.filter(
        enterprise_customer__in=customer_ids
    ).values_list("enterprise_customer_id", "provider_id", "default_provider"):
        providers.setdefault(customer_id, {})[provider] = is_default
    return {
        customer_id: chosen
        for customer_id, of_customer in providers.items()
        if (
            chosen := next(
                (name for name, is_default in of_customer.items() if is_default or len(of_customer) == 1), None
            )
        )
    }


def _templates(customer_ids: set[UUID]) -> dict[tuple[str, UUID | None], MailTemplate]:
    """The templates by type and customer: the default ones under None."""
    stored = EnrollmentNotificationEmailTemplate.objects.filter(
        Q(enterprise_customer__in=customer_ids) | Q(enterprise_customer=None)
    )
    templates: dict[tuple[str, UUID | None], MailTemplate] = {}
    for kind, customer_id, subject, plaintext, html in stored.values_list(
        "template_type", "enterprise_customer_id", "subject_line", "plaintext_template", "html_template"
    ):
        try:
            texts: StoredTemplate | TemplateSyntaxError = StoredTemplate(plaintext, html)
        except TemplateSyntaxError as error:
            texts = error
        templates[kind, customer_id] = MailTemplate(subject, texts)
    return templates


def _runs(keys: set[str]) -> dict[str, Run]:
    runs = CourseOverview.objects.filter(pk__in=keys).only("pk", "display_name", "start").order_by()
    return {run.pk: Run(run.name, run.start) for run in runs}


def _names(account_ids: set[int]) -> dict[int | None, str]:
    accounts = User.objects.filter(pk__in=account_ids).order_by()
    return {
        pk: first_name or username for pk, first_name, username in accounts.values_list("pk", "first_name", "username")
    }
