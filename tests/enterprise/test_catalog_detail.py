"""A catalog with a page of its content (contract: enterprise-customers 4.5 Detail, 5.1, 5.3, 5.5)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone
from lxml import etree

from enterprise.serializers.catalog_content import results
from tests import factories
from tests.enterprise.callers import catalog_caller
from tests.enterprise.test_content_addresses import ADDRESSES

pytestmark = pytest.mark.django_db
URL = "/enterprise/api/v1/enterprise_catalogs/"
UNKNOWN = "eeeeeeee-0000-4000-8000-000000000009"
MISSING = {"detail": "Missing: enterprise.can_view_catalog"}
NO_CATALOG = {"detail": "No EnterpriseCustomerCatalog matches the given query."}
NOT_FOUND = {"detail": "Not found."}


def days(number):
    return timezone.now() + timedelta(days=number)


@pytest.fixture
def customer():
    return factories.EnterpriseCustomerFactory(name="Acme Inc")


@pytest.fixture
def admin(as_user, customer):
    return as_user(factories.customer_admin(customer))


def catalog_of(customer, content_filter=None, **fields):
    return factories.CatalogFactory(
        enterprise_customer=customer, content_filter={} if content_filter is None else content_filter, **fields
    )


def offer(name, *, course=None, **fields):
    """A course of Acme with one run that can be taken."""
    course = factories.CourseFactory(key=f"Acme+{name}", **(course or {}))
    fields.setdefault("modes", ["audit", "verified"])
    fields.setdefault("end", days(100))
    return factories.CourseRunFactory(id=f"course-v1:Acme+{name}+T1", course=course, **fields)


def page(client, catalog, **query):
    answer = client.get(f"{URL}{catalog.pk}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_catalog_shows_itself_and_its_content(admin, customer, settings):
    settings.LMS_ROOT_URL = "https://lms.example"
    run = offer("Sail", course={"additional_metadata": {"marketing_url": "https://x.example/sail?z=1"}})
    program = factories.ProgramFactory(type="Professional Certificate")
    query = factories.CatalogQueryFactory(content_filter={})
    catalog = catalog_of(customer, enterprise_catalog_query=query)

    body = page(admin, catalog)

    assert list(body) == [
        "uuid", "title", "enterprise_customer", "enterprise_catalog_query", "created", "modified",
        "count", "previous", "next", "results",
    ]  # fmt: skip
    assert (body["uuid"], body["title"]) == (str(catalog.pk), catalog.title)
    assert (body["enterprise_customer"], body["enterprise_catalog_query"]) == (str(customer.pk), query.pk)
    assert body["created"].endswith("Z")
    assert (body["count"], body["previous"], body["next"]) == (3, None, None)
    course, courserun, shown_program = body["results"]
    tail = f"/enroll/?catalog={catalog.pk}&utm_medium=enterprise&utm_source=acme-inc"
    root = f"https://lms.example/enterprise/{customer.pk}"
    assert course["content_type"], course["key"] == ("course", "Acme+Sail")
    assert course["enrollment_url"] == f"{root}/course/Acme+Sail{tail}"
    assert course["marketing_url"] == "https://x.example/sail?utm_medium=enterprise&utm_source=acme-inc&z=1"
    assert course["active"] is True
    assert course["end_date"] == courserun["end"]
    assert (courserun["content_type"], courserun["key"]) == ("courserun", run.pk)
    assert courserun["enrollment_url"] == f"{root}/course/{run.pk}{tail}"
    assert courserun["marketing_url"] is None
    assert "active" not in courserun
    assert (shown_program["content_type"], shown_program["uuid"]) == ("program", str(program.pk))
    assert shown_program["enrollment_url"] == f"{root}/program/{program.pk}{tail}"


def test_a_catalog_may_lead_to_the_audit_track(admin, customer):
    offer("Sail")
    catalog = catalog_of(customer, publish_audit_enrollment_urls=True)
    for document in page(admin, catalog)["results"]:
        assert urlsplit(document["enrollment_url"]).query.startswith("audit=true&catalog=")


def test_the_filter_of_the_query_counts(admin, customer):
    offer("Sail")
    query = factories.CatalogQueryFactory(content_filter={"key": ["Acme+None"]})
    assert page(admin, catalog_of(customer, enterprise_catalog_query=query))["count"] == 0
    assert page(admin, catalog_of(customer, {"content_type": "course"}))["count"] == 1


def test_what_nobody_could_take_is_left_out_but_counted(admin, customer):
    expired = offer("Gone", modes=[])
    factories.CourseModeFactory(course_id=expired.pk, expired=True)
    offer("Bare", modes=[])
    factories.ProgramFactory(additional_metadata={"is_program_eligible_for_one_click_purchase": False})

    body = page(admin, catalog_of(customer))

    assert body["count"] == 5
    assert [document["key"] for document in body["results"]] == ["Acme+Bare", "Acme+Gone"]
    assert {document["content_type"] for document in body["results"]} == {"course"}


def test_runs_that_are_over_are_left_out_of_the_search(admin, customer):
    offer("Over", end=days(-1))
    offer("Closed", enrollment_end=days(-1))
    offer("Open")

    body = page(admin, catalog_of(customer, {"content_type": "courserun"}))

    assert body["count"] == 1
    assert [document["number"] for document in body["results"]] == ["Open"]


def test_pages_are_walked_by_their_links(admin, customer):
    for number in range(7):
        offer(f"C{number}", modes=["audit"] if number != 3 else [])
    catalog = catalog_of(customer, {"content_type": "courserun"})

    address, seen, links = f"{URL}{catalog.pk}/?page_size=3&ordering=key", [], []
    while address:
        body = admin.get(address).json()
        assert body["count"] == 7
        seen.append([document["number"] for document in body["results"]])
        links.append((body["previous"], body["next"]))
        address = body["next"]

    assert seen == [["C0", "C1", "C2"], ["C4", "C5"], ["C6"]]  # C3 has no seat
    start = f"http://testserver{URL}{catalog.pk}/?ordering=key"
    assert links == [
        (None, f"{start}&page=2&page_size=3"),
        (f"{start}&page=1&page_size=3", f"{start}&page=3&page_size=3"),
        (f"{start}&page=2&page_size=3", None),
    ]


def test_twenty_a_page_and_a_hundred_at_most(admin, customer):
    for number in range(101):
        factories.CourseFactory(key=f"Acme+C{number:03}")
    catalog = catalog_of(customer, {"content_type": "course"})
    for query, size in (({}, 20), ({"page_size": "x"}, 20), ({"page_size": 0}, 20), ({"page_size": 500}, 100)):
        assert len(page(admin, catalog, **query)["results"]) == size
    assert len(page(admin, catalog, page=6)["results"]) == 1


def test_the_last_value_of_a_parameter_counts_and_others_are_kept_in_the_links(admin, customer):
    for number in range(3):
        offer(f"C{number}")
    catalog = catalog_of(customer, {"content_type": "course"})
    body = admin.get(f"{URL}{catalog.pk}/?page=9&z=1&page=2&page_size=1&a=b").json()
    assert [document["key"] for document in body["results"]] == ["Acme+C1"]
    assert dict(parse_qsl(urlsplit(body["next"]).query)) == {"a": "b", "page": "3", "page_size": "1", "z": "1"}
    assert [name for name, _ in parse_qsl(urlsplit(body["next"]).query)] == ["a", "page", "page_size", "z"]


@pytest.mark.parametrize("number", ["x", "0", "-1", "1.5", "2", "last", "9" * 18, "9" * 400, "\u0662"])
def test_a_page_that_is_none_is_not_found(admin, customer, number):
    offer("Sail")
    answer = admin.get(f"{URL}{catalog_of(customer).pk}/", {"page": number})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_the_first_page_of_nothing_is_empty(admin, customer):
    body = page(admin, catalog_of(customer))
    assert (body["count"], body["results"], body["next"], body["previous"]) == (0, [], None, None)


@pytest.mark.parametrize("ordering", ["title", "-title", "nonsense", "", "title__x", "password", ",,"])
def test_orderings_that_are_none_are_ignored(admin, customer, ordering):
    offer("Sail", course={"title": "B"})
    offer("Row", course={"title": "A"})
    catalog = catalog_of(customer, {"content_type": "course"})
    keys = [document["key"] for document in page(admin, catalog, ordering=ordering)["results"]]
    assert keys == (["Acme+Sail", "Acme+Row"] if ordering == "-title" else ["Acme+Row", "Acme+Sail"])


# --- active and end_date --------------------------------------------------------------------------------------------


def course_with(*runs):
    (shown,) = results(
        [{"content_type": "course", "key": "A+B", "marketing_url": None, "course_runs": list(runs)}], ADDRESSES
    )
    return shown


def run_document(**fields):
    return {
        "availability": "Current",
        "status": "published",
        "end": None,
        "enrollment_start": None,
        "enrollment_end": None,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "active"),
    [
        ({}, True),
        ({"availability": "Starting Soon"}, True),
        ({"availability": "Upcoming"}, True),
        ({"availability": "Archived"}, False),
        ({"availability": None}, False),
        ({"status": "unpublished"}, False),
        ({"end": 2}, True),
        ({"end": 0.9}, False),
        ({"end": "sometime"}, True),
        ({"enrollment_start": -1}, True),
        ({"enrollment_start": 1}, False),
        ({"enrollment_end": 1}, True),
        ({"enrollment_end": -1}, False),
        ({"enrollment_end": "2031-99-99T00:00:00Z"}, True),
    ],
)
def test_a_course_is_active_when_a_run_is_available_for_enrollment(fields, active):
    given = {name: days(each).isoformat() if isinstance(each, int | float) else each for name, each in fields.items()}
    gone = run_document(availability="Archived")
    assert course_with(gone, run_document(**given))["active"] is active
    assert course_with(gone)["active"] is course_with()["active"] is False


@pytest.mark.parametrize(
    ("ends", "latest"),
    [
        ([], None),
        ([None, "never"], None),
        (["2031-01-01T00:00:00Z", "2031-01-01T01:00:00+02:00", None], "2031-01-01T00:00:00Z"),
        (["2030-05-05T00:00:00Z", "2031-05-05", "zz"], "2031-05-05"),
    ],
)
def test_the_end_date_of_a_course_is_the_latest_end_of_a_run_as_given(ends, latest):
    assert course_with(*(run_document(end=end) for end in ends))["end_date"] == latest


def test_other_types_of_content_are_left_out():
    assert results([{"content_type": "learnerpathway", "key": "x"}, {"key": "y"}], ADDRESSES) == []


# --- Gates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status", "unknown"),
    [
        ("anonymous", 401, 401),
        ("plain", 403, 403),
        ("learner", 403, 403),
        ("admin", 200, 404),
        ("unlinked admin", 404, 404),
        ("admin of another", 403, 404),
        ("admin of another, linked here", 403, 404),
        ("operator", 404, 404),
        ("linked operator", 200, 404),
        ("provisioner", 403, 403),
        ("staff", 403, 403),
        ("staff operator", 200, 404),
        ("superuser", 404, 404),
        ("staff superuser", 200, 404),
        ("catalog admin in the database", 200, 404),
        ("catalog admin without a link", 403, 404),
    ],
)
def test_who_sees_a_catalog_and_its_content(as_user, client, customer, who, status, unknown):
    run = offer("Sail")
    program = factories.ProgramFactory()
    other = factories.EnterpriseCustomerFactory()
    catalog = catalog_of(customer)
    caller = client if who == "anonymous" else as_user(catalog_caller(who, customer, other))

    for tail in ("", "courses/Acme+Sail/", f"course_runs/{run.pk}/", f"programs/{program.pk}/"):
        answer = caller.get(f"{URL}{catalog.pk}/{tail}")
        assert answer.status_code == status, tail
        if status in {403, 404}:
            assert answer.json() == {403: MISSING, 404: NO_CATALOG}[status]
        for uuid, body in ((UNKNOWN, NO_CATALOG), ("zz", NOT_FOUND)):
            answer = caller.get(f"{URL}{uuid}/{tail}")
            assert answer.status_code == unknown, (uuid, tail)
            if unknown in {403, 404}:
                assert answer.json() == {403: MISSING, 404: body}[unknown]


def test_filters_narrow_look_ups_too(admin, customer):
    catalog = catalog_of(customer)
    address = f"{URL}{catalog.pk}/"
    assert admin.get(address, {"title": catalog.title, "enterprise_customer": customer.pk}).status_code == 200
    assert admin.get(address, {"title": "Other"}).json() == NO_CATALOG
    answer = admin.get(address, {"uuid": "zz"})
    assert (answer.status_code, answer.json()) == (400, {"uuid": ["Enter a valid UUID."]})
    answer = admin.get(f"{address}courses/A+B/", {"enterprise_customer": "zz"})
    assert (answer.status_code, answer.json()) == (400, {"enterprise_customer": ["“zz” is not a valid UUID."]})


def test_a_uuid_in_upper_case_names_the_same_catalog(admin, customer):
    catalog = catalog_of(customer)
    assert admin.get(f"{URL}{str(catalog.pk).upper()}/").json()["uuid"] == str(catalog.pk)


def test_a_catalog_in_xml(admin, customer):
    offer("Sail", course={"additional_metadata": {"marketing_url": "https://x.example/?a=1"}})
    catalog = catalog_of(customer, {"content_type": "course"})
    answer = admin.get(f"{URL}{catalog.pk}.xml")
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    root = etree.fromstring(answer.content)
    assert root.findtext("results/list-item/key") == "Acme+Sail"
    assert "&" in root.findtext("results/list-item/marketing_url")
    assert admin.get(f"{URL}{catalog.pk}.json").json()["count"] == 1
    assert admin.get(f"{URL}{UNKNOWN}.xml").content.endswith(b"given query.</detail></root>")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_catalogs_are_read_only(admin, customer, method):
    answer = getattr(admin, method)(f"{URL}{catalog_of(customer).pk}/", {})
    assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


def test_a_page_costs_the_same_whatever_it_holds(admin, customer, django_assert_num_queries):
    offer("C0")
    catalog = catalog_of(customer, enterprise_catalog_query=factories.CatalogQueryFactory(content_filter={}))
    with django_assert_num_queries(5):  # account; the catalog's customer; catalog; filter; documents
        assert page(admin, catalog)["count"] == 2
    for number in range(1, 30):
        offer(f"C{number}")
    with django_assert_num_queries(5):
        assert len(page(admin, catalog, page_size=100)["results"]) == 60
