"""sso_records/{username_or_email} and get_saml_providers/ (contract: support)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from enrollments.models import User, UserSocialAuth
from enrollments.services import retirement
from saml_admin.models import SAMLProviderConfig
from saml_admin.services.providers import save_version
from tests.factories import IdentityFactory, OrganizationFactory, UserFactory
from tests.support.agents import agent

pytestmark = pytest.mark.django_db

PROVIDERS = "/support/get_saml_providers/"


def url(person: str = "mira") -> str:
    return f"/support/sso_records/{person}"


# --- Who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [url(), PROVIDERS, PROVIDERS[:-1]])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(client: Any, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login?next={path}")


@pytest.mark.parametrize("fields", [{}, {"superuser": True}], ids=["learner", "superuser"])
@pytest.mark.parametrize("path", [url(), url("nobody"), PROVIDERS])
def test_whoever_is_no_agent_is_refused_without_a_word(as_user: Callable[..., Any], path: str, fields: Any) -> None:
    answer = as_user(UserFactory(**fields)).get(path)
    assert (answer.status_code, answer.content) == (403, b"")


@pytest.mark.parametrize("path", [url(), PROVIDERS])
def test_agents_and_staff_may_ask_with_a_token_or_a_session(
    as_user: Callable[..., Any], by_session: Callable[..., Any], path: str
) -> None:
    for account in (agent(), UserFactory(staff=True)):
        for caller in (as_user(account), by_session(account)):
            answer = caller.get(path)
            assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("path", [url(), PROVIDERS])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(desk: Any, path: str, method: str) -> None:
    assert getattr(desk, method)(path, {}).status_code == 405


@pytest.mark.parametrize(
    "path", [url(""), url("mira/"), url("mi ra"), url("mira!"), f"/support/x{PROVIDERS}", f"/support/x{url()}"]
)
def test_other_paths_lead_nowhere(desk: Any, mira: User, path: str) -> None:
    assert desk.get(path).status_code == 404


# --- Records ------------------------------------------------------------------------------------------------------


def test_nobody_and_a_person_without_identities_have_no_records(desk: Any, mira: User) -> None:
    IdentityFactory()
    for person in ("nobody", "mira"):
        answer = desk.get(url(person))
        assert (answer.status_code, answer.json()) == (200, [])


def test_an_identity_with_its_states_the_newest_first(desk: Any, mira: User) -> None:
    created = datetime(2024, 1, 1, 0, 0, 0, 100999, UTC)
    changed = datetime(2024, 2, 1, tzinfo=UTC)
    extra = {"mail": ["mira@oak.example"], "auth_time": 1704067200}
    identity = IdentityFactory(user=mira, uid="oak:K-1", created=created, modified=created)
    identity.uid, identity.extra_data, identity.modified, identity.keep_modified = "oak:K-77", extra, changed, True
    identity.save()
    older, newer = UserSocialAuth.history.order_by("history_id")
    for state, at in ((older, created), (newer, changed + timedelta(milliseconds=205))):
        UserSocialAuth.history.filter(pk=state.pk).update(history_date=at)
    answer = desk.get(url("mira@oak.example"))
    assert answer.content.startswith(b'[\n  {\n    "provider": "tpa-saml",')
    text = '{"mail": ["mira@oak.example"], "auth_time": 1704067200}'
    common = {"provider": "tpa-saml", "created": "2024-01-01T00:00:00.100Z"}
    present = {**common, "uid": "oak:K-77", "modified": "2024-02-01T00:00:00Z", "extraData": text}
    past = {**common, "uid": "oak:K-1", "modified": "2024-01-01T00:00:00.100Z", "extraData": "{}"}
    assert answer.json() == [
        {
            **present,
            "history": [
                {**present, "history_date": "2024-02-01T00:00:00.205Z"},
                {**past, "history_date": "2024-01-01T00:00:00.100Z"},
            ],
        }
    ]


def test_all_identities_of_the_person_and_no_others_in_the_order_in_which_they_came(desk: Any, mira: User) -> None:
    for provider in ("tpa-saml", "google-oauth2", "azuread-oauth2"):
        IdentityFactory(user=mira, provider=provider)
        IdentityFactory(provider=provider)
    records = desk.get(url()).json()
    assert [record["provider"] for record in records] == ["tpa-saml", "google-oauth2", "azuread-oauth2"]
    assert [len(record["history"]) for record in records] == [1, 1, 1]
    assert [record["history"][0]["uid"] for record in records] == [record["uid"] for record in records]


def test_tokens_are_masked_in_the_record_and_its_history(desk: Any, mira: User) -> None:
    extra = {
        "access_token": "secret-1", "refresh_token": "", "expires": 3600, "token_type": "Bearer",
        "inner": [{"refresh_token": "secret-2", "name": "Mira Ünal"}],
    }  # fmt: skip
    IdentityFactory(user=mira, provider="google-oauth2", extra_data=extra)
    answer = desk.get(url())
    assert b"secret" not in answer.content
    (record,) = answer.json()
    expected = {
        **extra, "access_token": "********", "inner": [{"refresh_token": "********", "name": "Mira Ünal"}],
    }  # fmt: skip
    assert json.loads(record["extraData"]) == json.loads(record["history"][0]["extraData"]) == expected


def test_the_number_of_statements_does_not_grow_with_the_identities(
    desk: Any, mira: User, django_assert_num_queries: Any
) -> None:
    for number in range(4):
        IdentityFactory(user=mira, uid=f"oak:{number}").save()
    with django_assert_num_queries(5):  # the caller and their role; the person, identities, history
        assert [len(record["history"]) for record in desk.get(url()).json()] == [2, 2, 2, 2]


# --- Retirement ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retire", [retirement.begin, retirement.retire])
def test_retirement_removes_identities_with_their_history(desk: Any, mira: User, retire: Any) -> None:
    other = IdentityFactory(uid="oak:2")
    passed_on = IdentityFactory(uid="oak:1", extra_data={"mail": "first@oak.example"})
    passed_on.user = mira
    passed_on.save()
    retire(mira)
    assert desk.get(url()).json() == []
    assert set(UserSocialAuth.history.values_list("uid", flat=True)) == {other.uid}


# --- SAML providers -----------------------------------------------------------------------------------------------


def provider(slug: str, organization: str | None, **fields: Any) -> SAMLProviderConfig:
    owner = organization and OrganizationFactory(short_name=organization)
    return save_version(SAMLProviderConfig(slug=slug, organization=owner or None, **{"enabled": True, **fields}))


def test_without_providers_the_list_is_empty(desk: Any) -> None:
    answer = desk.get(PROVIDERS)
    assert (answer.status_code, answer.content) == (200, b"[]")


def test_organizations_with_an_enabled_provider_in_the_order_of_creation(desk: Any) -> None:
    for slug, organization in (("z", "zeta"), ("a", "alpha"), ("n", None), ("b", "zeta")):
        provider(slug, organization)
    provider("off", "OffU", enabled=False)
    provider("gone", "GoneU", archived=True)
    assert desk.get(PROVIDERS).content == b'["zeta","alpha","zeta"]'


def test_superseded_versions_do_not_count_and_a_new_version_keeps_its_place(desk: Any) -> None:
    for slug, organization in (("a", "alpha"), ("b", "beta"), ("c", "gamma")):
        provider(slug, organization)
    provider("a", "delta")
    provider("b", "beta", enabled=False)
    assert desk.get(PROVIDERS[:-1]).json() == ["delta", "gamma"]


def test_the_list_costs_one_statement(desk: Any, django_assert_num_queries: Any) -> None:
    for number in range(3):
        provider(f"p{number}", f"Org{number}")
    with django_assert_num_queries(3):  # the caller and their role; the list
        assert len(desk.get(PROVIDERS).json()) == 3
