"""Report types over HTTP (contract: enterprise-customers 4.8)."""

from __future__ import annotations

import pytest

from enterprise.models import EnterpriseCustomer
from tests.enterprise.callers import CALLERS, caller
from tests.factories import EnterpriseCustomerFactory, customer_admin, operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="globex")


def address(uuid: object) -> str:
    return f"/enterprise/api/v1/enterprise_report_types/{uuid}"


def test_an_admin_sees_the_choices_as_pairs(as_user, customer):
    answer = as_user(customer_admin(customer)).get(address(customer.pk))
    assert answer.status_code == 200
    assert answer.json() == {
        "delivery_method": [["email", "email"], ["sftp", "sftp"]],
        "data_type": [["catalog", "catalog"], ["engagement", "engagement"], ["progress_v3", "progress"]],
        "report_type": [["csv", "csv"], ["json", "json"]],
        "frequency": [["daily", "daily"], ["monthly", "monthly"], ["weekly", "weekly"]],
        "day_of_week": [
            [0, "Monday"],
            [1, "Tuesday"],
            [2, "Wednesday"],
            [3, "Thursday"],
            [4, "Friday"],
            [5, "Saturday"],
            [6, "Sunday"],
        ],
    }


@pytest.mark.parametrize("slug", ["pearson", "the-pearson-group"])
def test_customers_of_pearson_have_three_more(as_user, slug):
    customer = EnterpriseCustomerFactory(slug=slug, name="Something else")
    answer = as_user(customer_admin(customer)).get(address(customer.pk))
    values = ["catalog", "engagement", "grade", "completion", "course_structure"]
    assert answer.json()["data_type"] == [*([value, value] for value in values), ["progress_v3", "progress"]]


def test_the_slug_counts_not_the_name(as_user):
    customer = EnterpriseCustomerFactory(slug="globex", name="Pearson pearson")
    assert len(as_user(customer_admin(customer)).get(address(customer.pk)).json()["data_type"]) == 3


@pytest.mark.parametrize("name", CALLERS)
def test_who_may_see_them(as_user, client, customer, name):
    account = caller(name, customer, EnterpriseCustomerFactory())
    answer = (client if account is None else as_user(account)).get(address(customer.pk))
    if name == "anonymous":
        assert answer.status_code == 401
    elif name in ("admin", "operator", "superuser"):
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()) == (
            403,
            {"detail": "Missing: enterprise.can_access_admin_dashboard"},
        )


@pytest.mark.parametrize("uuid", ["11111111-2222-4333-8444-555555555555", "no-uuid"])
def test_a_customer_that_does_not_exist_is_not_found_by_who_could_see_it(as_user, customer, uuid):
    answer = as_user(operator()).get(address(uuid))
    assert (answer.status_code, answer.json()) == (404, {"detail": "Could not find the enterprise customer."})
    assert as_user(customer_admin(customer)).get(address(uuid)).status_code == 403


def test_inactive_customers_are_found(as_user):
    customer = EnterpriseCustomerFactory(active=False)
    assert as_user(customer_admin(customer)).get(address(customer.pk)).status_code == 200


def test_only_get_is_served_and_no_slash_too_many(as_user, client, customer):
    boss = as_user(customer_admin(customer))
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(boss, method)(address(customer.pk), {"some": "body"})
        assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})
    assert client.post(address(customer.pk), {"some": "body"}).status_code == 401
    assert boss.get(f"{address(customer.pk)}/").status_code == 404


def test_there_is_no_limit_to_the_calls(as_user, customer, settings):
    settings.USER_RATE = "1/minute"
    boss = as_user(customer_admin(customer))
    assert [boss.get(address(customer.pk)).status_code for _ in range(3)] == [200] * 3
