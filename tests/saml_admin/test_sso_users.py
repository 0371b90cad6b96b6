"""`enterprise-sso-user-info/user_details/` and new uids of identities (contract: enterprise-admins-groups-sso)."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from enrollments.models import UserSocialAuth
from enterprise.models import EnterpriseCustomer
from saml_admin.models import SAMLProviderConfig
from saml_admin.services.providers import save_version
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import EnterpriseCustomerFactory, IdentityProviderFactory, UserFactory
from tests.saml_admin.conftest import HOST, IdentityProvider

pytestmark = pytest.mark.django_db

DETAILS = "/enterprise/api/v1/enterprise-sso-user-info/user_details/"
NOBODY = {"error": "Enterprise SSO user details not found"}


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", auth_org_id="org-1")


@pytest.fixture
def staff(as_user: Any) -> APIClient:
    return as_user(UserFactory(staff=True))


def provider_of(customer: EnterpriseCustomer, slug: str = "blue", **fields: Any) -> SAMLProviderConfig:
    IdentityProviderFactory(enterprise_customer=customer, provider_id=f"saml-{slug}")
    return save_version(SAMLProviderConfig(slug=slug, enabled=True, **fields))


def ask(client: APIClient, org_id: str = "org-1", user: str = "lou") -> Any:
    return client.get(DETAILS, {"org_id": org_id, "external_user_id": user})


@pytest.mark.parametrize("name", CALLERS)
def test_staff_and_who_sees_the_customers_dashboard_ask_about_people(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, name: str
) -> None:
    provider_of(acme)
    account = caller(name, acme, EnterpriseCustomerFactory())
    response = ask(as_user(account) if account else client)
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("admin", "operator", "staff", "superuser"):
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": "Missing: enterprise.can_access_admin_dashboard"}


def test_both_parameters_are_needed(as_user: Any, staff: APIClient) -> None:
    required, blank = ["This field is required."], ["This field may not be blank."]
    for asker in (staff, as_user(UserFactory())):
        response = asker.get(DETAILS)
        assert (response.status_code, response.json()) == (400, {"org_id": required, "external_user_id": required})
    assert ask(staff, "", " ").json() == {"org_id": blank, "external_user_id": blank}
    assert staff.post(DETAILS).status_code == 405


def test_an_unknown_or_inactive_customer_is_told(staff: APIClient) -> None:
    EnterpriseCustomerFactory(auth_org_id="asleep", active=False)
    for org_id in ("nobody", "asleep"):
        response = ask(staff, org_id)
        assert response.status_code == 404
        assert response.json() == {"error": f"Enterprise customer not found for org_id: {org_id}"}


def test_a_standard_provider_gives_its_defaults_and_the_user_name(staff: APIClient, acme: EnterpriseCustomer) -> None:
    assert (ask(staff).status_code, ask(staff).json()) == (404, NOBODY)  # no provider
    provider_of(acme, default_email="all@acme.example", default_last_name="Acme")
    assert ask(staff).json() == {
        "username": "lou",
        "email": "all@acme.example",
        "first_name": None,
        "last_name": "Acme",
        "fullname": None,
    }
    provider_of(acme, "red")
    assert (ask(staff).status_code, ask(staff).json()) == (404, NOBODY)  # more than one


def success_factors(customer: EnterpriseCustomer) -> SAMLProviderConfig:
    settings = {
        "odata_api_root_url": f"https://{HOST}/odata/v2",
        "sapsf_oauth_root_url": f"https://{HOST}/oauth/",
        "odata_company_id": "company",
        "odata_client_id": "client",
        "oauth_user_id": "robot",
        "sapsf_private_key": "key",
        "odata_api_request_timeout": 5,
    }
    return provider_of(customer, identity_provider_type="sap_success_factors", other_settings=json.dumps(settings))


def test_success_factors_is_asked_over_its_oauth_and_odata(
    staff: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    success_factors(acme)
    asked: list[tuple[str, Any]] = []

    def answer(handler: Any) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        asked.append((handler.path, parse_qs(handler.rfile.read(length).decode())))
        if handler.path == "/oauth/idp":
            body = "assertion"
        elif handler.path == "/oauth/token":
            body = json.dumps({"access_token": "token"})
        else:
            assert handler.headers["Authorization"] == "Bearer token"
            body = json.dumps({"d": {"username": "lou", "firstName": "Lou", "defaultFullName": "Lou Fay", "email": ""}})
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    idp.document = answer
    response = ask(staff, user="lou'x")
    assert (response.status_code, response.json()) == (
        200,
        {"username": "lou", "first_name": "Lou", "fullname": "Lou Fay"},
    )
    assert asked[0][1]["private_key"] == ["key"]
    assert asked[1][1]["assertion"] == ["assertion"]
    assert asked[2][0].startswith("/odata/v2/User(userId='lou%27%27x')?$select=")


@pytest.mark.parametrize("reason", ["status", "no json", "address", "settings"])
def test_whatever_fails_nothing_is_known(
    staff: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider, reason: str
) -> None:
    provider = success_factors(acme)
    if reason == "status":
        idp.status = 500
    elif reason == "no json":
        idp.document = "<html/>"
    elif reason == "address":
        idp.resolved = ["127.0.0.1"]
    else:
        provider.other_settings = "{}"
        save_version(provider)
    assert (ask(staff).status_code, ask(staff).json()) == (404, NOBODY)


# --- update_enterprise_social_auth_uids -----------------------------------------------------------------------------


def test_identities_get_new_uids_from_a_file(tmp_path: Path) -> None:
    for uid in ("blue:a", "blue:b", "blue:taken"):
        UserSocialAuth.objects.create(user=UserFactory(), provider="tpa-saml", uid=uid)
    file = tmp_path / "uids.csv"
    file.write_text("old-uid,new-uid\na,1\nb,taken\nnobody,2\n,3\n")

    def run(*options: str) -> tuple[str, str]:
        said, wrong = StringIO(), StringIO()
        prefixes = ("--old-prefix=blue:", "--new-prefix=blue:")
        call_command("update_enterprise_social_auth_uids", str(file), *prefixes, *options, stdout=said, stderr=wrong)
        return said.getvalue(), wrong.getvalue()

    said, wrong = run()
    assert said == "1 identities would be renamed, 2 not.\n"
    assert "blue:b: blue:taken is taken." in wrong
    assert "blue:nobody: nobody has this uid." in wrong
    assert UserSocialAuth.objects.filter(uid="blue:a").exists()
    assert run("--no-dry-run")[0] == "1 identities renamed, 2 not.\n"
    assert set(UserSocialAuth.objects.values_list("uid", flat=True)) == {"blue:1", "blue:b", "blue:taken"}
    assert UserSocialAuth.history.filter(history_type="~", uid="blue:1").count() == 1
    file.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="columns"):
        run()
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("update_enterprise_social_auth_uids", str(tmp_path / "none.csv"))
