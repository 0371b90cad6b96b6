"""Catalog queries, for staff to read (contract: enterprise-customers 4.3)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from tests import factories

pytestmark = pytest.mark.django_db
URL = "/enterprise/api/v1/enterprise_catalog_query/"
FORBIDDEN = {"detail": "You do not have permission to perform this action."}


def test_staff_read_a_query(staff):
    query = factories.CatalogQueryFactory(
        title=None,
        content_filter={"content_type": "course", "aggregation_key": ["course:edX+DemoX"]},
        created=datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC),
        modified=datetime(2031, 1, 2, 3, 4, 5, 60, tzinfo=UTC),
    )

    answer = staff.get(f"{URL}{query.pk}/")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": query.pk,
        "content_filter": {"content_type": "course", "aggregation_key": ["course:edX+DemoX"]},
        "created": "2031-01-02T03:04:05Z",
        "modified": "2031-01-02T03:04:05.000060Z",
        "title": None,
        "uuid": str(query.uuid),
        "include_exec_ed_2u_courses": False,
    }


@pytest.mark.parametrize("suffix", [f"{URL}?page_size=1&format=xml", f"{URL.rstrip('/')}.json"])
def test_the_list_is_ordered_by_creation_a_hundred_a_page(staff, suffix):
    newer = factories.CatalogQueryFactory(created=datetime(2031, 1, 3, tzinfo=UTC))
    older = factories.CatalogQueryFactory(created=datetime(2031, 1, 2, tzinfo=UTC), content_filter=None)

    body = staff.get(suffix).json()

    assert list(body) == ["count", "next", "previous", "results"]
    assert (body["count"], body["next"], body["previous"]) == (2, None, None)
    assert [row["id"] for row in body["results"]] == [older.pk, newer.pk]
    assert body["results"][0]["content_filter"] is None


def test_a_page_costs_the_same_whatever_it_holds(staff, django_assert_num_queries):
    factories.CatalogQueryFactory.create_batch(3)
    with django_assert_num_queries(2):
        assert staff.get(URL).json()["count"] == 3
    factories.CatalogQueryFactory.create_batch(98)
    with django_assert_num_queries(3):
        body = staff.get(URL).json()
    assert (body["count"], len(body["results"])) == (101, 100)
    assert body["next"].endswith("?page=2")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(staff, method):
    query = factories.CatalogQueryFactory()
    for url in (URL, f"{URL}{query.pk}/"):
        answer = getattr(staff, method)(url, {"title": "x"})
        assert answer.status_code == 405
        assert answer.json() == {"detail": f'Method "{method.upper()}" not allowed.'}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", ["learner", "admin", "operator", "superuser"])
def test_others_than_staff_are_refused(as_user, who, method):
    query = factories.CatalogQueryFactory()
    callers = {
        "learner": factories.UserFactory,
        "admin": lambda: factories.customer_admin(factories.EnterpriseCustomerFactory()),
        "operator": factories.operator,
        "superuser": lambda: factories.UserFactory(superuser=True),
    }
    client = as_user(callers[who]())
    for url in (URL, f"{URL}{query.pk}/"):
        answer = getattr(client, method)(url)
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_anonymous_callers_are_asked_who_they_are(client):
    for url in (URL, f"{URL}5/"):
        answer = client.get(url)
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Authentication credentials were not provided."}


@pytest.mark.parametrize("key", [str(uuid.UUID(int=7)), "x", "-1", "1.5", "9" * 30, "\u0663", "1 "])
def test_what_is_no_id_is_not_found(staff, key):
    answer = staff.get(f"{URL}{key}/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("key", ["987654", "9" * 19, "9" * 20])
def test_an_unknown_id_is_not_found(staff, key):
    answer = staff.get(f"{URL}{key}/")
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "No EnterpriseCatalogQuery matches the given query."},
    )
