"""Commands about consents and default intentions (contract: enterprise-learners, DataSharingConsent)."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from enterprise.models import EnterpriseCatalogQuery, EnterpriseCustomerCatalog
from enterprise.services import consent
from tests import factories
from tests.enterprise.subsidies import RUN, enrolled, history

pytestmark = pytest.mark.django_db


def run_command(name, *arguments):
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


# --- implied consent ----------------------------------------------------------------------------------------------


@pytest.fixture
def external():
    return factories.EnterpriseCustomerFactory(enforce_data_sharing_consent="externally_managed")


def backfill(*arguments):
    return run_command("backfill_implied_dsc_records", *arguments)


def test_consent_is_recorded_for_what_learners_of_such_customers_are_in_already(external, monkeypatch):
    monkeypatch.setattr(consent, "BATCH_SIZE", 2)
    names = {enrolled(external, mode=None).enterprise_customer_user.user_fk.username for _ in range(5)}
    enrolled(external, mode=None, linked=False)
    enrolled(factories.EnterpriseCustomerFactory(), mode=None)
    refusing = enrolled(external, mode=None).enterprise_customer_user.user_fk.username
    factories.ConsentFactory(enterprise_customer=external, username=refusing, course_id="Acme+Other", granted=False)
    asked = enrolled(external, mode=None).enterprise_customer_user.user_fk.username
    factories.ConsentFactory(enterprise_customer=external, username=asked, course_id=RUN, granted=None)

    assert backfill("--no-commit") == "5 consents are missing.\n"
    assert external.consents.filter(granted=True).count() == 0
    assert backfill() == "5 consents recorded.\n"

    made = external.consents.filter(granted=True)
    assert {(each.username, each.course_id) for each in made} == {(name, RUN) for name in names}
    assert {history(each) for each in made} == {"+"}
    assert backfill() == "0 consents recorded.\n"


def test_the_backfill_can_be_for_one_customer(external):
    other = factories.EnterpriseCustomerFactory(enforce_data_sharing_consent="externally_managed")
    for customer in (external, other):
        enrolled(customer, mode=None)

    assert backfill("--enterprise-customer-uuid", str(external.pk)) == "1 consents recorded.\n"
    assert not other.consents.exists()
    for wrong in (str(uuid4()), "nope"):
        with pytest.raises(CommandError):
            backfill("--enterprise-customer-uuid", wrong)


# --- intentions ---------------------------------------------------------------------------------------------------


@pytest.fixture
def customer():
    customer = factories.EnterpriseCustomerFactory()
    query = factories.CatalogQueryFactory(content_filter={"key": ["Acme+Sail"]})
    factories.CatalogFactory(
        enterprise_customer=customer, enterprise_catalog_query=query, content_filter=query.content_filter
    )
    course = factories.CourseFactory(key="Acme+Sail", advertised_run_key=RUN)
    factories.CourseRunFactory(id=RUN, course=course)
    factories.IntentionFactory(enterprise_customer=customer, content_key="Acme+Sail")
    return customer


def long_ago(model):
    model.objects.update(modified=timezone.now() - timedelta(hours=1))


def validate(*arguments):
    return run_command("validate_default_enrollment_intentions", *arguments)


def test_intentions_that_a_catalog_holds_are_valid(customer):
    long_ago(EnterpriseCustomerCatalog)
    long_ago(EnterpriseCatalogQuery)

    assert validate() == "1 intentions checked.\n"


@pytest.mark.parametrize("content_key", ["Acme+Gone", "course-v1:Acme+Elsewhere+T1"])
def test_an_intention_outside_the_catalogs_fails_the_command_and_is_named(customer, content_key):
    factories.CourseRunFactory(id="course-v1:Acme+Elsewhere+T1", course=factories.CourseFactory(key="Acme+Elsewhere"))
    wrong = factories.IntentionFactory(enterprise_customer=customer, content_key=content_key)
    factories.IntentionFactory(enterprise_customer=customer, content_key="Acme+Removed", is_removed=True)
    long_ago(EnterpriseCustomerCatalog)
    long_ago(EnterpriseCatalogQuery)
    out = StringIO()

    with pytest.raises(CommandError, match=r"^1 intentions"):
        call_command("validate_default_enrollment_intentions", stdout=out, stderr=out)

    assert out.getvalue() == f"2 intentions checked.\n{customer.pk}: {wrong.pk} ({content_key})\n"


@pytest.mark.parametrize("changed", ["catalog", "query"])
def test_customers_whose_catalogs_changed_a_moment_ago_are_passed_over(customer, changed):
    factories.IntentionFactory(enterprise_customer=customer, content_key="Acme+Gone")
    long_ago(EnterpriseCatalogQuery if changed == "catalog" else EnterpriseCustomerCatalog)

    assert validate() == "0 intentions checked.\n"
    with pytest.raises(CommandError):
        validate("--delay-minutes", "0")


def test_a_customer_without_catalogs_holds_nothing():
    factories.IntentionFactory(content_key="Acme+Gone")

    with pytest.raises(CommandError, match=r"^1 intentions"):
        validate()


def test_customers_are_looked_at_in_a_fixed_number_of_statements(customer):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for _ in range(2):
        for _ in range(4):
            each = factories.CatalogFactory(content_filter={"key": ["Acme+Sail"]}).enterprise_customer
            factories.IntentionFactory(enterprise_customer=each, content_key=RUN)
        validate("--delay-minutes", "-1")  # what was just written is indexed when it is first asked about
        with CaptureQueriesContext(connection) as captured:
            validate("--delay-minutes", "-1")
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 14
