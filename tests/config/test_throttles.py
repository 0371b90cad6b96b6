"""Rate limits (contract: enrollment-api Throttling, enterprise-customers 1.3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from rest_framework.test import APIClient

from config.api import throttles
from enrollments.models import User
from tests.config.probes import SwitchableThrottle
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]


class Clock:
    """A clock that tests turn; begins in the middle of nowhere."""

    def __init__(self) -> None:
        self.now = 1_900_000_007.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stops the throttles' clock, so that no test depends on how fast it runs; the cache's own goes on."""
    stopped = Clock()
    monkeypatch.setattr(throttles, "time", stopped)
    return stopped


@pytest.fixture(autouse=True)
def small_rates(settings: Any, clock: Clock) -> Any:
    settings.USER_RATE = "3/minute"
    settings.SERVICE_USER_RATE = "5/minute"
    settings.HIGH_SERVICE_USER_RATE = "7/minute"
    settings.ENROLLMENT_USER_RATE = "2/minute"
    settings.ENROLLMENT_STAFF_RATE = "4/minute"
    settings.TOKEN_RATE = "2/minute"
    return settings


def admitted(client: APIClient, path: str, **options: Any) -> int:
    """How many requests in a row pass."""
    for number in range(20):
        answer = client.get(path, **options)
        if answer.status_code == 429:
            return number
        assert answer.status_code == 200, answer.content
    return 20


