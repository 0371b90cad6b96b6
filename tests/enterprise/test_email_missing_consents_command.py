"""`email_missing_consents` and its mail (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enterprise.emails import missing_consents
from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser
from tests.enterprise.subsidies import RUN, enrolled
from tests.factories import (
    CatalogFactory,
    ConsentFactory,
    CourseFactory,
    CourseRunFactory,
    EnterpriseCustomerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

ROW = "course-v1:Acme+Row+T1"
ELSEWHERE = "course-v1:Acme+Elsewhere+T1"


def customer_with_catalog(**fields: Any) -> EnterpriseCustomer:
    customer = EnterpriseCustomerFactory(**fields)
    CatalogFactory(enterprise_customer=customer, content_filter={"key": [RUN, ROW]})
    return customer


@pytest.fixture
def customer() -> EnterpriseCustomer:
    for key, name, course in ((RUN, "Sailing <1>", "Acme+Sail"), (ROW, "Rowing", "Acme+Row"), (ELSEWHERE, "X", "Else")):
        CourseRunFactory(id=key, display_name=name, course=CourseFactory(key=course))
    return customer_with_catalog(slug="acme", name="Acme & Sons", reply_to="help@acme.test")


@pytest.fixture
def mia(customer: EnterpriseCustomer) -> Any:
    """Mia's enterprise enrollment in RUN."""
    return enrolled(customer, user=UserFactory(username="mia", first_name="Mia", email="mia@acme.test"))


def email(*arguments: str) -> str:
    out = StringIO()
    call_command("email_missing_consents", *arguments, stdout=out)
    return out.getvalue()


def recipients() -> list[str]:
    rows = OutboxMessage.objects.filter(message_type=missing_consents.MESSAGE_TYPE)
    return sorted(rows.values_list("recipient", flat=True))


def test_a_learner_gets_one_mail_with_all_runs_that_miss_a_consent(customer: EnterpriseCustomer, mia: Any) -> None:
    enrolled(customer, ROW, user=mia.enterprise_customer_user.user_fk, link=mia.enterprise_customer_user)

    assert email("--dry-run") == "1 learners would be mailed.\n"
    assert not recipients()
    assert email() == "1 learners are mailed.\n"
    outbox.deliver()

    [letter] = mail.outbox
    assert letter.to == ["mia@acme.test"]
    assert letter.reply_to == ["help@acme.test"]
    assert letter.subject == "May Acme & Sons see your course data?"
    assert "Hello Mia,\n\nAcme & Sons stands behind your enrollment in these courses" in letter.body
    assert "- Sailing <1>\n" in letter.body
    assert "- Rowing\n" in letter.body
    assert f"/courses/{RUN}/course\n" in letter.body
    [(html, kind)] = letter.alternatives
    assert kind == "text/html"
    assert "Acme &amp; Sons stands" in html
    assert f'/courses/{RUN}/course">Sailing &lt;1&gt;</a>' in html


def test_a_repeat_mails_nobody_until_a_further_run_misses_a_consent(customer: EnterpriseCustomer, mia: Any) -> None:
    email()
    assert email() == "0 learners are mailed.\n"
    assert recipients() == ["mia@acme.test"]

    link = mia.enterprise_customer_user
    row = enrolled(customer, ROW, user=link.user_fk, link=link)
    assert email() == "1 learners are mailed.\n"
    ConsentFactory(enterprise_customer=customer, username="mia", course_id=ROW)
    EnterpriseCourseEnrollment.objects.filter(pk=row.pk).update(unenrolled=True)
    assert email() == "0 learners are mailed.\n"
    assert recipients() == ["mia@acme.test"] * 2


def test_what_an_earlier_mail_left_out_for_its_age_is_still_told(customer: EnterpriseCustomer, mia: Any) -> None:
    link = mia.enterprise_customer_user
    enrolled(customer, ROW, user=link.user_fk, link=link)
    aged = EnterpriseCourseEnrollment.objects.filter(pk=mia.pk)
    aged.update(created=timezone.now() - timedelta(days=3))

    assert email("--days", "2") == "1 learners are mailed.\n"
    assert list(OutboxMessage.objects.get().context["courses"]) == [ROW]
    assert email("--days", "4") == "1 learners are mailed.\n"
    assert email() == "0 learners are mailed.\n"
    assert email("--days", "9" * 12) == "0 learners are mailed.\n"


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize("course_id", [RUN, "Acme+Sail"])
def test_who_answered_for_the_run_or_its_course_is_not_mailed(
    customer: EnterpriseCustomer, mia: Any, granted: bool, course_id: str
) -> None:
    ConsentFactory(enterprise_customer=customer, username="mia", course_id=course_id, granted=granted)
    assert email() == "0 learners are mailed.\n"


