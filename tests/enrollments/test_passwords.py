"""New passwords by mail, and the pages behind the link (contract: support 4.3, POST /account/password)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from enrollments.emails import password_reset
from enrollments.models import LoginFailure, OutboxMessage, User
from enrollments.services import passwords, retirement
from tests.factories import PASSWORD, OAuthApplicationFactory, UserFactory

pytestmark = pytest.mark.django_db

PATH = "/account/password"
NEW = "correct horse battery 7"
SENT = {"success": True}


@pytest.fixture
def staff() -> User:
    return UserFactory(username="boss", email="boss@campus.example", staff=True)


@pytest.fixture
def maria() -> User:
    return UserFactory(username="maria", email="Maria@learners.example")


@pytest.fixture
def delivered(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """`delivered(client, email)` asks for the mail and delivers it; gives the answer."""

    def ask(client: Any, email: str | None = None) -> Any:
        form = {} if email is None else {"email_from_support_tools": email}
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(PATH, urlencode(form), content_type="application/x-www-form-urlencoded")

    return ask


def link_of(message: Any) -> str:
    """The path of the link in a mail."""
    found = re.search(r"http://127\.0\.0\.1:8000(/password_reset_confirm/\S+)", message.body)
    assert found
    return found[1]


# --- Asking for the mail ---


def test_staff_have_a_mail_sent_to_a_learner(
    as_user: Callable[..., Any], delivered: Any, staff: User, maria: User
) -> None:
    answer = delivered(as_user(staff), "maria@learners.example")
    assert (answer.status_code, answer.json()) == (200, SENT)
    (message,) = mail.outbox
    assert message.to == ["Maria@learners.example"]
    assert "maria" in message.body
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    assert link_of(message) in html


def test_superusers_may_as_well_and_others_get_their_own(
    as_user: Callable[..., Any], delivered: Any, maria: User
) -> None:
    delivered(as_user(UserFactory(superuser=True)), maria.email)
    delivered(as_user(UserFactory(username="jose", email="jose@learners.example")), maria.email)
    assert [message.to for message in mail.outbox] == [["Maria@learners.example"], ["jose@learners.example"]]


def test_without_an_address_it_is_the_callers_own(as_user: Callable[..., Any], delivered: Any, staff: User) -> None:
    assert delivered(as_user(staff)).status_code == 200
    assert mail.outbox[0].to == ["boss@campus.example"]


def test_the_link_is_stored_nowhere(as_user: Callable[..., Any], delivered: Any, staff: User, maria: User) -> None:
    delivered(as_user(staff), maria.email)
    assert OutboxMessage.objects.get().context == {"user_id": maria.pk}


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("nobody@learners.example", "nobody@learners.example"),
        ("", "No e-mail"),
        ("  ", "No e-mail"),
        ("x" * 10_000, "No account"),
    ],
)
def test_a_mail_that_cannot_be_sent_is_refused_with_a_sentence(
    as_user: Callable[..., Any], delivered: Any, staff: User, email: str, words: str
) -> None:
    answer = delivered(as_user(staff), email)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not answer.content.startswith((b"{", b"<"))
    assert not mail.outbox


@pytest.mark.parametrize("value", [5, ["a@b.example"], {"a": 1}, True])
def test_an_address_of_another_type_is_refused(as_user: Callable[..., Any], staff: User, value: Any) -> None:
    answer = as_user(staff).post(PATH, {"email_from_support_tools": value}, format="json")
    assert answer.status_code == 400
    assert b"text" in answer.content


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_a_body_that_is_no_form_sends_nothing(as_user: Callable[..., Any], staff: User, body: Any) -> None:
    answer = as_user(staff).generic("POST", PATH, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert not answer.content.startswith(b"{")
    assert not OutboxMessage.objects.exists()


def test_disabled_and_retiring_accounts_get_no_mail(
    as_user: Callable[..., Any], delivered: Any, staff: User, maria: User
) -> None:
    maria.set_unusable_password()
    maria.save()
    answer = delivered(as_user(staff), maria.email)
    assert answer.status_code == 400
    assert b"disabled" in answer.content
    gone = UserFactory(email="gone@learners.example")
    retirement.begin(gone)
    assert delivered(as_user(staff), "gone@learners.example").status_code == 400
    assert not mail.outbox


def test_too_many_mails_to_one_address_are_refused_with_a_403_in_plain_words(
    as_user: Callable[..., Any], delivered: Any, staff: User, maria: User, settings: Any
) -> None:
    settings.PASSWORD_RESET_RATE = "2/hour"
    other = UserFactory(email="other@learners.example")
    assert [delivered(as_user(staff), maria.email).status_code for _ in range(3)] == [200, 200, 403]
    refused = delivered(as_user(maria))
    assert refused.status_code == 403
    assert (
        refused.content
        == b"Links for a new password were sent to this address already. Please wait a while before sending another."
    )
    assert delivered(as_user(staff), other.email).status_code == 200
    assert len(mail.outbox) == 3


def test_callers_without_a_sign_in_or_csrf_token_are_refused(client: Any, staff: User, maria: User) -> None:
    anonymous = client.post(PATH, {"email_from_support_tools": maria.email})
    assert anonymous.status_code == 401
    assert anonymous.json() == {"detail": "Authentication credentials were not provided."}
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(staff)
    assert browser.post(PATH, {"email_from_support_tools": maria.email}).status_code == 403
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    answer = browser.post(PATH, {"email_from_support_tools": maria.email}, headers={"X-CSRFToken": token})
    assert answer.status_code == 200
    assert browser.get(PATH).status_code == 405


def test_a_mail_whose_account_changed_in_the_meantime_is_not_sent(maria: User) -> None:
    passwords.send_reset_link(maria)
    message = OutboxMessage.objects.get()
    User.objects.filter(pk=maria.pk).update(email="new@learners.example")
    assert isinstance(password_reset.render([message])[message.pk], str)
    User.objects.filter(pk=maria.pk).update(email=message.recipient, password="!")
    assert isinstance(password_reset.render([message])[message.pk], str)
    User.objects.filter(pk=maria.pk).delete()
    assert isinstance(password_reset.render([message])[message.pk], str)


def test_a_batch_of_mails_costs_one_statement(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        passwords.send_reset_link(UserFactory())
    messages = list(OutboxMessage.objects.all())
    with django_assert_num_queries(1):
        assert len(password_reset.render(messages)) == 3


# --- Choosing the password ---


@pytest.fixture
def link(as_user: Callable[..., Any], delivered: Any, maria: User) -> str:
    delivered(as_user(maria))
    return link_of(mail.outbox.pop())


def chosen(browser: Any, link: str, first: str = NEW, second: str = NEW) -> Any:
    """Opens the link and sends the form."""
    page = browser.get(link, follow=True)
    return browser.post(page.redirect_chain[-1][0], {"new_password1": first, "new_password2": second}, follow=True)


def test_the_link_leads_to_a_form_and_the_new_password_signs_in(link: str, maria: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(link, follow=True)
    assert page.status_code == 200
    assert b"Choose a new password" in page.content
    assert b"maria" in page.content
    token = page.context["csrf_token"]
    address = page.redirect_chain[-1][0]
    assert link not in address
    done = browser.post(
        address, {"new_password1": NEW, "new_password2": NEW, "csrfmiddlewaretoken": str(token)}, follow=True
    )
    assert b"Your password is changed" in done.content
    form = {"email_or_username": "maria", "password": NEW, "csrfmiddlewaretoken": str(token)}
    assert Client().post("/login", form).status_code == 302
    assert Client().post("/login", {**form, "password": PASSWORD}).status_code == 200


def test_sessions_tokens_and_failed_sign_ins_end_with_the_old_password(
    link: str, maria: User, by_session: Callable[..., Any]
) -> None:
    elsewhere = by_session(maria)
    AccessToken.objects.create(
        user=maria,
        application=OAuthApplicationFactory(),
        token="token",
        expires=timezone.now() + timedelta(hours=1),
        scope="read",
    )
    LoginFailure.objects.create(user=maria, failure_count=6, locked_until=timezone.now() + timedelta(hours=1))
    link_again = link_of_now(maria)
    assert b"is changed" in chosen(Client(), link_again).content
    assert elsewhere.get("/api/user/v1/me").status_code == 401
    assert not AccessToken.objects.exists()
    assert Client().post("/login", {"email_or_username": "maria", "password": NEW}).status_code == 302


def link_of_now(account: User) -> str:
    """A link as a mail sent at this moment has it (signing in makes older ones void)."""
    account.refresh_from_db()
    passwords.send_reset_link(account)
    message = OutboxMessage.objects.latest("pk")
    return link_of(password_reset.render([message])[message.pk])


def test_a_link_works_once(link: str) -> None:
    assert b"is changed" in chosen(Client(), link).content
    again = Client().get(link)
    assert again.status_code == 200
    assert b"This link does not work" in again.content


def test_an_old_link_does_not_work(link: str, settings: Any) -> None:
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert b"This link does not work" in Client().get(link).content


def test_a_link_of_an_account_that_was_disabled_since_does_not_work(link: str, maria: User) -> None:
    browser = Client()
    address = browser.get(link, follow=True).redirect_chain[-1][0]
    retirement.begin(maria)
    form = {"new_password1": NEW, "new_password2": NEW}
    assert b"This link does not work" in browser.post(address, form).content
    maria.refresh_from_db()
    assert not maria.has_usable_password()


def test_a_password_that_changes_between_check_and_save_wins(link: str, maria: User, monkeypatch: Any) -> None:
    def overtaken(account: User, password: str) -> None:
        raise passwords.LinkOutdated

    monkeypatch.setattr(passwords, "choose", overtaken)
    assert b"This link does not work" in chosen(Client(), link).content
    maria.refresh_from_db()
    assert maria.check_password(PASSWORD)


def test_choosing_checks_the_password_that_the_link_was_made_for(maria: User) -> None:
    as_read = User.objects.get(pk=maria.pk)
    retirement.begin(maria)
    with pytest.raises(passwords.LinkOutdated):
        passwords.choose(as_read, NEW)


@pytest.mark.parametrize(
    ("first", "second"),
    [("short", "short"), ("12345678901", "12345678901"), (NEW, "other"), ("", ""), ("a\0" + NEW, "a\0" + NEW)],
)
def test_a_bad_password_is_refused_on_the_page(link: str, maria: User, first: str, second: str) -> None:
    page = chosen(Client(), link, first, second)
    assert page.status_code == 200
    assert b'role="alert"' in page.content
    maria.refresh_from_db()
    assert maria.check_password(PASSWORD)


@pytest.mark.parametrize(
    "path", ["MQ/x-y", "!!/x", "x" * 500 + "/y", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5/x-y", "AA/set-password"]
)
def test_a_link_that_is_not_complete_does_not_work(path: str) -> None:
    page = Client().get(f"/password_reset_confirm/{path}/")
    assert page.status_code == 200
    assert b"This link does not work" in page.content