def test_over_the_limit_is_429_with_the_time_to_wait(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    client = by_jwt("ana")
    assert admitted(client, "/api/throttled") == 3
    answer = client.get("/api/throttled")
    seconds = int(answer["Retry-After"])
    assert 0 < seconds <= 60
    assert answer.json() == {"detail": f"Request was throttled. Expected available in {seconds} seconds."}


def test_waiting_as_long_as_told_is_enough_and_not_much_too_long(
    ana: User, by_jwt: Callable[..., APIClient], clock: Clock
) -> None:
    client = by_jwt("ana")
    assert admitted(client, "/api/throttled") == 3
    seconds = int(client.get("/api/throttled")["Retry-After"])
    clock.now += seconds - 2
    assert client.get("/api/throttled").status_code == 429
    clock.now += 2
    assert client.get("/api/throttled").status_code == 200


def test_the_window_slides(ana: User, by_jwt: Callable[..., APIClient], clock: Clock) -> None:
    client = by_jwt("ana")
    for _ in range(3):
        assert client.get("/api/throttled").status_code == 200
        clock.now += 15
    clock.now += 5
    assert client.get("/api/throttled").status_code == 429
    clock.now += 22
    assert admitted(client, "/api/throttled") == 1


def test_a_burst_counts_in_full_across_the_edge_of_a_slot(
    ana: User, by_jwt: Callable[..., APIClient], clock: Clock
) -> None:
    client = by_jwt("ana")
    clock.now = 1_900_000_000.0 - 1_900_000_000.0 % 60 + 59.9
    assert client.get("/api/throttled").status_code == 200
    clock.now += 0.2
    assert admitted(client, "/api/throttled") == 2
    clock.now += 40
    assert client.get("/api/throttled").status_code == 429


def test_refused_requests_do_not_count(ana: User, by_jwt: Callable[..., APIClient], clock: Clock) -> None:
    client = by_jwt("ana")
    assert admitted(client, "/api/throttled") == 3
    for _ in range(10):
        clock.now += 3
        assert client.get("/api/throttled").status_code == 429
    clock.now += 41
    assert admitted(client, "/api/throttled") == 3


def test_views_of_one_scope_share_a_bucket_and_users_do_not(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    UserFactory(username="ben")
    assert by_jwt("ana").get("/api/throttled-too").status_code == 200
    assert by_jwt("ana").get("/api/high-throttled").status_code == 200
    assert admitted(by_jwt("ana"), "/api/throttled") == 1
    assert admitted(by_jwt("ben"), "/api/throttled") == 3


def test_the_two_areas_do_not_share_buckets(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    client = by_jwt("ana")
    assert admitted(client, "/api/enrollment-throttled") == 2
    assert admitted(client, "/api/throttled") == 3
    assert client.get("/api/enrollment-throttled-too").status_code == 429


def test_service_accounts_have_their_own_scopes(by_jwt: Callable[..., APIClient], settings: Any) -> None:
    settings.ENTERPRISE_ALL_SERVICE_USERNAMES = ["robot"]
    UserFactory(username="robot")
    assert admitted(by_jwt("robot"), "/api/throttled") == 5
    assert admitted(by_jwt("robot"), "/api/high-throttled") == 7


def test_staff_and_superusers_have_no_higher_rate_in_the_enterprise_area(by_jwt: Callable[..., APIClient]) -> None:
    UserFactory(username="root", is_staff=True, is_superuser=True)
    assert admitted(by_jwt("root"), "/api/throttled") == 3


@pytest.mark.parametrize("names", [None, []])
def test_without_the_list_two_named_accounts_are_service_accounts(
    by_jwt: Callable[..., APIClient], settings: Any, names: Any
) -> None:
    settings.ENTERPRISE_ALL_SERVICE_USERNAMES = names
    settings.ECOMMERCE_SERVICE_WORKER_USERNAME = "shop"
    settings.ENTERPRISE_SERVICE_WORKER_USERNAME = "office"
    for username, limit in [("shop", 5), ("office", 5), ("license_manager_worker", 3)]:
        UserFactory(username=username)
        assert admitted(by_jwt(username), "/api/throttled") == limit


def test_a_list_of_null_means_nobody(by_jwt: Callable[..., APIClient], settings: Any) -> None:
    settings.ENTERPRISE_ALL_SERVICE_USERNAMES = [None]
    settings.ECOMMERCE_SERVICE_WORKER_USERNAME = "shop"
    UserFactory(username="shop")
    assert admitted(by_jwt("shop"), "/api/throttled") == 3


@pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
def test_staff_and_superusers_have_the_staff_rate_of_the_enrollment_api(
    by_jwt: Callable[..., APIClient], flag: str
) -> None:
    UserFactory(username="boss", **{flag: True})
    assert admitted(by_jwt("boss"), "/api/enrollment-throttled") == 4


def test_an_api_key_is_exempt_with_or_without_an_account(
    ana: User, by_api_key: APIClient, by_jwt: Callable[..., APIClient], settings: Any
) -> None:
    assert admitted(by_api_key, "/api/enrollment-throttled") == 20
    key = {"HTTP_X_EDX_API_KEY": settings.EDX_API_KEY}
    assert admitted(by_jwt("ana"), "/api/enrollment-throttled", **key) == 20


def test_anonymous_callers_count_by_address(client: APIClient) -> None:
    path = "/api/token-throttled"
    assert admitted(client, path, REMOTE_ADDR="203.0.113.1") == 2
    assert admitted(client, path, REMOTE_ADDR="203.0.113.2") == 2


def test_a_forged_address_makes_no_new_bucket(client: APIClient, settings: Any) -> None:
    path = "/api/token-throttled"
    for number in range(2):
        assert client.get(path, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").status_code == 200
    assert client.get(path, HTTP_X_FORWARDED_FOR="198.51.100.9").status_code == 429
    settings.NUM_PROXIES = 1
    assert admitted(client, path, HTTP_X_FORWARDED_FOR="1.1.1.1, 203.0.113.7") == 2
    assert client.get(path, HTTP_X_FORWARDED_FOR="2.2.2.2, 203.0.113.7").status_code == 429


def test_refused_callers_consume_nothing(ana: User, client: APIClient, by_jwt: Callable[..., APIClient]) -> None:
    for _ in range(5):
        assert client.get("/api/staff-throttled").status_code == 401
        assert by_jwt("ana").get("/api/staff-throttled").status_code == 403
    assert admitted(by_jwt("ana"), "/api/throttled") == 3


def test_the_limit_comes_before_the_method(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    client = by_jwt("ana")
    for _ in range(3):
        assert client.delete("/api/throttled").status_code == 405
    assert client.delete("/api/throttled").status_code == 429


def test_rates_are_read_when_they_are_used(ana: User, by_jwt: Callable[..., APIClient], settings: Any) -> None:
    assert admitted(by_jwt("ana"), "/api/throttled") == 3
    settings.USER_RATE = "6/minute"
    assert admitted(by_jwt("ana"), "/api/throttled") == 3
    settings.USER_RATE = ""
    assert admitted(by_jwt("ana"), "/api/throttled") == 20


def test_a_switch_turns_a_throttle_off(
    ana: User, by_jwt: Callable[..., APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert admitted(by_jwt("ana"), "/api/switchable") == 2
    monkeypatch.setattr(SwitchableThrottle, "on", False)
    assert admitted(by_jwt("ana"), "/api/switchable") == 20


def test_a_cache_that_is_down_lets_requests_pass(
    ana: User, by_jwt: Callable[..., APIClient], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"},
    }
    assert admitted(by_jwt("ana"), "/api/throttled") == 20
    assert "the cache does not answer" in caplog.text


def test_counters_leave_the_cache_by_themselves(
    ana: User, by_jwt: Callable[..., APIClient], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USER_RATE = "5/minute"
    lifetimes: list[int] = []
    backend = type(caches["default"])
    name = "increment_and_read" if hasattr(backend, "increment_and_read") else "add"
    stores = getattr(backend, name)

    def noted(self: Any, key: str, value: Any, timeout: int) -> Any:
        lifetimes.append(timeout)
        return stores(self, key, value, timeout)

    monkeypatch.setattr(backend, name, noted)
    assert admitted(by_jwt("ana"), "/api/throttled") == 5
    assert set(lifetimes) == {80}


def test_on_redis_a_counter_is_read_and_bounded_in_one_exchange() -> None:
    if not hasattr(type(caches["default"]), "increment_and_read"):
        pytest.skip("the cache is not Redis: set REDIS_URL")
    cache = caches["default"]
    assert cache.increment_and_read("a", ["b", "c"], 30) == [1, 0, 0]
    assert cache.increment_and_read("a", ["b", "a"], 30) == [2, 0, 2]
    assert 0 < cache._cache.get_client().ttl(cache.make_key("a")) <= 30


@pytest.mark.parametrize(
    ("text", "rate"),
    [("40/minute", (40, 60)), ("1/s", (1, 1)), (" 5 / hour", (5, 3600)), ("0/day", (0, 86400)), ("7/min", (7, 60))],
)
def test_rates_are_written_with_the_word_or_letter_of_the_period(text: str, rate: tuple[int, int]) -> None:
    assert throttles.parse_rate(text) == rate


@pytest.mark.parametrize("text", ["40", "x/minute", "40/fortnight", "-1/minute", "/minute"])
def test_what_is_no_rate_is_a_mistake_of_the_settings(text: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        throttles.parse_rate(text)


def test_a_rate_of_zero_admits_nobody(ana: User, by_jwt: Callable[..., APIClient], settings: Any) -> None:
    settings.USER_RATE = "0/minute"
    answer = by_jwt("ana").get("/api/throttled")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_simultaneous_requests_lose_no_count(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(throttles, "time", time.monotonic)
    bucket = throttles.Bucket("test", "50/hour", "user:1")

    def one(_: int) -> bool:
        return throttles.TokenThrottle().count(bucket, throttles.Rate(50, 3600))

    with ThreadPoolExecutor(8) as pool:
        passed = sum(pool.map(one, range(120)))
    assert passed <= 50
    assert passed >= 43  # two that are refused at once may each have counted the other
