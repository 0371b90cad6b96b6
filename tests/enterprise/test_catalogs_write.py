"""Making and changing catalogs, for staff (contract: enterprise-customers 4.4)."""

from __future__ import annotations

import uuid

import pytest

from enterprise.models import EnterpriseCatalogQuery, EnterpriseCustomerCatalog
from enterprise.services import catalogs
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/enterprise/api/v1/enterprise_customer_catalog/"
UNKNOWN = "eeeeeeee-0000-4000-8000-000000000009"
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
REQUIRED = ["This field is required."]


def no_row(key):
    return [f'Invalid pk "{key}" - object does not exist.']


@pytest.fixture
def query():
    return factories.CatalogQueryFactory(content_filter={"key": ["Acme+Sail"]})


def body_of(catalog):
    return {
        "uuid": str(catalog.pk),
        "title": catalog.title,
        "enterprise_customer": str(catalog.enterprise_customer_id),
        "enterprise_catalog_query": catalog.enterprise_catalog_query_id,
    }


def test_a_new_catalog_takes_the_filter_of_its_query_and_a_uuid_of_its_own(staff, customer, query):
    given = {"title": "Budget A", "enterprise_customer": str(customer.pk), "enterprise_catalog_query": query.pk}

    answer = staff.post(URL, {**given, "uuid": UNKNOWN})

    catalog = EnterpriseCustomerCatalog.objects.get()
    assert (answer.status_code, answer.json()) == (201, {**given, "uuid": str(catalog.pk)})
    assert str(catalog.pk) != UNKNOWN
    assert catalog.content_filter == query.content_filter
    assert [row.history_type for row in catalog.history.all()] == ["+"]


def test_without_a_query_the_filter_is_the_default_one_and_each_call_makes_a_catalog(staff, customer, settings):
    factories.CatalogFactory(enterprise_customer=customer, enterprise_catalog_query=factories.CatalogQueryFactory())
    settings.ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER = {"level_type": "Advanced"}

    answers = [
        staff.post(URL, {"title": "Mine", "enterprise_customer": str(customer.pk), **more})
        for more in ({}, {"enterprise_catalog_query": None}, {"enterprise_catalog_query": ""})
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["uuid"] for answer in answers}) == 3
    assert {answer.json()["enterprise_catalog_query"] for answer in answers} == {None}
    made = EnterpriseCustomerCatalog.objects.filter(title="Mine")
    assert [catalog.content_filter for catalog in made] == [{"level_type": "Advanced"}] * 3


@pytest.mark.parametrize("title", [{}, {"title": "Other"}, {"title": ""}, {"title": "x" * 300}, {"title": ["x"]}])
def test_a_customer_has_one_catalog_for_a_query(staff, customer, query, title):
    stored = factories.CatalogFactory(enterprise_customer=customer, enterprise_catalog_query=query, title="First")
    factories.CatalogFactory(enterprise_customer=customer, enterprise_catalog_query=query, title="Second")

    keys = {"enterprise_customer": str(customer.pk), "enterprise_catalog_query": str(query.pk)}
    answer = staff.post(URL, {**keys, **title})

    assert (answer.status_code, answer.json()) == (200, body_of(stored))
    stored.refresh_from_db()
    assert stored.title == "First"
    assert EnterpriseCustomerCatalog.objects.count() == 2


def test_another_customer_gets_a_catalog_of_its_own_for_the_same_query(staff, customer, query):
    other = factories.CatalogFactory(enterprise_catalog_query=query)

    keys = {"enterprise_customer": str(customer.pk), "enterprise_catalog_query": query.pk}
    answer = staff.post(URL, {"title": "Mine", **keys})

    assert answer.status_code == 201
    assert answer.json()["uuid"] != str(other.pk)


