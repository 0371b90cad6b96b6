"""`enroll_learner`: one learner of a customer, with consent (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from enrollments.models import CourseEnrollment, User
from enterprise.models import DataSharingConsent, EnterpriseCourseEnrollment, EnterpriseCustomer, PendingEnrollment
from tests.enterprise.subsidies import RUN, history
from tests.factories import (
    CatalogFactory,
    ConsentFactory,
    CourseEnrollmentFactory,
    CourseRunFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    PendingLearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

WHO = ("--email", "mia@acme.test")


def customer_with_catalog(slug: str) -> EnterpriseCustomer:
    customer = EnterpriseCustomerFactory(slug=slug, name=slug.title())
    CatalogFactory(enterprise_customer=customer, content_filter={"key": [RUN]})
    return customer


@pytest.fixture
def customer() -> EnterpriseCustomer:
    CourseRunFactory(id=RUN, modes=["audit", "verified"])
    return customer_with_catalog("acme")


@pytest.fixture
def mia(customer: EnterpriseCustomer) -> User:
    """Linked to two customers whose catalogs both hold the run."""
    user = UserFactory(username="mia", email="Mia@acme.test")
    for each in (customer, customer_with_catalog("other")):
        LearnerFactory(enterprise_customer=each, user=user)
    return user


def enroll(*arguments: str, customer: str = "acme", run: str = RUN) -> str:
    out = StringIO()
    call_command("enroll_learner", "--customer", customer, "--course-run", run, *arguments, stdout=out)
    return out.getvalue()


def plain() -> list[tuple[str, bool]]:
    return list(CourseEnrollment.objects.values_list("mode", "is_active"))


@pytest.mark.parametrize("who", [WHO, ("--username", "mia")])
def test_a_learner_is_enrolled_for_this_customer_with_consent(mia: User, who: tuple[str, str]) -> None:
    assert enroll(*who, "--mode", "verified") == f"mia is enrolled in {RUN} (verified). Consent is recorded.\n"

    assert plain() == [("verified", True)]
    enrollment = EnterpriseCourseEnrollment.objects.get()
    assert enrollment.enterprise_customer.slug == "acme"
    answer = DataSharingConsent.objects.get()
    assert (answer.enterprise_customer.slug, answer.username, answer.course_id) == ("acme", "mia", RUN)
    assert answer.granted


def test_the_customer_may_be_named_by_uuid_and_the_mode_is_audit_unless_named(
    customer: EnterpriseCustomer, mia: User
) -> None:
    enroll(*WHO, customer=str(customer.pk))
    assert plain() == [("audit", True)]


def test_a_repeat_changes_nothing(mia: User) -> None:
    for _ in range(2):
        enroll(*WHO)
    for row in (CourseEnrollment, EnterpriseCourseEnrollment, DataSharingConsent):
        assert history(row.objects.get()) == "+"


def test_no_consent_is_recorded_when_none_is_wanted(mia: User) -> None:
    assert enroll(*WHO, "--no-consent") == f"mia is enrolled in {RUN} (audit).\n"
    assert plain() == [("audit", True)]
    assert not DataSharingConsent.objects.exists()


def test_an_open_or_refused_consent_becomes_granted(customer: EnterpriseCustomer, mia: User) -> None:
    answer = ConsentFactory(enterprise_customer=customer, username="mia", course_id=RUN, granted=False)
    enroll(*WHO)
    answer.refresh_from_db()
    assert answer.granted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--username", "nobody"), "'nobody' is not a linked learner of Acme."),
        (("--username", "stranger"), "'stranger' is not a linked learner of Acme."),
        (("--username", "gone"), "'gone' is not a linked learner of Acme."),
        (("--email", ""), "'' is not a linked learner of Acme."),
        (("--email", "waiting@acme.test"), "'waiting@acme.test' is not a linked learner of Acme."),
        ((), "one of the arguments --email --username is required"),
        ((*WHO, "--username", "mia"), "not allowed with argument"),
        ((*WHO, "--mode", "gold"), "invalid choice"),
        ((*WHO, "--mode", "professional"), "The [professional] course mode is expired or otherwise unavailable"),
    ],
)
def test_who_cannot_be_enrolled_is_refused_and_nothing_is_written(
    customer: EnterpriseCustomer, mia: User, arguments: tuple[str, ...], message: str
) -> None:
    LearnerFactory(enterprise_customer=EnterpriseCustomerFactory(), user=UserFactory(username="stranger"))
    LearnerFactory(enterprise_customer=customer, user=UserFactory(username="gone"), linked=False)
    PendingLearnerFactory(enterprise_customer=customer, user_email="waiting@acme.test")

    with pytest.raises(CommandError) as refused:
        enroll(*arguments)

    assert message in str(refused.value)
    assert_nothing_written()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"customer": "nobody"}, "There is no customer 'nobody'."),
        ({"customer": str(uuid4())}, "There is no customer"),
        ({"run": "course-v1:Acme+Other+T1"}, "is not in the catalog for Enterprise Customer Acme"),
        ({"run": "x" * 300}, "is not in the catalog"),
    ],
)
def test_unknown_customers_and_runs_outside_the_catalogs_are_refused(
    mia: User, where: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        enroll(*WHO, **where)
    assert_nothing_written()


def test_a_paid_learner_is_not_moved_to_audit(mia: User) -> None:
    CourseEnrollmentFactory(user=mia, course_id=RUN, mode="verified")
    with pytest.raises(CommandError, match="verified"):
        enroll(*WHO)
    assert plain() == [("verified", True)]
    assert not DataSharingConsent.objects.exists()


def assert_nothing_written() -> None:
    assert not plain()
    for model in (EnterpriseCourseEnrollment, PendingEnrollment, DataSharingConsent):
        assert not model.objects.exists()
