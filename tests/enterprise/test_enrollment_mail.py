"""The mail on an enrollment by a customer (contract: enterprise-learners, Enrollment mail task)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sites.models import Site
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.template import TemplateSyntaxError
from django.utils import timezone

from enrollments.models import CourseOverview, OutboxMessage, User
from enrollments.services import outbox
from enterprise.emails import enrollment
from enterprise.emails.sandbox import StoredTemplate
from enterprise.models import (
    BulkJob,
    BulkJobRow,
    EnrollmentNotificationEmailTemplate,
    EnterpriseCustomer,
    EnterpriseCustomerIdentityProvider,
)
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, UserFactory

pytestmark = pytest.mark.django_db

RUN = "course-v1:Acme+Sail+T1"
ADMIN_ENROLL = EnrollmentNotificationEmailTemplate.TemplateType.ADMIN_ENROLL


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme & Sons", slug="acme")


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory(id=RUN, display_name="Sailing <1>", start=datetime(2031, 2, 3, tzinfo=UTC))


@pytest.fixture
def learner() -> User:
    return UserFactory(username="mia", first_name="Mia", email="mia@acme.test")


def message(customer: EnterpriseCustomer, account: User | None = None, email: str = "", **fields: Any) -> OutboxMessage:
    """A queued mail as a bulk job leaves it."""
    job, _ = BulkJob.objects.get_or_create(enterprise_customer=customer)
    position = BulkJobRow.objects.count()
    address = account.email if account else email or "newbie@acme.test"
    row = BulkJobRow.objects.create(
        job=job,
        position=position,
        account_id=account.pk if account else None,
        email=address,
        given_email=address,
        course_run_key=fields.pop("course_run_key", RUN),
        **fields,
    )
    return OutboxMessage.objects.create(
        key=f"bulk:{job.pk}:{position}",
        message_type="enterprise.enrollment",
        recipient=address,
        context={"row": row.pk},
    )


def sent() -> EmailMultiAlternatives:
    """The one mail that goes out."""
    outbox.deliver()
    [letter] = mail.outbox
    assert isinstance(letter, EmailMultiAlternatives)
    return letter


def html_of(letter: EmailMultiAlternatives) -> str:
    [(content, kind)] = letter.alternatives
    assert kind == "text/html"
    return str(content)


def template(customer: EnterpriseCustomer | None, **fields: Any) -> EnrollmentNotificationEmailTemplate:
    """The bulk mail's template of a customer, or the default one, with other texts."""
    stored, _ = EnrollmentNotificationEmailTemplate.objects.update_or_create(
        enterprise_customer=customer,
        template_type=ADMIN_ENROLL,
        defaults={"subject_line": "Welcome", "plaintext_template": "Text", "html_template": "", **fields},
    )
    return stored


