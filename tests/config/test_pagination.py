"""Envelopes and links of lists (contract: enterprise-customers 1.2, enrollment-api, program-enrollments)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.core.cache import caches
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient
from waffle.models import Flag

from config.api.flags import ENTERPRISE_FEATURES
from enrollments.models import User
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]

HOST = "http://testserver"


def make(count: int, **columns: Any) -> list[User]:
    User.objects.bulk_create(User(username=f"learner{number}", **columns) for number in range(count))
    return list(User.objects.filter(username__startswith="learner").order_by("id"))


# --- Pages by number -------------------------------------------------------------------------------------------------


def test_the_default_envelope(client: APIClient) -> None:
    users = make(25)
    answer = client.get("/api/users/default/", {"page": 2}).json()
    assert list(answer) == ["next", "previous", "count", "num_pages", "current_page", "start", "results"]
    assert answer["next"] == f"{HOST}/api/users/default/?page=3"
    assert answer["previous"] == f"{HOST}/api/users/default/"
    assert [answer[key] for key in ["count", "num_pages", "current_page", "start"]] == [25, 3, 2, 10]
    assert [row["id"] for row in answer["results"]] == [user.pk for user in users[10:20]]


def test_an_empty_list_has_one_empty_page(client: APIClient) -> None:
    for query in [{}, {"page": 1}, {"page": "last"}, {"page": ""}]:
        assert client.get("/api/users/default/", query).json() == {
            "next": None,
            "previous": None,
            "count": 0,
            "num_pages": 1,
            "current_page": 1,
            "start": 0,
            "results": [],
        }


def test_the_last_page_by_name(client: APIClient) -> None:
    make(25)
    answer = client.get("/api/users/default/", {"page": "last"}).json()
    assert (answer["current_page"], answer["start"], len(answer["results"]), answer["next"]) == (3, 20, 5, None)


@pytest.mark.parametrize("page", ["0", "4", "-1", "x", "1.0", "99999999999999999999", "9" * 5000, "²", "None", "1 2"])
def test_a_page_out_of_range_or_no_number_is_404(client: APIClient, page: str) -> None:
    make(25)
    answer = client.get("/api/users/default/", {"page": page})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize(
    ("asked_for", "size"),
    [("3", 3), ("100", 100), ("101", 100), ("99999999999999999999", 100), ("0", 10), ("-5", 10), ("x", 10), ("", 10)],
)
def test_the_page_size_is_clamped_and_nonsense_is_ignored(client: APIClient, asked_for: str, size: int) -> None:
    make(105)
    answer = client.get("/api/users/default/", {"page_size": asked_for}).json()
    assert len(answer["results"]) == size
    assert answer["num_pages"] == -(-105 // size)


def test_links_keep_the_other_parameters_in_order(client: APIClient) -> None:
    make(30)
    answer = client.get("/api/users/default/?z=1&page_size=10&page=2&a=%C3%A9+b&b=&z=0").json()
    assert answer["next"] == f"{HOST}/api/users/default/?a=%C3%A9+b&b=&page=3&page_size=10&z=1&z=0"
    assert answer["previous"] == f"{HOST}/api/users/default/?a=%C3%A9+b&b=&page_size=10&z=1&z=0"


def test_links_have_the_scheme_and_host_of_the_request(client: APIClient, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["lms.example.org"]
    make(11)
    answer = client.get("/api/users/default/", secure=True, headers={"Host": "lms.example.org:8443"}).json()
    assert answer["next"] == "https://lms.example.org:8443/api/users/default/?page=2"


def test_following_next_gives_every_row_once(client: APIClient) -> None:
    users = make(33)
    seen, address = [], "/api/users/default/?page_size=7"
    while address:
        answer = client.get(address).json()
        seen += [row["id"] for row in answer["results"]]
        address = answer["next"]
    assert seen == [user.pk for user in users]


@pytest.mark.parametrize(
    ("path", "keys", "size", "clamped"),
    [
        ("plain", ["count", "next", "previous", "results"], 10, 100),
        ("expanded", ["count", "next", "previous", "results"], 100, 100),
        ("members", ["count", "num_pages", "next", "previous", "results"], 10, 120),
        ("support", ["count", "num_pages", "next", "previous", "results"], 8, 8),
        ("entitlements", ["next", "previous", "count", "num_pages", "current_page", "start", "results"], 50, 100),
    ],
)
def test_the_other_envelopes(client: APIClient, path: str, keys: list[str], size: int, clamped: int) -> None:
    make(120)
    answer = client.get(f"/api/users/{path}/").json()
    assert list(answer) == keys
    assert len(answer["results"]) == size
    assert answer["count"] == 120
    assert len(client.get(f"/api/users/{path}/", {"page_size": 5000}).json()["results"]) == clamped


def test_what_is_counted_may_be_something_else_than_the_rows(client: APIClient, django_assert_num_queries: Any) -> None:
    make(25)
    with django_assert_num_queries(2) as queries:
        assert client.get("/api/users/counted/", {"page": 2}).json()["count"] == 25
    count, page = (query["sql"] for query in queries.captured_queries)
    assert "COUNT" in count
    assert "JOIN" not in count
    assert "JOIN" in page


def test_a_full_page_costs_two_statements_and_a_short_one_one(
    client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make(25)
    for query, statements in [({}, 2), ({"page": 3}, 2), ({"page_size": 100}, 1)]:
        with django_assert_num_queries(statements):
            assert client.get("/api/users/default/", query).json()["count"] == 25


# --- Feature flags ---------------------------------------------------------------------------------------------------


def features(client: APIClient) -> dict[str, bool]:
    """What a list says of the flags, as a process says it that has not read them yet."""
    caches["flags"].clear()
    answer = client.get("/api/users/flagged/").json()
    assert list(answer)[-1] == "enterprise_features"
    return answer["enterprise_features"]


def test_all_features_are_off_by_default(client: APIClient) -> None:
    assert features(client) == {
        "top_down_assignment_real_time_lcm": False,
        "feature_prequery_search_suggestions": False,
        "enterprise_customer_support_tool": False,
        "enterprise_learner_bff_enabled": False,
        "admin_portal_learner_profile_view_enabled": False,
        "catalog_query_search_filters_enabled": False,
        "enterprise_admin_onboarding_enabled": False,
        "enterprise_edit_highlights_enabled": False,
        "enterprise_ai_pathways_operator_enabled": False,
        "use_algolia_index_v2": False,
    }


@pytest.mark.parametrize(
    ("feature", "flag"),
    [
        ("top_down_assignment_real_time_lcm", "enterprise.top_down_assignment_real_time_lcm"),
        ("enterprise_customer_support_tool", "enterprise.enterprise_customer_support_tool"),
        ("enterprise_learner_bff_enabled", "enterprise.learner_bff_enabled"),
        ("enterprise_admin_onboarding_enabled", "enterprise.enterprise_admin_onboarding"),
        ("enterprise_edit_highlights_enabled", "enterprise.edit_highlights_enabled"),
        ("enterprise_ai_pathways_operator_enabled", "enterprise.ai_pathways_operator_enabled"),
        ("use_algolia_index_v2", "enterprise.use_algolia_index_v2"),
    ],
)
def test_a_flag_for_everyone_switches_its_feature_alone(client: APIClient, feature: str, flag: str) -> None:
    Flag.objects.create(name=flag, everyone=True)
    assert [name for name, on in features(client).items() if on] == [feature]


def test_flags_may_be_for_staff_superusers_named_users_and_groups(ana: User, by_jwt: Any) -> None:
    UserFactory(username="boss", is_staff=True)
    UserFactory(username="root", is_superuser=True)
    member = UserFactory(username="member")
    member.groups.add(Group.objects.create(name="pilots"))
    names = list(ENTERPRISE_FEATURES.items())[:4]
    staff, roots, named, grouped = (Flag.objects.create(name=flag, superusers=False) for _, flag in names)
    staff.staff, roots.superusers = True, True
    staff.save()
    roots.save()
    named.users.add(ana)
    grouped.groups.add(*member.groups.all())
    for username, expected in [("boss", 0), ("root", 1), ("ana", 2), ("member", 3)]:
        on = features(by_jwt(username))
        assert [feature for feature, _ in names if on[feature]] == [names[expected][0]]


def test_a_percentage_of_users_is_the_same_users_every_time(by_jwt: Any) -> None:
    Flag.objects.create(name="enterprise.use_algolia_index_v2", percent=50)
    clients = [by_jwt(UserFactory(username=f"member{number}").username) for number in range(40)]
    first = [features(client)["use_algolia_index_v2"] for client in clients]
    assert [features(client)["use_algolia_index_v2"] for client in clients] == first
    assert 5 < sum(first) < 35


def test_flags_cost_one_statement_and_none_while_they_are_remembered(
    client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Flag.objects.create(name="enterprise.use_algolia_index_v2", everyone=True)
    caches["flags"].clear()
    for statements in [2, 1, 1]:
        with django_assert_num_queries(statements):
            client.get("/api/users/flagged/")


def test_a_changed_flag_shows_at_once(client: APIClient, django_capture_on_commit_callbacks: Any) -> None:
    assert not features(client)["use_algolia_index_v2"]
    with django_capture_on_commit_callbacks(execute=True):
        flag = Flag.objects.create(name="enterprise.use_algolia_index_v2", everyone=True)
    shown = client.get("/api/users/flagged/").json()["enterprise_features"]
    assert shown["use_algolia_index_v2"]
    flag.everyone = False
    with django_capture_on_commit_callbacks(execute=True):
        flag.save()
    shown = client.get("/api/users/flagged/").json()["enterprise_features"]
    assert not shown["use_algolia_index_v2"]


# --- Pages by cursor -------------------------------------------------------------------------------------------------


def cursor_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["cursor"][0]


def flat(pages: list[list[int]]) -> list[int]:
    return [row for page in pages for row in page]


def walk(client: APIClient, address: str | None, link: str = "next") -> list[list[int]]:
    pages = []
    while address:
        answer = client.get(address).json()
        pages.append([row["id"] for row in answer["results"]])
        address = answer[link]
    return pages


def test_the_cursor_envelope(client: APIClient) -> None:
    assert client.get("/api/users/newest/").json() == {"next": None, "previous": None, "results": []}
    make(4)
    answer = client.get("/api/users/newest/").json()
    assert list(answer) == ["next", "previous", "results"]
    assert answer["previous"] is None
    assert answer["next"].startswith(f"{HOST}/api/users/newest/?cursor=")


def test_the_newest_come_first_and_every_row_once_there_and_back(client: APIClient) -> None:
    users = make(8)
    start = datetime(2031, 1, 1, 8, 30, 0, 120000, tzinfo=UTC)
    for number, user in enumerate(users):
        User.objects.filter(pk=user.pk).update(
            date_joined=start + timedelta(seconds=number // 3, microseconds=number // 2)
        )
    expected = list(
        User.objects.filter(username__startswith="learner").order_by("-date_joined", "-id").values_list("id", flat=True)
    )
    there = walk(client, "/api/users/newest/")
    assert [len(page) for page in there] == [3, 3, 2]
    assert flat(there) == expected
    second = client.get("/api/users/newest/").json()["next"]
    third = client.get(second).json()["next"]
    assert walk(client, third, "previous") == there[::-1]


def test_many_rows_of_one_moment_are_paged_through(client: APIClient) -> None:
    users = make(10, date_joined=datetime(2031, 1, 1, tzinfo=UTC))
    assert flat(walk(client, "/api/users/newest/")) == [user.pk for user in users[::-1]]


def test_rows_that_come_in_front_shift_nothing(client: APIClient) -> None:
    make(5, date_joined=datetime(2031, 1, 1, tzinfo=UTC))
    first = client.get("/api/users/newest/").json()
    expected = client.get(first["next"]).json()["results"]
    User.objects.create(username="learner-new", date_joined=datetime(2032, 1, 1, tzinfo=UTC))
    assert client.get(first["next"]).json()["results"] == expected


def test_a_full_last_page_has_no_next(client: APIClient) -> None:
    make(6)
    assert [len(page) for page in walk(client, "/api/users/newest/")] == [3, 3]


def test_a_cursor_page_costs_one_statement(
    client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make(9)
    address = client.get("/api/users/newest/").json()["next"]
    with django_assert_num_queries(1):
        client.get(address)


def test_the_fixed_size_ignores_page_and_page_size(client: APIClient) -> None:
    make(9)
    assert len(client.get("/api/users/newest/", {"page_size": 100, "page": 3}).json()["results"]) == 3


def test_cursor_links_keep_the_other_parameters_with_the_cursor_first(client: APIClient) -> None:
    make(120)
    link = client.get("/api/users/by-id/", {"page_size": 2, "zeta": "a b"}).json()["next"]
    assert list(parse_qs(urlsplit(link).query)) == ["cursor", "page_size", "zeta"]
    assert len(client.get(link).json()["results"]) == 2


@pytest.mark.parametrize(
    ("path", "asked_for", "size"),
    [
        ("by-id", None, 100),
        ("by-id", "2", 2),
        ("by-id", "0", 100),
        ("by-id", "-1", 100),
        ("by-id", "x", 100),
        ("by-id", "9" * 30, 110),
        ("learners", None, 10),
        ("learners", "25", 25),
        ("learners", "26", 25),
    ],
)
def test_the_sizes_of_cursor_pages(client: APIClient, path: str, asked_for: str | None, size: int) -> None:
    users = make(110)
    query = {"page_size": asked_for} if asked_for else {}
    answer = client.get(f"/api/users/{path}/", query).json()
    assert [row["id"] for row in answer["results"]] == [user.pk for user in users[:size]]


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "====",
        "a" * 5000,
        encoded([]),
        encoded({}),
        encoded(None),
        encoded([0]),
        encoded([0, "2031-01-01T00:00:00Z"]),
        encoded([2, "2031-01-01T00:00:00Z", 5]),
        encoded([0, "2031-01-01T00:00:00Z", "5"]),
        encoded([0, "2031-01-01T00:00:00Z", True]),
        encoded([0, "2031-01-01T00:00:00Z", 2**63]),
        encoded([0, "2031-01-01T00:00:00Z", 1.5]),
        encoded([0, "2031-01-01T00:00:00", 5]),
        encoded([0, "0001-01-01T00:00:00Z", 5]),
        encoded([0, "yesterday", 5]),
        encoded([0, 5, 5]),
        encoded([0, None, 5]),
        encoded([0, [], 5]),
        base64.urlsafe_b64encode(b"[" * 3000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_bad_cursor_is_404(client: APIClient, cursor: str) -> None:
    make(5)
    answer = client.get("/api/users/newest/", {"cursor": cursor})
    assert (answer.status_code, answer.json()) == (404, {"developer_message": "Invalid cursor"})


def test_the_cursor_of_another_list_is_a_bad_one(client: APIClient) -> None:
    make(5)
    answer = client.get("/api/users/by-id/", {"cursor": cursor_of(client.get("/api/users/newest/").json()["next"])})
    assert (answer.status_code, answer.json()) == (404, {"developer_message": "Invalid cursor"})