def test_forms_are_taken_too(staff, customer, query):
    given = {"title": "Mine", "enterprise_customer": str(customer.pk), "enterprise_catalog_query": str(query.pk)}
    assert staff.post(URL, given, format="multipart").status_code == 201
    form = f"title=Mine&enterprise_customer={customer.pk}&enterprise_catalog_query="
    answer = staff.post(URL, form, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["enterprise_catalog_query"]) == (201, None)


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"title": None}, {"title": ["This field may not be null."]}),
        ({"title": " "}, {"title": ["This field may not be blank."]}),
        ({"title": "x" * 256}, {"title": ["Ensure this field has no more than 255 characters."]}),
        ({"title": ["x"]}, {"title": ["Not a valid string."]}),
        ({"enterprise_customer": UNKNOWN}, {"enterprise_customer": no_row(UNKNOWN)}),
        ({"enterprise_customer": "zz"}, {"enterprise_customer": ["“zz” is not a valid UUID."]}),
        ({"enterprise_customer": ["zz"]}, {"enterprise_customer": ["“['zz']” is not a valid UUID."]}),
        ({"enterprise_customer": None}, {"enterprise_customer": ["This field may not be null."]}),
        ({"enterprise_customer": ""}, {"enterprise_customer": ["This field may not be null."]}),
        ({"enterprise_catalog_query": 9999}, {"enterprise_catalog_query": no_row(9999)}),
        ({"enterprise_catalog_query": "9999"}, {"enterprise_catalog_query": no_row(9999)}),
        ({"enterprise_catalog_query": -1}, {"enterprise_catalog_query": no_row(-1)}),
        (
            {"enterprise_catalog_query": 10**30},
            {"enterprise_catalog_query": no_row(10**30)},
        ),
        (
            {"enterprise_catalog_query": "eleven"},
            {"enterprise_catalog_query": ["Incorrect type. Expected pk value, received str."]},
        ),
        (
            {"enterprise_catalog_query": [11]},
            {"enterprise_catalog_query": ["Incorrect type. Expected pk value, received list."]},
        ),
        (
            {"enterprise_catalog_query": True},
            {"enterprise_catalog_query": ["Incorrect type. Expected pk value, received bool."]},
        ),
        (
            {"enterprise_catalog_query": 1.5},
            {"enterprise_catalog_query": ["Incorrect type. Expected pk value, received float."]},
        ),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_at_their_field(staff, customer, query, given, errors):
    keys = {"enterprise_customer": str(customer.pk), "enterprise_catalog_query": query.pk}
    for stored in (False, True):
        answer = staff.post(URL, {"title": "Mine", **keys, **given})
        if "title" not in given or not stored:
            assert (answer.status_code, answer.json()) == (400, errors)
        if not stored:  # the same when the customer has a catalog with a query
            factories.CatalogFactory(enterprise_customer=customer, enterprise_catalog_query=query)
    assert EnterpriseCustomerCatalog.objects.count() == 1


def test_what_is_missing_is_named(staff, customer):
    assert staff.post(URL, {}).json() == {"title": REQUIRED, "enterprise_customer": REQUIRED}
    answer = staff.post(URL, {"enterprise_customer": str(customer.pk)})
    assert (answer.status_code, answer.json()) == (400, {"title": REQUIRED})
    answer = staff.post(URL, {"title": "Mine"})
    assert (answer.status_code, answer.json()) == (400, {"enterprise_customer": REQUIRED})


@pytest.mark.parametrize("body", ["[]", "5", '"x"', "null", "{", '{"title": {"a": [1]}, "enterprise_customer": {}}'])
def test_bodies_of_another_form_are_refused(staff, body):
    for method in (staff.post, staff.patch):
        answer = method(URL, body, content_type="application/json")
        assert answer.status_code in {400, 404}
    assert not EnterpriseCustomerCatalog.objects.exists()


def test_a_catalog_gets_a_new_title_and_nothing_else(staff, customer, query):
    catalog = factories.CatalogFactory(enterprise_customer=customer, enterprise_catalog_query=query, title="Old")
    other = factories.CatalogFactory(title="Other")

    answer = staff.patch(f"{URL}{other.pk}/", {"uuid": str(catalog.pk), "title": "New"})

    catalog.refresh_from_db()
    other.refresh_from_db()
    assert (answer.status_code, answer.json()) == (200, body_of(catalog))
    assert (catalog.title, other.title) == ("New", "Other")
    assert (catalog.enterprise_customer, catalog.enterprise_catalog_query) == (customer, query)
    assert [row.history_type for row in catalog.history.all()] == ["~", "+"]


def test_customer_and_query_can_be_changed_and_the_filter_follows_the_query(staff, query):
    catalog, target = factories.CatalogFactory(), factories.EnterpriseCustomerFactory()

    changes = {"enterprise_customer": str(target.pk), "enterprise_catalog_query": query.pk}
    answer = staff.patch(URL, {"uuid": str(catalog.pk).upper(), **changes})

    catalog.refresh_from_db()
    assert (answer.status_code, answer.json()) == (200, body_of(catalog))
    assert (catalog.enterprise_customer, catalog.enterprise_catalog_query) == (target, query)
    assert catalog.content_filter == query.content_filter

    answer = staff.patch(URL, {"uuid": str(catalog.pk), "enterprise_catalog_query": None})
    catalog.refresh_from_db()
    assert answer.json()["enterprise_catalog_query"] is None
    assert catalog.content_filter == query.content_filter