def test_the_default_template_tells_who_enrolled_whom_in_what(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    message(customer, learner)
    letter = sent()
    assert letter.to == ["mia@acme.test"]
    assert letter.subject == "You have been enrolled in Sailing <1>"
    for part in ("Hello Mia", "Acme & Sons", "Sailing <1>", "February 3, 2031"):
        assert part in letter.body
    for part in ("Hello Mia", "Acme &amp; Sons", "Sailing &lt;1&gt;", "February 3, 2031"):
        assert part in html_of(letter)


def test_a_learner_without_a_first_name_is_greeted_by_username_and_a_pending_one_by_none(
    customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    message(customer, UserFactory(username="zoe"))
    message(customer, None, "newbie@acme.test")
    outbox.deliver()
    bodies = {letter.to[0]: letter.body for letter in mail.outbox}
    assert "Hello zoe," in bodies["zoe@learners.example"]
    assert "Hello," in bodies["newbie@acme.test"]


def test_a_customers_template_shows_nothing_where_the_name_of_a_pending_learner_would_be(
    customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    template(customer, plaintext_template="Hi {{ user_name }}!", html_template="<b>{{ user_name }}</b>!")
    message(customer, None)
    outbox.deliver()
    [letter] = mail.outbox
    assert letter.body == "Hi !"
    assert "<b></b>!" in html_of(letter)


def test_the_link_leads_to_the_course_through_sign_in_or_registration(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User, settings: Any
) -> None:
    settings.LMS_ROOT_URL = "https://campus.example"
    template(None, plaintext_template="{{ enrolled_in.url }}")
    message(customer, learner)
    message(customer, None)
    outbox.deliver()
    for letter, page in zip(mail.outbox, ("login", "register"), strict=True):
        assert letter.body == f"https://campus.example/{page}?next=/courses/course-v1%3AAcme%2BSail%2BT1/course%3F"
        assert parse_qs(urlsplit(letter.body).query) == {"next": [f"/courses/{RUN}/course?"]}


@pytest.mark.parametrize(
    ("providers", "hint"),
    [
        ({"saml-acme": False}, "saml-acme"),
        ({"saml-acme": False, "saml-blue": True}, "saml-blue"),
        ({"saml-acme": False, "saml-blue": False}, None),
    ],
)
def test_the_link_names_the_single_or_default_identity_provider(
    providers: dict[str, bool], hint: str | None, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    for name, default in providers.items():
        EnterpriseCustomerIdentityProvider.objects.create(
            enterprise_customer=customer, provider_id=name, default_provider=default
        )
    template(None, plaintext_template="{{ enrolled_in.url }}")
    message(customer, learner)
    [following] = parse_qs(urlsplit(sent().body).query)["next"]
    assert following == f"/courses/{RUN}/course?" + (f"tpa_hint={hint}" if hint else "")


def test_the_rows_activation_link_takes_the_place_of_the_link(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    template(None, plaintext_template="{{ enrolled_in.url }}", html_template='<a href="{{ enrolled_in.url }}">x</a>')
    message(customer, learner, activation_link="https://portal.example/activate?a=1&b=2")
    letter = sent()
    assert letter.body == "https://portal.example/activate?a=1&b=2"
    assert html_of(letter) == '<a href="https://portal.example/activate?a=1&amp;b=2">x</a>'


def test_all_variables_are_there(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User, settings: Any
) -> None:
    settings.ENTERPRISE_LEARNER_PORTAL_BASE_URL = "https://learn.example"
    template(
        None,
        plaintext_template=(
            "{{ user_name }}|{{ organization_name }}|{{ enrolled_in.name }}|{{ enrolled_in.type }}|"
            '{{ enrolled_in.start|date:"Y-m-d" }}|{{ dashboard_url }}'
        ),
    )
    message(customer, learner)
    assert sent().body == "Mia|Acme & Sons|Sailing <1>|course|2031-02-03|https://learn.example/acme"


# --- Which template -------------------------------------------------------------------------------------------------


def test_the_customers_own_template_goes_before_the_default(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    template(customer, subject_line="From Acme: {course_name}", plaintext_template="Own")
    other = EnterpriseCustomerFactory()
    message(customer, learner)
    message(other, learner)
    outbox.deliver()
    assert [letter.subject for letter in mail.outbox] == [
        "From Acme: Sailing <1>",
        "You have been enrolled in Sailing <1>",
    ]


def test_a_template_of_another_type_is_not_used(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    EnrollmentNotificationEmailTemplate.objects.create(
        enterprise_customer=customer, template_type="SELF_ENROLL", subject_line="Self", plaintext_template="Self"
    )
    message(customer, learner)
    assert sent().subject == "You have been enrolled in Sailing <1>"


def test_without_any_template_there_is_no_mail(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    EnrollmentNotificationEmailTemplate.objects.all().delete()
    queued = message(customer, learner)
    outbox.deliver()
    queued.refresh_from_db()
    assert mail.outbox == []
    assert (queued.state, queued.last_error) == ("sent", "There is no template for this mail.")


def test_an_empty_template_sends_nothing(customer: EnterpriseCustomer, run: CourseOverview, learner: User) -> None:
    template(customer, plaintext_template=" ", html_template="")
    message(customer, learner)
    outbox.deliver()
    assert mail.outbox == []


def test_a_template_without_plain_text_is_sent_as_html(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    template(customer, plaintext_template="", html_template="<b>{{ organization_name }}</b>")
    message(customer, learner)
    outbox.deliver()
    [letter] = mail.outbox
    assert (letter.content_subtype, letter.body) == ("html", "<b>Acme &amp; Sons</b>")


# --- Details that are missing ---------------------------------------------------------------------------------------


def test_without_the_runs_details_there_is_no_mail(customer: EnterpriseCustomer, learner: User) -> None:
    queued = message(customer, learner)
    outbox.deliver()
    queued.refresh_from_db()
    assert mail.outbox == []
    assert (queued.state, queued.last_error) == ("sent", "The details of the course run are missing.")


def test_a_run_without_a_start_is_announced_without_a_date(customer: EnterpriseCustomer, learner: User) -> None:
    CourseRunFactory(id=RUN, display_name="Sailing", start=None)
    message(customer, learner)
    assert "starts on" not in sent().body


def test_a_row_that_was_pruned_needs_no_mail(customer: EnterpriseCustomer, run: CourseOverview, learner: User) -> None:
    message(customer, learner)
    BulkJob.objects.all().delete()
    outbox.deliver()
    assert mail.outbox == []
    assert OutboxMessage.objects.get().state == "sent"


# --- Subject and sender ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ("Start {course_name} now", "Start Sailing <1> now"),
        ("No name at all", "No name at all"),
        ("{{course_name}}", "{course_name}"),
        ("", "Configured: Sailing <1>"),
        ("{course}", "Configured: Sailing <1>"),
        ("{}", "Configured: Sailing <1>"),
        ("{course_name", "Configured: Sailing <1>"),
        ("{course_name.__class__}", "Configured: Sailing <1>"),
        ("{course_name!r}", "Configured: Sailing <1>"),
        ("{course_name:>1000000000}", "Configured: Sailing <1>"),
    ],
)
def test_a_subject_with_an_unusable_placeholder_gives_way_to_the_configured_one(
    line: str, subject: str, customer: EnterpriseCustomer, run: CourseOverview, learner: User, settings: Any
) -> None:
    settings.ENTERPRISE_ENROLLMENT_EMAIL_DEFAULT_SUBJECT_LINE = "Configured: {course_name}"
    template(customer, subject_line=line)
    message(customer, learner)
    assert sent().subject == subject


@pytest.mark.parametrize("configured", ["", "{nothing}"])
def test_the_built_in_subject_names_the_course(
    configured: str, customer: EnterpriseCustomer, run: CourseOverview, learner: User, settings: Any
) -> None:
    settings.ENTERPRISE_ENROLLMENT_EMAIL_DEFAULT_SUBJECT_LINE = configured
    template(customer, subject_line="{oops}")
    message(customer, learner)
    assert "Sailing <1>" in sent().subject


def test_a_course_name_cannot_add_headers(customer: EnterpriseCustomer, learner: User) -> None:
    CourseRunFactory(id=RUN, display_name="Sailing\r\nBcc: all@acme.test\x07")
    message(customer, learner)
    letter = sent()
    assert letter.subject == "You have been enrolled in Sailing Bcc: all@acme.test"
    assert letter.recipients() == ["mia@acme.test"]


def test_mails_come_from_the_sites_address_or_the_default_one(
    run: CourseOverview, learner: User, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = "desk@campus.example"
    settings.SITE_FROM_EMAILS = {"acme.example": "sail@acme.example"}
    acme = EnterpriseCustomerFactory(site=Site.objects.create(domain="acme.example"), reply_to="help@acme.example")
    message(acme, learner)
    message(EnterpriseCustomerFactory(), learner)
    outbox.deliver()
    assert [letter.from_email for letter in mail.outbox] == ["sail@acme.example", "desk@campus.example"]
    assert [letter.reply_to for letter in mail.outbox] == [["help@acme.example"], []]


# --- Templates are not trusted --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "{% load static %}",
        '{% include "enterprise/emails/admin_enroll.txt" %}',
        '{% extends "base.html" %}',
        "{% debug %}",
        '{% url "admin:index" %}',
        "{% csrf_token %}",
        "{% autoescape off %}{{ user_name }}{% endautoescape %}",
        "{{ user_name|safe }}",
        '{{ user_name|ljust:"1000000000" }}',
        "{% lorem 1000000 %}",
        "{% if %}",
    ],
)
def test_templates_reach_nothing_but_their_variables(source: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        StoredTemplate("", source)


def test_a_broken_template_keeps_its_own_mails_waiting_and_no_others(
    customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    template(customer, plaintext_template="{% load static %}")
    broken, fine = message(customer, learner), message(EnterpriseCustomerFactory(), learner)
    outbox.deliver()
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.state, fine.state) == ("failed", "sent")
    assert "TemplateSyntaxError" in broken.last_error
    template(customer, plaintext_template="Mended")
    OutboxMessage.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    outbox.deliver()
    assert mail.outbox[-1].body == "Mended"


def test_values_are_escaped_in_html_only() -> None:
    text, html = StoredTemplate("{{ name }}", "{{ name }}").render({"name": "<b>A & B</b>"})
    assert (text, html) == ("<b>A & B</b>", "&lt;b&gt;A &amp; B&lt;/b&gt;")


# --- Cost -----------------------------------------------------------------------------------------------------------


def test_a_batch_of_mails_is_written_with_six_statements(
    customer: EnterpriseCustomer, run: CourseOverview, django_assert_num_queries: Any
) -> None:
    other = EnterpriseCustomerFactory()
    queued = [message(each, account) for account in UserFactory.create_batch(10) for each in (customer, other)]
    queued += [message(customer, None, f"new{number}@acme.test") for number in range(10)]
    with django_assert_num_queries(6):
        rendered = enrollment.render(queued)
    assert all(isinstance(letter, EmailMultiAlternatives) for letter in rendered.values())
    assert len(rendered) == 30
