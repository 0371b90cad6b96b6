"""`create_consent_records` (contract: enterprise-learners, DataSharingConsent and Background work)."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enterprise.models import DataSharingConsent, EnterpriseCustomer
from tests.enterprise.subsidies import RUN, enrolled, history
from tests.factories import ConsentFactory, CourseFactory, CourseRunFactory, EnterpriseCustomerFactory

pytestmark = pytest.mark.django_db

OTHER_RUN = "course-v1:Acme+Row+T1"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    CourseRunFactory(id=RUN, course=CourseFactory(key="Acme+Sailing"))
    return EnterpriseCustomerFactory(slug="acme")


def create(*arguments: str, customer: str = "acme") -> str:
    out = StringIO()
    call_command("create_consent_records", "--customer", customer, *arguments, stdout=out)
    return out.getvalue()


def username(enrollment: Any) -> str:
    return enrollment.enterprise_customer_user.user_fk.username


def answered(customer: EnterpriseCustomer, granted: bool | None, course_id: str = RUN) -> DataSharingConsent:
    """The record of a learner who is enrolled in RUN."""
    name = username(enrolled(customer, mode=None))
    return ConsentFactory(enterprise_customer=customer, username=name, course_id=course_id, granted=granted)


@pytest.mark.parametrize(("option", "granted"), [((), True), (("--granted",), True), (("--denied",), False)])
def test_missing_records_are_made_and_open_ones_answered(
    customer: EnterpriseCustomer, option: tuple[str, ...], granted: bool
) -> None:
    names = {username(enrolled(customer, mode=None)) for _ in range(3)}
    unanswered = answered(customer, None)
    small = ("--batch-limit", "2")

    assert create(*option, *small, "--dry-run") == "3 consent records would be created, 1 would be repaired.\n"
    assert DataSharingConsent.objects.get() == unanswered
    assert create(*option, *small) == "3 consent records created, 1 repaired.\n"

    made = DataSharingConsent.objects.exclude(pk=unanswered.pk)
    assert {(each.username, each.course_id) for each in made} == {(name, RUN) for name in names}
    assert {each.granted for each in DataSharingConsent.objects.all()} == {granted}
    assert {history(each) for each in made} == {"+"}
    assert history(unanswered) == "+~"


def test_a_repeat_changes_nothing_even_with_the_other_answer(customer: EnterpriseCustomer) -> None:
    enrolled(customer, mode=None)
    create()
    assert create("--denied") == "0 consent records created, 0 repaired.\n"
    assert DataSharingConsent.objects.get().granted
    assert DataSharingConsent.history.count() == 1


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize("course_id", [RUN, "Acme+Sailing"])
def test_answers_for_the_run_or_its_course_stay(customer: EnterpriseCustomer, granted: bool, course_id: str) -> None:
    answered(customer, granted, course_id)
    assert create() == "0 consent records created, 0 repaired.\n"
    assert DataSharingConsent.objects.get().granted is granted


def test_a_record_of_the_course_without_an_answer_stands_for_none(customer: EnterpriseCustomer) -> None:
    of_course = answered(customer, None, "Acme+Sailing")
    assert create() == "1 consent records created, 0 repaired.\n"
    assert DataSharingConsent.objects.exclude(pk=of_course.pk).get().course_id == RUN


def test_other_customers_and_unlinked_learners_are_left_alone(customer: EnterpriseCustomer) -> None:
    other = EnterpriseCustomerFactory()
    learner = enrolled(other, mode=None).enterprise_customer_user.user_fk
    answered(other, None)
    enrolled(customer, mode=None, linked=False)
    enrolled(customer, mode=None, user=learner)
    ConsentFactory(enterprise_customer=other, username=username(enrolled(customer, mode=None)), course_id=RUN)

    assert create(customer=str(customer.pk)) == "2 consent records created, 0 repaired.\n"

    assert {each.granted for each in other.consents.all()} == {None, True}
    assert other.consents.count() == 2


@pytest.mark.parametrize("course", [RUN, "Acme+Sailing"])
def test_it_can_be_for_one_run_or_course(customer: EnterpriseCustomer, course: str) -> None:
    first = enrolled(customer, mode=None)
    enrolled(customer, OTHER_RUN, mode=None, link=first.enterprise_customer_user)

    assert create("--course", course) == "1 consent records created, 0 repaired.\n"
    assert DataSharingConsent.objects.get().course_id == RUN


@pytest.mark.parametrize(
    ("arguments", "customer_name", "message"),
    [
        ((), "nobody", "There is no customer 'nobody'."),
        (("--course", "Acme+Gone"), "acme", "There is no course 'Acme[+]Gone'."),
        (("--course", ""), "acme", "There is no course ''."),
        (("--granted", "--denied"), "acme", "not allowed with argument"),
        (("--batch-limit", "none"), "acme", "must be a whole number"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_written(
    customer: EnterpriseCustomer, arguments: tuple[str, ...], customer_name: str, message: str
) -> None:
    enrolled(customer, mode=None)
    with pytest.raises(CommandError, match=message):
        create(*arguments, customer=customer_name)
    assert not DataSharingConsent.objects.exists()


def test_a_batch_costs_a_fixed_number_of_statements(customer: EnterpriseCustomer) -> None:
    counts = []
    for number in (1, 10):
        for _ in range(number):
            enrolled(customer, mode=None)
            answered(customer, None)
        with CaptureQueriesContext(connection) as captured:
            create()
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 13
