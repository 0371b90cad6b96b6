"""The list of catalogs: who may see it, what is in it, filters, order, XML (contract: enterprise-customers 4.5)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from enterprise.queries.catalogs import CatalogRow
from enterprise.serializers.catalogs import CatalogSerializer
from tests import factories
from tests.enterprise.callers import catalog_caller

pytestmark = pytest.mark.django_db
URL = "/enterprise/api/v1/enterprise_catalogs/"
MISSING = {"detail": "Missing: enterprise.can_view_catalog"}
UNKNOWN = "eeeeeeee-0000-4000-8000-000000000009"
NEW_YEAR = datetime(2031, 1, 1, tzinfo=UTC)


@pytest.fixture
def admin(as_user, customer):
    return as_user(factories.customer_admin(customer))


def catalogs_of(customer, number, **fields):
    return [
        factories.CatalogFactory(enterprise_customer=customer, created=NEW_YEAR + timedelta(days=day), **fields)
        for day in range(number)
    ]


def found(client, **query):
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    return [row["uuid"] for row in answer.json()["results"]]


def test_an_admin_sees_the_catalogs_of_the_customer_oldest_first(admin, customer):
    query = factories.CatalogQueryFactory()
    factories.CatalogFactory()
    newer, older = (
        factories.CatalogFactory(
            enterprise_customer=customer,
            enterprise_catalog_query=of,
            created=datetime(2031, 1, day, 5, tzinfo=UTC),
            modified=datetime(2031, 2, day, 5, 0, 0, 70, tzinfo=UTC),
        )
        for day, of in ((4, None), (3, query))
    )

    answer = admin.get(URL)

    assert answer.status_code == 200
    rows = [
        {
            "uuid": str(catalog.pk),
            "title": catalog.title,
            "enterprise_customer": str(customer.pk),
            "enterprise_catalog_query": number,
            "created": f"2031-01-0{day}T05:00:00Z",
            "modified": f"2031-02-0{day}T05:00:00.000070Z",
        }
        for catalog, number, day in ((older, query.pk, 3), (newer, None, 4))
    ]
    assert answer.json() == {
        "next": None,
        "previous": None,
        "count": 2,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": rows,
    }


def test_a_row_has_the_fields_that_the_schema_says():
    catalog = factories.CatalogFactory()
    assert list(CatalogRow._fields) == list(CatalogSerializer(catalog).data)


def test_an_empty_list(admin):
    assert admin.get(URL).json() == {
        "next": None,
        "previous": None,
        "count": 0,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": [],
    }


def test_pages(admin, customer):
    catalogs = catalogs_of(customer, 12)
    body = admin.get(URL, {"page": 2, "page_size": 5, "ordering": "created"}).json()
    assert (body["count"], body["num_pages"], body["current_page"], body["start"]) == (12, 3, 2, 5)
    assert [row["uuid"] for row in body["results"]] == [str(catalog.pk) for catalog in catalogs[5:10]]
    assert body["next"] == f"http://testserver{URL}?ordering=created&page=3&page_size=5"
    for page in ("4", "0", "x"):
        answer = admin.get(URL, {"page": page, "page_size": 5})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize(
    ("who", "status", "sees"),
    [
        ("anonymous", 401, ""),
        ("plain", 403, ""),
        ("learner", 403, ""),
        ("admin", 200, "own"),
        ("unlinked admin", 200, ""),
        ("admin of another", 200, "other"),
        ("admin of another, linked here", 200, "own other"),
        ("operator", 200, ""),
        ("provisioner", 403, ""),
        ("staff", 403, ""),
        ("staff operator", 200, "own other"),
        ("superuser", 200, ""),
        ("staff superuser", 200, "own other"),
        ("catalog admin in the database", 200, "own"),
        ("catalog admin without a link", 200, ""),
        ("other feature role", 403, ""),
    ],
)
def test_who_sees_what(as_user, client, customer, who, status, sees):
    other = factories.EnterpriseCustomerFactory()
    catalogs = {
        "own": factories.CatalogFactory(enterprise_customer=customer),
        "other": factories.CatalogFactory(enterprise_customer=other),
    }
    caller = client if who == "anonymous" else as_user(catalog_caller(who, customer, other))

    answer = caller.get(URL)

    assert answer.status_code == status
    if status == 200:
        uuids = {str(catalogs[name].pk) for name in sees.split()}
        assert {row["uuid"] for row in answer.json()["results"]} == uuids
    if status == 403:
        assert answer.json() == MISSING


def test_by_session_the_roles_of_the_database_count(by_session, customer):
    user = factories.FeatureRoleAssignmentFactory(role="catalog_admin").user
    factories.LearnerFactory(enterprise_customer=customer, user=user)
    catalog = factories.CatalogFactory(enterprise_customer=customer)
    assert found(by_session(user)) == [str(catalog.pk)]


def test_the_fields_narrow_the_list(admin, customer):
    query = factories.CatalogQueryFactory()
    first, second, third = catalogs_of(customer, 3, modified=NEW_YEAR)
    first.enterprise_catalog_query = query
    first.keep_modified = True
    first.save()
    foreign = factories.CatalogFactory()

    assert found(admin, uuid=second.pk) == [str(second.pk)]
    assert found(admin, uuid=foreign.pk) == []
    assert found(admin, title=third.title) == [str(third.pk)]
    assert found(admin, title=third.title[:3]) == []
    assert found(admin, enterprise_catalog_query=query.pk) == [str(first.pk)]
    assert found(admin, enterprise_customer=customer.pk) == [str(each.pk) for each in (first, second, third)]
    assert found(admin, enterprise_customer=foreign.enterprise_customer_id) == []
    assert found(admin, created="2031-01-02T00:00:00Z") == [str(second.pk)]
    assert found(admin, modified="2031-01-01T00:00:00Z", title=first.title) == [str(first.pk)]
    assert len(found(admin, uuid="", title="", unknown="zz")) == 3


CHOICE = "Select a valid choice. That choice is not one of the available choices."


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"uuid": "zz"}, {"uuid": ["Enter a valid UUID."]}),
        ({"enterprise_customer": "zz"}, {"enterprise_customer": ["“zz” is not a valid UUID."]}),
        ({"enterprise_customer": UNKNOWN}, {"enterprise_customer": [CHOICE]}),
        ({"enterprise_catalog_query": "9999"}, {"enterprise_catalog_query": [CHOICE]}),
        ({"enterprise_catalog_query": "zz"}, {"enterprise_catalog_query": [CHOICE]}),
        ({"enterprise_catalog_query": "9" * 50}, {"enterprise_catalog_query": [CHOICE]}),
        ({"created": "yesterday"}, {"created": ["Enter a valid date/time."]}),
        ({"uuid": "zz", "created": "x"}, {"uuid": ["Enter a valid UUID."], "created": ["Enter a valid date/time."]}),
    ],
)
def test_wrong_filters_are_refused(admin, query, errors):
    answer = admin.get(URL, query)
    assert (answer.status_code, answer.json()) == (400, errors)


def test_the_catalogs_of_a_customer_that_is_not_active_can_be_asked_for(admin, customer):
    catalog = factories.CatalogFactory(enterprise_customer=customer)
    customer.active = False
    customer.save()
    assert found(admin, enterprise_customer=customer.pk) == [str(catalog.pk)]


@pytest.mark.parametrize(
    ("ordering", "places"),
    [
        ("created", "012"),
        ("-created", "210"),
        ("title", "201"),
        ("-title,created", "102"),
        ("nonsense", "012"),
        ("content_filter,enterprise_customer__slug,-created", "210"),
        ("", "012"),
    ],
)
def test_order(admin, customer, ordering, places):
    catalogs = catalogs_of(customer, 3)
    for catalog, title in zip(catalogs, ("b", "c", "a"), strict=True):
        catalog.title = title
        catalog.save()
    assert found(admin, ordering=ordering) == [str(catalogs[int(place)].pk) for place in places]


@pytest.mark.parametrize("by", ["uuid", "enterprise_customer", "enterprise_catalog_query", "modified", "-modified"])
def test_every_field_orders(admin, customer, by):
    catalogs_of(customer, 2)
    assert len(found(admin, ordering=by)) == 2


def test_the_list_in_xml(admin, customer):
    catalog = factories.CatalogFactory(enterprise_customer=customer, title="Über & <under>")

    for answer in (admin.get(f"{URL[:-1]}.xml"), admin.get(URL, HTTP_ACCEPT="application/xml")):
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/xml; charset=utf-8"
        root = etree.fromstring(answer.content)
        assert [child.tag for child in root] == [
            "next", "previous", "count", "num_pages", "current_page", "start", "results",
        ]  # fmt: skip
        assert (root.tag, root.findtext("count"), root.find("next").text) == ("root", "1", None)
        row = root.find("results/list-item")
        assert row.findtext("uuid") == str(catalog.pk)
        assert row.findtext("title") == "Über & <under>"
        assert b"<enterprise_catalog_query></enterprise_catalog_query>" in answer.content


def test_json_is_the_default_and_there_is_no_format_parameter(admin):
    for url in (URL, f"{URL}?format=xml", f"{URL}?format=zz", f"{URL[:-1]}.json"):
        assert admin.get(url)["Content-Type"] == "application/json"
    assert admin.get(URL, HTTP_ACCEPT="text/plain")["Content-Type"] == "application/json"
    assert admin.get(f"{URL[:-1]}.xml", HTTP_ACCEPT="application/json")["Content-Type"].startswith("application/xml")
    assert admin.get(f"{URL[:-1]}.csv").status_code == 404


def test_errors_are_in_xml_too(client, admin, as_user):
    def told(answer):
        assert answer["Content-Type"] == "application/xml; charset=utf-8"
        return answer.status_code, etree.fromstring(answer.content).findtext("detail")

    xml = f"{URL[:-1]}.xml"
    assert told(client.get(xml)) == (401, "Authentication credentials were not provided.")
    assert told(as_user(factories.UserFactory()).get(xml)) == (403, MISSING["detail"])
    assert told(admin.get(xml, {"page": "x"})) == (404, "Invalid page.")
    assert told(admin.post(URL, {}, HTTP_ACCEPT="application/xml")) == (405, 'Method "POST" not allowed.')
    answer = admin.get(xml, {"uuid": "zz"})
    assert (answer.status_code, etree.fromstring(answer.content).findtext("uuid/list-item")) == (
        400,
        "Enter a valid UUID.",
    )


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_list_is_read_only(admin, method):
    answer = getattr(admin, method)(URL, {})
    assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


def test_without_the_slash_reads_are_redirected(admin):
    answer = admin.get(URL[:-1])
    assert (answer.status_code, answer["Location"]) == (301, URL)
    assert admin.post(URL[:-1], {}).status_code == 404


def test_calls_are_counted_with_the_other_calls_of_the_user(admin, settings):
    settings.USER_RATE = "2/minute"
    for _ in range(2):
        assert admin.get(URL).status_code == 200
    answer = admin.get("/enterprise/api/v1/enterprise_catalog_query/")
    assert answer.status_code == 403  # before the count
    answer = admin.get(URL)
    assert answer.status_code == 429
    assert answer.json()["detail"].startswith("Request was throttled. Expected available in ")


def test_a_page_costs_the_same_whatever_it_holds(admin, customer, django_assert_num_queries):
    catalogs_of(customer, 3, enterprise_catalog_query=factories.CatalogQueryFactory())
    with django_assert_num_queries(2):  # account, page
        assert admin.get(URL).json()["count"] == 3
    catalogs_of(customer, 110)
    with django_assert_num_queries(3):  # and the count
        assert admin.get(URL).json()["count"] == 113
    with django_assert_num_queries(3):
        assert len(admin.get(URL, {"page_size": 500}).json()["results"]) == 100


def test_malformed_customers_in_the_filter_never_break(admin):
    for text in ("{}", "null", "a" * 4000, "ü", "%00", str(uuid.uuid4())[:-1]):
        assert admin.get(URL, {"enterprise_customer": text}).status_code == 400