def test_a_record_without_an_answer_is_no_consent(customer: EnterpriseCustomer, mia: Any) -> None:
    ConsentFactory(enterprise_customer=customer, username="mia", course_id=RUN, granted=None)
    assert email() == "1 learners are mailed.\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"enforce_data_sharing_consent": "externally_managed"},
        {"enable_data_sharing_consent": False},
        {"active": False},
    ],
)
def test_customers_that_require_no_consent_send_no_mail(
    customer: EnterpriseCustomer, mia: Any, fields: dict[str, Any]
) -> None:
    EnterpriseCustomer.all_objects.filter(pk=customer.pk).update(**fields)
    assert email() == "0 learners are mailed.\n"


def test_enrollments_that_need_none_bring_no_mail(customer: EnterpriseCustomer) -> None:
    enrolled(customer, ELSEWHERE)
    enrolled(customer, is_active=False)
    enrolled(customer, mode=None)
    enrolled(customer, linked=False)
    enrolled(customer, user=UserFactory(email=""))
    assert email() == "0 learners are mailed.\n"


def test_each_customer_asks_for_itself_and_one_may_be_chosen(customer: EnterpriseCustomer, mia: Any) -> None:
    other = customer_with_catalog(slug="other")
    enrolled(other, mode=None, user=mia.enterprise_customer_user.user_fk)
    ConsentFactory(enterprise_customer=other, username="mia", course_id=ROW)

    assert email("--customer", "acme", "--batch-limit", "1") == "1 learners are mailed.\n"
    assert OutboxMessage.objects.get().context["link"] == mia.enterprise_customer_user_id
    assert email("--batch-limit", "1") == "1 learners are mailed.\n"
    assert recipients() == ["mia@acme.test"] * 2


def test_an_answer_before_the_mail_is_sent_stops_it(customer: EnterpriseCustomer, mia: Any) -> None:
    email()
    OutboxMessage.objects.update(state=OutboxMessage.State.QUEUED, next_attempt_at=timezone.now())
    ConsentFactory(enterprise_customer=customer, username="mia", course_id=RUN, granted=False)
    mail.outbox.clear()
    outbox.deliver()
    assert not mail.outbox
    assert OutboxMessage.objects.get().last_error == "The learner has answered meanwhile."


def test_a_learner_who_is_unlinked_before_the_mail_is_sent_gets_none(mia: Any) -> None:
    email()
    OutboxMessage.objects.update(state=OutboxMessage.State.QUEUED, next_attempt_at=timezone.now())
    EnterpriseCustomerUser.objects.update(linked=False)
    mail.outbox.clear()
    outbox.deliver()
    assert not mail.outbox
    assert OutboxMessage.objects.get().last_error == "The learner is not linked any more."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--customer", "nobody"), "There is no customer 'nobody'."),
        (("--days", "0"), "must be a whole number"),
        (("--days", "-1"), "must be a whole number"),
        (("--days", "soon"), "must be a whole number"),
    ],
)
def test_bad_arguments_are_refused_and_nobody_is_mailed(mia: Any, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        email(*arguments)
    assert not recipients()


def test_batches_and_deliveries_cost_a_fixed_number_of_statements(
    customer: EnterpriseCustomer, settle_content: Any
) -> None:
    settle_content()
    counts = []
    for number in (1, 10):
        for _ in range(number):
            enrolled(customer)
        with CaptureQueriesContext(connection) as captured:
            email()
        messages = list(OutboxMessage.objects.all())
        with CaptureQueriesContext(connection) as rendering:
            missing_consents.render(messages)
        counts.append((len(captured), len(rendering)))
    [statements, of_mails] = counts[0]
    assert counts[1] == counts[0]
    assert statements <= 20
    assert of_mails == 3
