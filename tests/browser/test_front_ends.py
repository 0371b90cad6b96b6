"""What front ends need, in a real browser: calls from another origin, and the pages that they lead people to.

Contract: clients 0, 2 and 3.1; support 4.3, POST /account/password.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest

from enrollments.emails import password_reset
from enrollments.models import OutboxMessage
from enrollments.services import passwords
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from tests.browser.conftest import Browsing
from tests.browser.test_login_page import Drive
from tests.factories import PASSWORD, EnterpriseCustomerFactory, LearnerFactory, UserFactory, customer_admin

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = "correct horse 7"
REFRESH = """
async service => {
  const answer = await fetch(service + '/login_refresh', {method: 'POST', credentials: 'include'});
  return [answer.status, await answer.text()];
}
"""
# The HTTP library of the front ends in short: cookies, their header, and a CSRF token before the first write.
LIBRARY = """
async ([service, calls]) => {
  const answers = [];
  const call = async (method, path, options = {}) => {
    const answer = await fetch(service + path, {method, credentials: 'include', ...options});
    const text = await answer.text();
    answers.push([answer.status, text]);
    return text;
  };
  await call('POST', '/login_refresh');
  const readable = document.cookie.includes('edx-jwt-cookie-header-payload=');
  const own = {'USE-JWT-COOKIE': 'true'};
  const token = JSON.parse(await call('GET', '/csrf/api/v1/token', {headers: own})).csrfToken;
  for (const [method, path, json, form] of calls) {
    const headers = method === 'GET' ? {...own} : {...own, 'X-CSRFToken': token};
    let body;
    if (json) { headers['Content-Type'] = 'application/json'; body = JSON.stringify(json); }
    if (form) { body = new FormData(); for (const name in form) body.append(name, form[name]); }
    await call(method, path, {headers, body});
  }
  return [readable, answers];
}
"""


class AppPage(BaseHTTPRequestHandler):
    """The front end's own server: one empty page, whatever is asked."""

    def do_GET(self) -> None:
        body = b"<!DOCTYPE html><title>App</title><link rel=icon href='data:,'>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def app(settings: Any) -> Iterator[str]:
    """The origin of a front end that the service knows: same host, another port."""
    server = ThreadingHTTPServer(("localhost", 0), AppPage)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    host = f"localhost:{server.server_port}"
    settings.CORS_ORIGIN_WHITELIST = settings.CSRF_TRUSTED_ORIGINS = [f"http://{host}"]
    settings.LOGIN_REDIRECT_WHITELIST = [host]
    yield f"http://{host}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme")


def sign_in(page: Any) -> None:
    page.get_by_label("User name or e-mail").fill("ida")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_an_app_on_another_origin_signs_in_reads_and_writes(
    drive: Drive, browsing: Browsing, app: str, acme: EnterpriseCustomer
) -> None:
    customer_admin(acme, username="ida")
    api = "/enterprise/api/v1"
    calls = [
        ["GET", "/api/user/v1/accounts/ida", None, None],
        ["GET", f"{api}/enterprise-customer/dashboard_list/?enterprise_slug=acme", None, None],
        ["POST", "/enterprise/select/active/", None, {"enterprise": str(acme.uuid)}],
        ["POST", f"{api}/enterprise_group/", {"name": "A", "enterprise_customer": str(acme.uuid), "members": []}, None],
        [
            "PATCH",
            f"{api}/enterprise-customer-branding/update-branding/{acme.uuid}/",
            None,
            {"primary_color": "#123456"},
        ],
        ["PUT", f"{api}/enterprise_customer_reporting/00000000-0000-4000-8000-000000000000/", {}, None],
        ["DELETE", f"{api}/enterprise_group/00000000-0000-4000-8000-000000000000/", None, None],
        ["GET", f"{api}/nothing", None, None],
        ["GET", "/nothing", None, None],
        ["DELETE", f"{api}/read_notification", None, None],
    ]

    def work(page: Any) -> Any:
        page.goto(f"{app}/acme/admin")
        first = page.evaluate(REFRESH, browsing.origin)
        page.goto(f"/enterprise/proxy-login/?enterprise_slug=acme&next={quote(f'{app}/acme/admin', safe='')}")
        sign_in(page)
        page.wait_for_url(f"{app}/acme/admin")
        return first, page.evaluate(LIBRARY, [browsing.origin, calls])

    first, (readable, answers) = drive(work)
    assert first == [401, '"Unauthorized"']
    assert readable
    assert [status for status, _ in answers] == [200, 200, 200, 200, 200, 201, 204, 404, 404, 404, 404, 405]
    assert all(not text.startswith("<") for _, text in answers)


@pytest.mark.parametrize("scripts", [True, False])
def test_people_choose_their_organisation_on_a_page(
    drive: Drive, browsing: Browsing, app: str, acme: EnterpriseCustomer, scripts: bool
) -> None:
    ida = UserFactory(username="ida")
    LearnerFactory(enterprise_customer=EnterpriseCustomerFactory(name="Bolt"), user=ida)
    LearnerFactory(enterprise_customer=acme, user=ida, active=False)

    def work(page: Any) -> bool:
        page.goto(f"/enterprise/select/active/?success_url={quote(f'{app}/acme', safe='')}")
        sign_in(page)
        checked = page.get_by_label("Bolt").is_checked()
        page.get_by_label("Acme").check()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{app}/acme")
        return bool(checked)

    assert drive(work, java_script_enabled=scripts)
    (active,) = EnterpriseCustomerUser.objects.filter(user_id=ida.pk, active=True)
    assert active.enterprise_customer_id == acme.pk
    assert browsing.errors == []


def test_people_choose_a_new_password_by_the_link_of_a_mail(
    drive: Callable[..., Any], browsing: Browsing, live_server: Any, settings: Any
) -> None:
    settings.LMS_ROOT_URL = live_server.url
    ida = UserFactory(username="ida")
    passwords.send_reset_link(ida)
    (message,) = OutboxMessage.objects.all()
    letter: Any = password_reset.render([message])[message.pk]
    (link,) = [word for word in letter.body.split() if "password_reset_confirm" in word]

    def work(page: Any) -> tuple[str, str]:
        page.goto(link)
        page.get_by_label("New password").fill("12345678")
        page.get_by_label("The same again").fill("12345678")
        page.get_by_role("button", name="Save the password").click()
        refusal = page.get_by_role("alert").inner_text()
        page.get_by_label("New password").fill(NEW)
        page.get_by_label("The same again").fill(NEW)
        page.get_by_role("button", name="Save the password").click()
        done = page.get_by_role("status").inner_text()
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("User name or e-mail").fill("ida")
        page.get_by_label("Password").fill(NEW)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{browsing.origin}/")
        return refusal, done

    refusal, done = drive(work)
    assert "too common" in refusal
    assert "sign in with the new one" in done
    browsing.assert_clean()
