"""Integration channels, of which there are none (contract: clients 3.3; settings, Out of reach)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import EnterpriseCustomerFactory, UserFactory

pytestmark = pytest.mark.django_db

NOBODY = "00000000-0000-4000-8000-000000000001"
LISTS = ["/channel_integrations/api/v1/configs/", "/integrated_channels/api/v1/configs/"]
CHANNELS = ["blackboard", "canvas", "cornerstone", "degreed", "degreed2", "moodle", "sap_success_factors"]


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("path", LISTS)
def test_everybody_who_is_signed_in_reads_an_empty_list(
    client: Any, as_user: Callable[..., Any], path: str, name: str
) -> None:
    customer, other = EnterpriseCustomerFactory(), EnterpriseCustomerFactory()
    account = caller(name, customer, other)
    answer = (as_user(account) if account else client).get(path, {"enterprise_customer": str(customer.uuid)})
    expected = (200, []) if account else (401, ANONYMOUS)
    assert (answer.status_code, answer.json()) == expected


@pytest.mark.parametrize("query", [{}, {"enterprise_customer": "no-uuid"}, {"enterprise_customer": NOBODY}])
def test_the_list_is_empty_whatever_the_customer(as_user: Callable[..., Any], query: dict[str, str]) -> None:
    assert as_user(UserFactory()).get(LISTS[0], query).json() == []
    assert as_user(UserFactory()).post(LISTS[0], {}).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        *(f"{channel}/configuration/{number}" for channel in CHANNELS for number in ("", "7/")),
        "blackboard/global-configuration/",
        f"logs/content_sync_status/{NOBODY}/moodle/7",
        f"logs/learner_sync_status/{NOBODY}/canvas/7",
    ],
)
def test_whatever_belongs_to_one_channel_is_404_in_json(client: Any, as_user: Callable[..., Any], path: str) -> None:
    address = f"/channel_integrations/api/v1/{path}"
    for method in ("get", "post", "put", "patch", "delete"):
        answer = getattr(as_user(UserFactory(staff=True)), method)(address)
        assert (answer.status_code, answer.json()) == (404, {"detail": "This service has no integration channels."})
    assert client.get(address).json() == ANONYMOUS


def test_other_addresses_there_are_404_in_json() -> None:
    answer = Client().get("/channel_integrations/api/v1/nothing/here/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
