"""Every route of the service, called by everybody (the table: authorization.txt)."""

from __future__ import annotations

import json
import re
from itertools import chain
from uuid import UUID

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from tests.security import authorization
from tests.security.authorization import Line, filled
from tests.security.scene import TENANT_OF, TENANTS, build

SECTIONS = authorization.sections()
# Bodies that name a customer to others on purpose, and why.
SHOWN = {
    "GET /api/user/v1/accounts/<learner>": "the name that the caller asked for",
    "GET /enterprise/api/v1/enterprise-customer-invite-key/<invite_key>/": "who holds the key may see whose it is",
    "POST /enterprise/api/v1/enterprise-customer-invite-key/<invite_key>/link-user/": "the caller becomes its learner",
}


def test_every_method_of_every_view_of_the_service_stands_in_the_table() -> None:
    called = set()
    for line in chain(*SECTIONS.values()):
        path = filled(line.path, {"run": "course-v1:Acme+C1+T1", "course": "Acme+C1", "job": str(UUID(int=1))})
        called.add((line.method, authorization.view_of(re.sub(r"<\w+>", "1", path))))

    missing = sorted(
        f"{method} {route}" for method, route, view in authorization.served() if (method, view) not in called
    )

    assert missing == []


@pytest.mark.django_db
@pytest.mark.parametrize("section", SECTIONS)
def test_each_caller_hears_what_the_table_says_and_nothing_of_another_customer(section: str) -> None:
    scene = build()
    clients = scene.clients(by_session="by session" in section)
    wrong, told = [], []

    for line in SECTIONS[section]:
        for caller, status in line.expected().items():
            heard, text = _answer(clients[caller], scene.places, line)
            if heard != status:
                wrong.append(f"{line}: {heard} instead of {status} for {caller}")
            if str(line) not in SHOWN:
                told += [
                    f"{line}: {tenant} to {caller}"
                    for tenant in TENANTS
                    if _hidden(tenant, caller) and tenant.lower() in text
                ]

    assert wrong == []
    assert told == []


def _answer(client: APIClient, places: dict[str, str], line: Line) -> tuple[int, str]:
    """Status and body, in lower case, of what a caller hears; what the call wrote is undone."""
    path, body = filled(line.path, places), json.loads(filled(line.body, places) or "{}")
    with transaction.atomic():
        call = getattr(client, line.method.lower())
        response = call(path) if line.method == "GET" else call(path, body, format="json")
        text = response.getvalue().decode(errors="replace").lower()
        transaction.set_rollback(True)
    return response.status_code, text


def _hidden(tenant: str, caller: str) -> bool:
    return TENANT_OF.get(caller, tenant) != tenant
