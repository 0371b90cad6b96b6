"""What storing customers, catalogs and queries drags along, and what is forgotten of retired accounts."""

from __future__ import annotations

import pytest

from enrollments.services.retirement import retire
from enterprise.models import (
    DataSharingConsent,
    EnterpriseCatalogQuery,
    EnterpriseCustomerCatalog,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
)
from enterprise.services import catalogs, customers, retirement
from tests import factories

pytestmark = pytest.mark.django_db
DEFAULT_FILTER = {
    "content_type": "course",
    "partner": "edx",
    "level_type": ["Introductory", "Intermediate", "Advanced"],
    "availability": ["Current", "Starting Soon", "Upcoming"],
    "status": "published",
}


# --- customers ----------------------------------------------------------------------------------------------------


def speaks(customer, language, **fields):
    user = factories.LearnerFactory(enterprise_customer=customer, **fields).user_fk
    user.profile.language_preference = language
    user.profile.save()
    return user.profile


def test_a_new_default_language_blanks_the_preference_of_the_customers_learners(django_assert_num_queries):
    mine, other = factories.EnterpriseCustomerFactory(), factories.EnterpriseCustomerFactory()
    profiles = [speaks(mine, "fr"), speaks(mine, "de", active=False), speaks(other, "fr")]
    profiles.append(speaks(mine, "fr", linked=False, active=False))

    mine.default_language = "es-419"
    customers.save(mine)

    for profile in profiles:
        profile.refresh_from_db()
    assert [profile.language_preference for profile in profiles] == ["", "", "fr", "fr"]


@pytest.mark.parametrize("language", ["es-419", None])
def test_the_same_language_or_none_leaves_preferences_alone(language):
    customer = factories.EnterpriseCustomerFactory(default_language="es-419")
    profile = speaks(customer, "fr")

    customer.default_language = language
    customer.name = "Renamed"
    customers.save(customer)

    profile.refresh_from_db()
    assert profile.language_preference == "fr"
    assert customer.history.count() == 2


# --- catalogs -----------------------------------------------------------------------------------------------------


def catalog_of(**fields):
    customer = factories.EnterpriseCustomerFactory()
    catalog = EnterpriseCustomerCatalog(enterprise_customer=customer, **fields)
    catalogs.save_catalog(catalog)
    return EnterpriseCustomerCatalog.objects.get(pk=catalog.pk)


def test_a_new_catalog_without_query_and_filter_gets_the_default_filter(settings):
    assert catalog_of().content_filter == DEFAULT_FILTER
    settings.ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER = {"org": "Acme"}
    assert catalog_of().content_filter == {"org": "Acme"}


def test_a_catalogs_own_filter_is_kept_and_a_stored_one_may_be_emptied():
    catalog = catalog_of(content_filter={"org": "Acme"})
    assert catalog.content_filter == {"org": "Acme"}

    catalog.content_filter = {}
    catalogs.save_catalog(catalog)

    assert EnterpriseCustomerCatalog.objects.get().content_filter == {}


def test_the_filter_of_a_query_overwrites_the_catalogs_own():
    query = factories.CatalogQueryFactory(content_filter={"org": "Bolt"})

    assert catalog_of(content_filter={"org": "Acme"}, enterprise_catalog_query=query).content_filter == {"org": "Bolt"}


def test_saving_a_query_copies_its_filter_to_its_catalogs_in_a_fixed_number_of_statements(
    django_assert_max_num_queries,
):
    query = factories.CatalogQueryFactory()
    using = [factories.CatalogFactory(enterprise_catalog_query=query) for _ in range(4)]
    other = factories.CatalogFactory(content_filter={"org": "Acme"})
    query.content_filter = {"org": "Bolt"}

    with django_assert_max_num_queries(14):  # eight of them find what the new filter holds
        catalogs.save_query(query)

    stored = {catalog.pk: catalog for catalog in EnterpriseCustomerCatalog.objects.all()}
    assert all(stored[catalog.pk].content_filter == {"org": "Bolt"} for catalog in using)
    assert all(stored[catalog.pk].modified > catalog.modified for catalog in using)
    assert [catalog.history.count() for catalog in using] == [2, 2, 2, 2]
    assert stored[other.pk].content_filter == {"org": "Acme"}
    assert EnterpriseCatalogQuery.objects.get().content_filter == {"org": "Bolt"}


# --- retired accounts ---------------------------------------------------------------------------------------------


def test_a_retired_accounts_addresses_and_names_are_replaced_also_in_histories():
    mia = factories.UserFactory(username="mia", email="mia@acme.test")
    mine, other = factories.EnterpriseCustomerFactory(), factories.EnterpriseCustomerFactory()
    bystander = factories.PendingLearnerFactory(enterprise_customer=mine, user_email="leo@acme.test")
    for customer in (mine, other):
        factories.PendingLearnerFactory(enterprise_customer=customer, user_email="Mia@acme.test")
        factories.PendingAdminFactory(enterprise_customer=customer, user_email="MIA@acme.test")
        DataSharingConsent.objects.create(enterprise_customer=customer, username="mia", course_id="Acme+Sail")
    DataSharingConsent.objects.create(enterprise_customer=mine, username="leo", course_id="Acme+Sail")

    status = retire(mia)

    for model in (PendingEnterpriseCustomerUser, PendingEnterpriseCustomerAdminUser):
        rows = model.objects.exclude(pk=bystander.pk if model is PendingEnterpriseCustomerUser else None)
        assert {row.user_email for row in rows} == {status.retired_email}
        assert not model.history.filter(user_email__iexact="mia@acme.test").exists()
    consents = DataSharingConsent.objects.values_list("username", flat=True)
    assert sorted(consents) == sorted(["leo", status.retired_username, status.retired_username])
    assert not DataSharingConsent.history.filter(username="mia").exists()
    bystander.refresh_from_db()
    assert bystander.user_email == "leo@acme.test"


def test_forgetting_again_changes_nothing_and_copes_with_a_new_invitation_of_the_old_address():
    mia = factories.UserFactory(username="mia", email="mia@acme.test")
    customer, other = factories.EnterpriseCustomerFactory(), factories.EnterpriseCustomerFactory()
    factories.PendingLearnerFactory(enterprise_customer=customer, user_email="mia@acme.test")
    status = retire(mia)
    before = PendingEnterpriseCustomerUser.history.count()

    retirement.forget(status)
    assert PendingEnterpriseCustomerUser.history.count() == before

    for each in (customer, other):
        factories.PendingLearnerFactory(enterprise_customer=each, user_email="mia@acme.test")
    retirement.forget(status)
    rows = PendingEnterpriseCustomerUser.objects.order_by("created")
    assert [(row.enterprise_customer, row.user_email) for row in rows] == [
        (customer, status.retired_email),
        (other, status.retired_email),
    ]
