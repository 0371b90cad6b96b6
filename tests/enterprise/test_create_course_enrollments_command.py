"""`create_enterprise_course_enrollments` (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomer
from tests.enterprise.subsidies import RUN, history
from tests.factories import (
    CatalogFactory,
    CourseEnrollmentFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

ELSEWHERE = "course-v1:Acme+Elsewhere+T1"


def create(*arguments: str) -> str:
    out = StringIO()
    call_command("create_enterprise_course_enrollments", *arguments, stdout=out)
    return out.getvalue()


def customer_with_catalog(**fields: Any) -> EnterpriseCustomer:
    customer = EnterpriseCustomerFactory(**fields)
    CatalogFactory(enterprise_customer=customer, content_filter={"key": [RUN]})
    return customer


@pytest.fixture
def customer() -> EnterpriseCustomer:
    CourseRunFactory(id=RUN)
    CourseRunFactory(id=ELSEWHERE)
    return customer_with_catalog(slug="acme")


def learner(customer: EnterpriseCustomer, run: str = RUN, *, is_active: bool = True, **fields: Any) -> Any:
    """A linked learner with a plain enrollment and no enterprise enrollment."""
    link = LearnerFactory(enterprise_customer=customer, **fields)
    CourseEnrollmentFactory(user=link.user_fk, course_id=run, is_active=is_active)
    return link


def made() -> set[tuple[int, str]]:
    rows = EnterpriseCourseEnrollment.all_objects.filter(source__slug="management_command")
    return set(rows.values_list("enterprise_customer_user_id", "course_id"))


def test_missing_enterprise_enrollments_are_made_and_a_repeat_makes_none(customer: EnterpriseCustomer) -> None:
    missing = {(learner(customer).pk, RUN), (learner(customer, active=False).pk, RUN)}
    learner(customer, ELSEWHERE)
    learner(customer, is_active=False)
    learner(customer, linked=False)
    learner(EnterpriseCustomerFactory())  # has no catalog
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=learner(customer), course_id=RUN, unenrolled=True)

    assert create("--batch-limit", "2", "--dry-run") == "2 enterprise enrollments are missing.\n"
    assert not made()
    assert create("--batch-limit", "2") == "2 enterprise enrollments made.\n"

    assert made() == missing
    assert {history(row) for row in EnterpriseCourseEnrollment.objects.filter(source__isnull=False)} == {"+"}
    assert create() == "0 enterprise enrollments made.\n"
    assert EnterpriseCourseEnrollment.history.filter(source__isnull=False).count() == 2


def test_a_learner_of_two_customers_gets_one_for_each_whose_catalogs_hold_the_run(customer: EnterpriseCustomer) -> None:
    other, user = customer_with_catalog(), UserFactory()
    links = [LearnerFactory(enterprise_customer=each, user=user) for each in (customer, other)]
    LearnerFactory(enterprise_customer=EnterpriseCustomerFactory(), user=user)
    CourseEnrollmentFactory(user=user, course_id=RUN)

    assert create() == "2 enterprise enrollments made.\n"
    assert made() == {(link.pk, RUN) for link in links}


@pytest.mark.parametrize("by", ["pk", "slug"])
def test_it_can_be_for_one_customer_and_leaves_the_others_alone(customer: EnterpriseCustomer, by: str) -> None:
    ours = learner(customer)
    learner(customer_with_catalog())

    assert create("--enterprise-customer-uuid", str(getattr(customer, by))) == "1 enterprise enrollments made.\n"
    assert made() == {(ours.pk, RUN)}


def test_new_ones_imply_consent_where_the_customer_manages_it_outside() -> None:
    CourseRunFactory(id=RUN)
    customer = customer_with_catalog(enforce_data_sharing_consent="externally_managed")
    link = learner(customer)
    create()
    assert customer.consents.get().username == link.user_fk.username


@pytest.mark.parametrize(
    "arguments",
    [
        ("--enterprise-customer-uuid", "nobody"),
        ("--enterprise-customer-uuid", str(uuid4())),
        ("--enterprise-customer-uuid", ""),
        ("--batch-limit", "0"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_made(customer: EnterpriseCustomer, arguments: tuple[str]) -> None:
    learner(customer)
    with pytest.raises(CommandError):
        create(*arguments)
    assert not made()


def test_a_batch_costs_a_fixed_number_of_statements(customer: EnterpriseCustomer, settle_content: Any) -> None:
    settle_content()
    counts = []
    for number in (1, 10):
        for _ in range(number):
            learner(customer)
        with CaptureQueriesContext(connection) as captured:
            create()
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 22