def test_a_change_copies_the_filter_anew(staff, query):
    catalog = factories.CatalogFactory(enterprise_catalog_query=query)
    EnterpriseCatalogQuery.objects.update(content_filter={"key": ["Acme+New"]})

    assert staff.patch(URL, {"uuid": str(catalog.pk)}).status_code == 200

    catalog.refresh_from_db()
    assert catalog.content_filter == {"key": ["Acme+New"]}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"uuid": UNKNOWN}, UNKNOWN),
        ({"uuid": "zz"}, "zz"),
        ({"uuid": None}, "None"),
        ({"uuid": ""}, ""),
        ({"uuid": 5}, "5"),
        ({"uuid": ["zz"]}, "['zz']"),
        ({}, "None"),
        ({"uuid": UNKNOWN, "title": ""}, UNKNOWN),
    ],
)
def test_a_catalog_that_is_not_there_cannot_be_changed(staff, given, shown):
    answer = staff.patch(URL, given)
    assert (answer.status_code, answer.json()) == (404, {"detail": f"Could not find catalog uuid {shown}"})


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"title": ""}, {"title": ["This field may not be blank."]}),
        ({"title": "New", "enterprise_customer": UNKNOWN},
         {"enterprise_customer": no_row(UNKNOWN)}),
        ({"title": "New", "enterprise_catalog_query": "x"},
         {"enterprise_catalog_query": ["Incorrect type. Expected pk value, received str."]}),
    ],
)  # fmt: skip
def test_wrong_changes_change_nothing(staff, given, errors):
    catalog = factories.CatalogFactory(title="Old")
    answer = staff.patch(URL, {"uuid": str(catalog.pk), **given})
    assert (answer.status_code, answer.json()) == (400, errors)
    catalog.refresh_from_db()
    assert catalog.title == "Old"
    assert [row.history_type for row in catalog.history.all()] == ["+"]


@pytest.mark.parametrize("tail", ["", f"{UNKNOWN}/", UNKNOWN, "x/y/z", "5.json"])
def test_everything_under_the_prefix_is_the_same_handler(staff, customer, tail):
    answer = staff.post(f"{URL}{tail}", {"title": "Mine", "enterprise_customer": str(customer.pk)})
    assert answer.status_code == 201
    assert answer.json()["uuid"] != UNKNOWN
    assert staff.get(f"{URL}{tail}").status_code == 405


def test_there_is_a_format_suffix_and_no_address_without_a_slash(staff, customer):
    given = {"title": "Mine", "enterprise_customer": str(customer.pk)}
    assert staff.post(f"{URL[:-1]}.json", given).status_code == 201
    assert staff.post(URL[:-1], given).status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_other_methods_are_not_allowed(staff, method):
    answer = getattr(staff, method)(URL)
    assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


@pytest.mark.parametrize("who", ["learner", "admin", "operator", "provisioner", "superuser"])
@pytest.mark.parametrize("method", ["post", "patch", "get"])
def test_others_than_staff_are_refused(as_user, customer, who, method):
    callers = {
        "learner": factories.UserFactory,
        "admin": lambda: factories.customer_admin(customer),
        "operator": factories.operator,
        "provisioner": lambda: factories.RoleAssignmentFactory(role="enterprise_provisioning_admin").user,
        "superuser": lambda: factories.UserFactory(superuser=True),
    }
    catalog = factories.CatalogFactory(enterprise_customer=customer, title="Old")
    body = {"uuid": str(catalog.pk), "title": "New", "enterprise_customer": str(customer.pk)}
    answer = getattr(as_user(callers[who]()), method)(URL, body)
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert EnterpriseCustomerCatalog.objects.get().title == "Old"


def test_anonymous_callers_are_asked_who_they_are(client):
    for method in (client.post, client.patch, client.get):
        assert method(URL, {}).status_code == 401


def test_the_number_of_statements_is_fixed(staff, customer, query, django_assert_num_queries):
    given = {"title": "Mine", "enterprise_customer": str(customer.pk), "enterprise_catalog_query": query.pk}
    staff.patch(URL, {})
    # account; customer, query, is there one; savepoint, lock, is there one now, insert, history, content known?, end
    with django_assert_num_queries(11):
        made = staff.post(URL, given)
    with django_assert_num_queries(4):
        assert staff.post(URL, given).json() == made.json()
    # account; catalog; savepoint, lock, query, update, history, is its content known, end
    with django_assert_num_queries(9):
        staff.patch(URL, {"uuid": made.json()["uuid"], "title": "New"})


def test_a_catalog_that_was_made_in_between_is_found_under_the_lock(customer, query):
    stored = factories.CatalogFactory(enterprise_customer=customer, enterprise_catalog_query=query)
    assert catalogs.create_or_existing(customer, query, "Mine") == (stored, False)


def test_a_catalog_that_has_gone_in_between_is_not_made_again():
    catalog = factories.CatalogFactory()
    EnterpriseCustomerCatalog.objects.all().delete()
    with pytest.raises(catalogs.Refusal) as refusal:
        catalogs.update_catalog(catalog, {"title": "New"})
    assert (refusal.value.status, refusal.value.text) == (404, f"Could not find catalog uuid {catalog.pk}")
    assert isinstance(catalog.pk, uuid.UUID)
