"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from rest_framework.test import APIClient

from enrollments.models import User

API_KEY = "test-api-key"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need real processes say so when those are not offered."""
    if os.environ.get("MATRICULA_TEST_SERVICES"):
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL, Redis and worker processes: make test-services")
    for item in items:
        if "services" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def service_settings(settings: Any) -> Iterator[Any]:
    """Cheap password hashes, tasks that run at once, an API key, and empty caches (throttles live there)."""
    from config.celery import app

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EDX_API_KEY = API_KEY
    eager, propagates = app.conf.task_always_eager, app.conf.task_eager_propagates
    app.conf.task_always_eager, app.conf.task_eager_propagates = True, True
    if settings.REDIS_URL:  # keys of its own: clearing would empty the server that tests running side by side share
        settings.CACHES = {**settings.CACHES, "default": {**settings.CACHES["default"], "KEY_PREFIX": uuid4().hex}}
    for cache in caches.all():
        if isinstance(cache, LocMemCache):
            cache.clear()
    yield settings
    app.conf.task_always_eager, app.conf.task_eager_propagates = eager, propagates


@pytest.fixture
def settle_content() -> Callable[[], None]:
    """`settle_content()` makes the index of what catalogs hold as it is when nothing was written for a while."""

    def settle() -> None:
        from enterprise.content import index
        from enterprise.models import EnterpriseCatalogQuery, EnterpriseCustomerCatalog
        from enterprise.queries.content import effective_filter

        index.refresh_all()
        catalogs = EnterpriseCustomerCatalog.objects.select_related("enterprise_catalog_query")
        shared = EnterpriseCatalogQuery.objects.values_list("content_filter", flat=True)
        index.ensure([*(effective_filter(catalog) for catalog in catalogs), *(each or {} for each in shared)])

    return settle


@pytest.fixture
def django_assert_num_queries(django_assert_num_queries: Any, settle_content: Callable[[], None]) -> Any:
    """Counts what a request costs in a service at rest: what the scene wrote to the catalogue is settled before."""

    def count(*args: Any, **kwargs: Any) -> Any:
        settle_content()
        return django_assert_num_queries(*args, **kwargs)

    return count


@pytest.fixture
def django_assert_max_num_queries(django_assert_max_num_queries: Any, settle_content: Callable[[], None]) -> Any:
    """The same for an upper bound."""

    def count(*args: Any, **kwargs: Any) -> Any:
        settle_content()
        return django_assert_max_num_queries(*args, **kwargs)

    return count


@pytest.fixture
def client() -> APIClient:
    """An anonymous client; a server error shows as an answer of 500 rather than an exception in the test."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def as_user() -> Callable[..., APIClient]:
    """`as_user(account)` is a client with a JWT of the account; with `restricted=True` of a restricted application."""

    def make(user: User, *, restricted: bool = False, **claims: Any) -> APIClient:
        from config.api import jwt
        from enrollments.services import tokens

        token = tokens.access_token_for(user, scopes=["user_id", "email", "profile"], grant_type="password")
        if restricted or claims:
            token = jwt.issue({**jwt.decode(token), "is_restricted": restricted, **claims}, 3600)
        made = APIClient(raise_request_exception=False)
        made.credentials(HTTP_AUTHORIZATION=f"JWT {token}")
        return made

    return make


@pytest.fixture
def by_session() -> Callable[..., APIClient]:
    """`by_session(account)` is a browser that is signed in; `enforce_csrf_checks=True` makes it need CSRF tokens."""

    def make(user: User, **options: Any) -> APIClient:
        made = APIClient(raise_request_exception=False, **options)
        made.force_login(user)
        return made

    return make


@pytest.fixture
def by_api_key() -> APIClient:
    """A client that sends the API key and nothing else."""
    made = APIClient(raise_request_exception=False)
    made.credentials(HTTP_X_EDX_API_KEY=API_KEY)
    return made
