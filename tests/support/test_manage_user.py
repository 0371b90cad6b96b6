"""manage_user/{username_or_email}: the state of an account, disabling and enabling it (contract: support)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from enrollments.models import OAuthApplication, User
from support.models import PasswordToggleHistory
from tests.factories import PASSWORD, OAuthApplicationFactory, PasswordToggleFactory, UserFactory
from tests.parallel import at_once, concurrent_writers
from tests.support.agents import agent, signed_in

pytestmark = pytest.mark.django_db
DISABLED = {"success_msg": "User Disabled Successfully", "status": "Unusable"}
ENABLED = {"success_msg": "User Enabled Successfully", "status": "Usable"}


def url(person: str) -> str:
    return f"/support/manage_user/{person}"


@pytest.fixture
def mira():
    joined = datetime(2023, 11, 5, 12, 0, 0, 250000, tzinfo=UTC)
    return UserFactory(username="mira", email="mira@oak.example", date_joined=joined)


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(client, mira, method):
    answer = getattr(client, method)(url("mira"))
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=/support/manage_user/mira")
    assert User.objects.get(pk=mira.pk).has_usable_password()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("fields", [{}, {"superuser": True}], ids=["learner", "superuser"])
def test_whoever_is_no_agent_is_refused_without_a_word(as_user, mira, method, fields):
    answer = getattr(as_user(UserFactory(**fields)), method)(url("mira"), {"comment": ["no text"]}, format="json")
    assert (answer.status_code, answer.content) == (403, b"")
    assert not PasswordToggleHistory.objects.exists()


def test_global_staff_and_agents_with_a_session_or_a_jwt_may(as_user, sue, mira):
    for client in (as_user(UserFactory(staff=True)), as_user(sue), signed_in(sue)):
        assert client.get(url("mira")).json()["username"] == "mira"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_not_allowed(desk, mira, method):
    assert getattr(desk, method)(url("mira")).status_code == 405


def test_a_session_needs_a_csrf_token_to_change_something(sue, mira):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(sue)
    assert browser.post(url("mira"), {}, content_type="application/json").status_code == 403
    assert User.objects.get(pk=mira.pk).has_usable_password()


# --- GET --------------------------------------------------------------------------------------------------------------


def test_an_account_is_shown_with_what_was_done_to_it_newest_first(desk, sue, mira):
    moments = [datetime(2024, 1, 2, 3, 4, 5, 600000, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC)]
    PasswordToggleFactory(user=mira, created=moments[0], comment="chargeback", created_by=sue)
    PasswordToggleFactory(user=mira, created=moments[1], comment=None, disabled=False, created_by=sue)
    PasswordToggleFactory(comment="somebody else's")

    answer = desk.get(url("mira"))

    assert answer.json() == {
        "username": "mira",
        "email": "mira@oak.example",
        "date_joined": "2023-11-05T12:00:00.250000Z",
        "is_active": True,
        "password_toggle_history": [
            {"created": "2024-01-03T00:00:00Z", "comment": None, "disabled": False, "created_by": "sue"},
            {"created": "2024-01-02T03:04:05.600000Z", "comment": "chargeback", "disabled": True, "created_by": "sue"},
        ],
        "status": "Usable",
    }
    assert answer["Content-Type"].startswith("application/json")
    assert answer.content.startswith(b'{\n  "username": "mira"')


def test_the_status_is_that_of_the_password_and_not_of_the_account(desk):
    UserFactory(username="off", is_active=False)
    account = UserFactory(username="on")
    account.set_unusable_password()
    account.save()
    assert (desk.get(url("off")).json()["status"], desk.get(url("off")).json()["is_active"]) == ("Usable", False)
    assert (desk.get(url("on")).json()["status"], desk.get(url("on")).json()["is_active"]) == ("Unusable", True)


def test_an_account_is_found_by_its_address_too(desk, mira):
    assert desk.get(url("mira@oak.example")).json()["username"] == "mira"
    assert desk.get(url("MIRA")).json() == []


def test_a_user_name_wins_over_the_address_of_another(desk):
    UserFactory(username="other", email="mira@oak.example")
    UserFactory(username="mira@oak.example", email="x@oak.example")
    assert desk.get(url("mira@oak.example")).json()["email"] == "x@oak.example"


def test_an_unknown_person_is_an_empty_list(desk):
    answer = desk.get(url("ghost"))
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("path", ["mira/", "mi ra", "mi'ra", "mi!ra", "mi%25ra", "mira/x", "mira%0A"])
def test_no_other_path_leads_to_a_person(desk, mira, path):
    assert desk.get(url(path)).status_code == 404


def test_names_of_any_script_are_paths(desk):
    UserFactory(username="мира")
    assert desk.get(url("мира")).json()["username"] == "мира"


def test_the_history_of_an_agent_who_is_gone_stays(desk, mira):
    toggle = PasswordToggleFactory(user=mira)
    toggle.created_by.delete()
    assert desk.get(url("mira")).json()["password_toggle_history"][0]["created_by"] is None


def test_a_long_history_costs_no_more_statements(desk, sue, mira, django_assert_num_queries):
    PasswordToggleFactory.create_batch(30, user=mira)
    with django_assert_num_queries(4):  # the caller, their role, the person, the history
        assert len(desk.get(url("mira")).json()["password_toggle_history"]) == 30


# --- POST -------------------------------------------------------------------------------------------------------------


def grants(account):
    """An application of the account, and a token, a refresh token, a code and an id token that speak for it."""
    ours = OAuthApplicationFactory(user=account)
    theirs = OAuthApplicationFactory(user=None)
    tomorrow = timezone.now() + timedelta(days=1)
    token = AccessToken.objects.create(user=account, application=theirs, token=f"t-{account.pk}", expires=tomorrow)
    RefreshToken.objects.create(user=account, application=theirs, token=f"r-{account.pk}", access_token=token)
    Grant.objects.create(
        user=account, application=theirs, code=f"c-{account.pk}", expires=tomorrow, redirect_uri="https://a.example/"
    )
    IDToken.objects.create(user=account, application=theirs, expires=tomorrow)
    return ours, theirs


def test_a_usable_password_is_taken_away(desk, sue, mira, mailoutbox):
    answer = desk.post(url("mira"), {"comment": "chargeback"}, format="json")

    assert (answer.status_code, answer.json()) == (200, DISABLED)
    account = User.objects.get(pk=mira.pk)
    assert not account.has_usable_password()
    assert account.is_active
    toggle = PasswordToggleHistory.objects.get()
    assert (toggle.user, toggle.comment, toggle.disabled, toggle.created_by) == (mira, "chargeback", True, sue)
    assert mailoutbox == []


def test_tokens_and_applications_of_a_disabled_account_go_and_those_of_others_stay(desk, mira):
    ours, theirs = grants(mira)
    others = grants(UserFactory())
    bearer = Client(headers={"Authorization": f"Bearer t-{mira.pk}"})
    assert bearer.get("/api/user/v1/me").status_code == 200

    desk.post(url("mira"))

    for model in (AccessToken, RefreshToken, Grant, IDToken):
        assert not model.objects.filter(user=mira).exists()
        assert model.objects.count() == 1
    assert not OAuthApplication.objects.filter(pk=ours.pk).exists()
    assert OAuthApplication.objects.filter(pk__in=[each.pk for each in (theirs, *others)]).count() == 3
    assert bearer.get("/api/user/v1/me").status_code == 401


def test_all_sessions_end_whichever_way_the_password_changes(desk, mira):
    for _ in range(2):
        browser = signed_in(User.objects.get(pk=mira.pk))
        assert browser.get("/api/user/v1/me").status_code == 200
        desk.post(url("mira"))
        assert browser.get("/api/user/v1/me").status_code == 401


def test_tokens_that_are_signed_live_until_they_expire(desk, as_user, mira):
    client = as_user(mira)
    desk.post(url("mira"))
    assert client.get("/api/user/v1/me").json() == {"username": "mira"}


def test_an_account_is_enabled_with_a_password_that_nobody_knows(desk, mira):
    desk.post(url("mira"), {"comment": "first"}, format="json")
    grants(mira)
    disabled = User.objects.get(pk=mira.pk).password

    answer = desk.post(url("mira"), {"comment": "second"}, format="json")

    assert (answer.status_code, answer.json()) == (200, ENABLED)
    account = User.objects.get(pk=mira.pk)
    assert account.has_usable_password()
    assert account.password != disabled
    assert not account.check_password(PASSWORD)
    history = desk.get(url("mira")).json()["password_toggle_history"]
    assert [(each["comment"], each["disabled"]) for each in history] == [("second", False), ("first", True)]
    # Tokens are deleted when an account is disabled, and only then.
    assert AccessToken.objects.filter(user=mira).exists()
    assert OAuthApplication.objects.filter(user=mira).exists()


def test_signing_in_fails_until_the_password_is_reset(desk, mira):
    for _ in range(2):
        desk.post(url("mira"))
        form = {"email": "mira@oak.example", "password": PASSWORD}
        assert Client().post("/login_ajax", form).status_code in (400, 403)


def test_what_was_done_is_told_to_the_analysts(desk, mira, django_capture_on_commit_callbacks, caplog):
    for expected in ("true", "false"):
        caplog.clear()
        with django_capture_on_commit_callbacks(execute=True):
            desk.post(url("mira"))
        (line,) = [record.msg for record in caplog.records if record.name == "matricula.tracking"]
        assert (line["event"], line["user_id"], line["is_disabled"]) == ("identify", mira.pk, expected)


@pytest.mark.parametrize(
    ("body", "stored"),
    [({}, None), ({"comment": None}, None), ({"comment": ""}, ""), ({"comment": " as is "}, " as is ")],
)
def test_a_comment_is_kept_as_it_is_sent(desk, mira, body, stored):
    assert desk.post(url("mira"), body, format="json").json() == DISABLED
    assert PasswordToggleHistory.objects.get().comment == stored


def test_a_form_is_taken_as_well_and_the_person_comes_from_the_path_alone(desk, mira):
    other = UserFactory(username="other")
    form = {"comment": "by form", "username_or_email": "other"}
    assert desk.post(url("mira@oak.example"), form, format="multipart").json() == DISABLED
    assert PasswordToggleHistory.objects.get().comment == "by form"
    assert User.objects.get(pk=other.pk).has_usable_password()


def test_an_empty_body_disables_too(desk, mira):
    assert desk.post(url("mira")).json() == DISABLED
    assert PasswordToggleHistory.objects.get().comment is None


@pytest.mark.parametrize("comment", ["x" * 256, "x" * 10_000, ["a"], {"a": 1}, True])
def test_a_comment_that_cannot_be_kept_is_refused(desk, mira, comment):
    answer = desk.post(url("mira"), {"comment": comment}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["comment"]
    assert User.objects.get(pk=mira.pk).has_usable_password()
    assert not PasswordToggleHistory.objects.exists()


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"', "{", '{"comment": "\\u0000"}'])
def test_a_body_that_is_no_object_is_refused(desk, mira, body):
    answer = desk.post(url("mira"), body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()
    assert User.objects.get(pk=mira.pk).has_usable_password()


def test_nobody_can_be_disabled_who_is_not_there(desk):
    answer = desk.post(url("ghost"), {"comment": "x"}, format="json")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_agents_at_the_same_time_change_the_account_one_after_the_other(as_user, mira):
    clients = [as_user(agent()) for _ in range(6)]
    answers = []
    assert at_once(*(lambda client=client: answers.append(client.post(url("mira")).json()) for client in clients)) == []
    assert sorted(answer["status"] for answer in answers) == ["Unusable"] * 3 + ["Usable"] * 3
    assert User.objects.get(pk=mira.pk).has_usable_password()
    assert PasswordToggleHistory.objects.count() == 6


# --- The world file ---------------------------------------------------------------------------------------------------


def test_toggles_of_a_world_are_history_alone(load):
    toggles = [
        {"user": "pia", "created": "2024-01-03T03:04:05Z", "disabled": False, "comment": None, "created_by": "gs"},
        {"user": "pia", "created": "2024-01-02T03:04:05Z", "disabled": True, "comment": "chargeback"},
    ]
    users = [
        {"username": "pia", "email": "pia@x.example", "password": "Slow-Heron-1"},
        {"username": "gs", "email": "gs@x.example"},
    ]
    load({"users": users, "password_toggles": toggles})
    assert load({"password_toggles": toggles}) == {"password_toggles": (0, 0, 2)}
    assert User.objects.get(username="pia").check_password("Slow-Heron-1")
    rows = PasswordToggleHistory.objects.values_list("disabled", "comment", "created_by__username")
    assert list(rows) == [(False, None, "gs"), (True, "chargeback", None)]
    assert load({"password_toggles": [{**toggles[1], "comment": "other"}]}) == {"password_toggles": (0, 1, 0)}


def test_a_toggle_of_a_world_has_a_moment_of_its_own(load, refused):
    load({"users": [{"username": "pia", "email": "pia@x.example"}]})
    message = refused({"password_toggles": [{"user": "pia", "created": "-1d"}]})
    assert message.strip().endswith("may not hold a relative time.")


# --- The console ------------------------------------------------------------------------------------------------------


def test_operators_see_toggles_and_cannot_change_them(by_session, mira):
    toggle = PasswordToggleFactory(user=mira, comment="chargeback")
    console = by_session(UserFactory(staff=True, superuser=True))
    listed = console.get("/admin/support/passwordtogglehistory/?q=mira")
    assert listed.status_code == 200
    assert "chargeback" in listed.content.decode()
    assert console.post(f"/admin/support/passwordtogglehistory/{toggle.pk}/delete/", {"post": "yes"}).status_code == 403
