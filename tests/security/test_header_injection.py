"""Line breaks that callers send end in no header: neither of an answer nor of a mail."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.core import mail
from django.test import Client

from enterprise.models import EnterpriseCustomer
from tests.factories import (
    PASSWORD,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCustomerFactory,
    UserFactory,
    customer_admin,
)

pytestmark = pytest.mark.django_db

BREAKS = ["\r\nX-Forged: yes", "\nX-Forged: yes", "\rX-Forged: yes", "\r\n\r\n<b>forged</b>", "\u2028X-Forged: yes"]
broken = pytest.mark.parametrize("tail", BREAKS, ids=repr)


def forged(response: Any) -> list[str]:
    """Headers of an answer that hold a line break, or that a caller made up."""
    lines = [f"{name}: {value}" for name, value in response.items()] + [
        c.OutputString() for c in response.cookies.values()
    ]
    return [line for line in lines if "\n" in line or "\r" in line or line.lower().startswith("x-forged")]


@broken
@pytest.mark.parametrize(
    "path",
    [
        "/login?next=/support/{}",
        "/login?next={}",
        "/logout?redirect_url=/a{}",
        "/enterprise/proxy-login/?enterprise_slug=acme{0}&next=/a{0}",
        "/support/enrollment/{}",
        "/oauth2/authorize?client_id=a{0}&redirect_uri=https://a.example/{0}&response_type=code",
        "/api/mfe_config/v1?mfe=a{}",
        "/enterprise/api/v1/enterprise-customer/?page=2&slug={}",
        "/media/{}",
        "/api/enrollment/v1/enrollments{}",
        "/{}",
    ],
)
def test_a_line_break_in_an_address_makes_no_header(path: str, tail: str) -> None:
    person = Client(raise_request_exception=False)
    person.force_login(UserFactory(staff=True, superuser=True))
    response = person.get(path.format(quote(tail)))
    assert response.status_code < 500
    assert forged(response) == []


@broken
@pytest.mark.parametrize(
    "header", ["X-Request-ID", "Accept", "Accept-Language", "Origin", "Prefer", "Idempotency-Key", "Referer", "Host"]
)
def test_a_line_break_in_a_header_is_not_sent_back(header: str, tail: str, client: Any) -> None:
    response = client.get("/api/mfe_config/v1", headers={header: f"a{tail}"})
    assert response.status_code < 500
    assert forged(response) == []


@broken
def test_signing_in_leads_nowhere_with_a_line_break(tail: str) -> None:
    ana = UserFactory(username="ana")
    form = {"email_or_username": ana.username, "password": PASSWORD, "next": f"/support/{tail}"}
    response = Client(raise_request_exception=False).post("/login", form)
    assert response.status_code < 500
    assert forged(response) == []


@broken
def test_a_customers_texts_break_no_header_of_its_mails(
    tail: str, as_user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    run = CourseRunFactory(display_name=f"Programming{tail}")
    CourseModeFactory(course_id=str(run.pk), mode_slug="audit")
    customer = EnterpriseCustomerFactory(name="Acme")
    EnterpriseCustomer.objects.update(name=f"Acme{tail}", sender_alias=f"Academy{tail}", reply_to=f"a@acme.test{tail}")
    UserFactory(email="ana@learners.example")
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_user(customer_admin(customer)).post(
            f"/enterprise/api/v1/enterprise-customer/{customer.pk}/enroll_learners_in_courses/",
            {
                "notify": True,
                "enrollments_info": [
                    {
                        "email": "ana@learners.example",
                        "course_run_key": str(run.pk),
                        "license_uuid": "5c1c3a52-0000-4000-8000-000000000001",
                    }
                ],
            },
            format="json",
        )
    assert answer.status_code == 201, answer.content
    headers = [name.lower() for message in mail.outbox for name in message.message()]
    assert "x-forged" not in headers
    for message in mail.outbox:
        assert all("\n" not in str(value).replace("\n ", "") for value in message.message().values())
