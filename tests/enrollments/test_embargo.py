"""Runs that learners from some countries may not take (contract: enrollment-api, Embargo)."""

from __future__ import annotations

import pytest

from enrollments.models import CountryAccessRule, RestrictedCourse
from tests.enrollments.calls import ask, stored
from tests.enrollments.mmdb import country_database
from tests.factories import CourseAccessRoleFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db
PAGE = "/embargo/blocked-message/enrollment/default/"


@pytest.fixture(autouse=True)
def embargo_on(settings):
    settings.EMBARGO = True


@pytest.fixture
def run():
    return CourseRunFactory()


@pytest.fixture
def learner():
    return UserFactory(username="ana", profile__country="IR")


@pytest.fixture
def addresses(settings, tmp_path):
    """10.1.x.x is in Iran, 10.2.x.x in France, 10.3.x.x in no country that exists; the others are unknown."""
    path = tmp_path / "countries.mmdb"
    path.write_bytes(country_database({"10.1.0.0/16": "IR", "10.2.0.0/16": "FR", "10.3.0.0/16": "A1"}))
    settings.GEOIP_COUNTRY_DATABASE = str(path)


def restrict(run, *, message="default", **countries):
    restricted = RestrictedCourse.objects.create(course_id=run.id, enroll_msg_key=message)
    for country, kind in countries.items():
        CountryAccessRule.objects.create(restricted_course=restricted, country=country, rule_type=kind)


def test_a_learner_of_a_blacklisted_country_is_refused_and_sent_to_a_page(as_user, learner, run):
    restrict(run, IR="blacklist")
    answer = ask(as_user(learner), run, is_active="nonsense")
    assert answer.status_code == 403
    assert answer.json() == {
        "message": f"Users from this location cannot access the course '{run.id}'.",
        "user_message_url": f"http://testserver{PAGE}",
    }
    assert stored(learner, run) is None


def test_the_page_says_so_to_anybody(client):
    answer = client.get(PAGE)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    assert "not available where you are" in answer.content.decode()
    assert client.post(PAGE).status_code == 405


def test_the_page_is_that_of_the_runs_message(as_user, client, learner, run):
    restrict(run, message="sanctions <1>", IR="blacklist")
    address = ask(as_user(learner), run).json()["user_message_url"]
    answer = client.get(address)
    assert answer.status_code == 200
    assert "<1>" not in answer.content.decode()


@pytest.mark.parametrize(
    ("country", "rules", "may"),
    [
        ("IR", {"IR": "blacklist"}, False),
        ("FR", {"IR": "blacklist"}, True),
        ("FR", {"FR": "whitelist", "DE": "whitelist"}, True),
        ("IR", {"FR": "whitelist"}, False),
        ("FR", {"FR": "whitelist", "IR": "blacklist"}, True),
        ("IR", {}, True),
        ("", {"FR": "whitelist"}, True),
        (None, {"FR": "whitelist"}, True),
    ],
)
def test_the_whitelist_counts_if_there_is_one_and_then_the_blacklist(as_user, run, country, rules, may):
    restrict(run, **rules)
    learner = UserFactory(profile__country=country)
    assert ask(as_user(learner), run).status_code == (200 if may else 403)


def test_an_account_without_a_profile_passes(as_user, run):
    restrict(run, FR="whitelist")
    assert ask(as_user(UserFactory(profile=None)), run).status_code == 200


@pytest.mark.parametrize(
    ("address", "may"), [("10.1.2.3", False), ("10.2.2.3", True), ("10.3.0.1", True), ("::1", True)]
)
def test_the_country_of_the_address_counts(as_user, run, addresses, address, may):
    restrict(run, IR="blacklist")
    client = as_user(UserFactory(profile__country="FR"))
    client.defaults["REMOTE_ADDR"] = address
    assert ask(client, run).status_code == (200 if may else 403)


@pytest.mark.parametrize("address", ["192.0.2.1", "", "unix socket"])
def test_an_address_of_no_known_country_passes(as_user, run, addresses, address):
    restrict(run, FR="whitelist")
    client = as_user(UserFactory(profile__country="FR"))
    client.defaults["REMOTE_ADDR"] = address
    assert ask(client, run).status_code == 200


@pytest.mark.parametrize("content", [None, b"no database"])
def test_a_database_that_cannot_be_read_is_logged_and_tells_no_country(
    as_user, run, settings, tmp_path, caplog, content
):
    path = tmp_path / "countries.mmdb"
    if content is not None:
        path.write_bytes(content)
    settings.GEOIP_COUNTRY_DATABASE = str(path)
    restrict(run, FR="whitelist")
    assert ask(as_user(UserFactory(profile__country="FR")), run).status_code == 200
    assert f"the country database {path} cannot be read" in caplog.text


def test_the_profile_counts_even_where_the_address_is_fine(as_user, learner, run, addresses):
    restrict(run, IR="blacklist")
    client = as_user(learner)
    client.defaults["REMOTE_ADDR"] = "10.2.2.3"
    assert ask(client, run).status_code == 403


def test_the_learner_counts_not_the_caller(as_user, learner, run):
    restrict(run, IR="blacklist")
    caller = UserFactory(staff=True, profile__country="FR")
    assert ask(as_user(caller), run, user="ana").status_code == 403
    caller.profile.country = "IR"
    caller.profile.save()
    other = UserFactory(profile__country="FR")
    assert ask(as_user(caller), run, user=other.username).status_code == 200


@pytest.mark.parametrize(("org", "on_run", "role"), [("Acme", True, "instructor"), ("Acme", False, "staff")])
def test_staff_of_the_run_are_exempt(as_user, learner, run, org, on_run, role):
    restrict(run, IR="blacklist")
    CourseAccessRoleFactory(user=learner, org=org, course_id=run.id if on_run else "", role=role)
    assert ask(as_user(learner), run).status_code == 200


def test_it_comes_after_the_learner_is_known_and_before_the_run(as_user, by_api_key, learner):
    unknown = "course-v1:No+Such+Run"
    RestrictedCourse.objects.create(course_id=unknown).country_rules.create(country="IR")
    assert ask(by_api_key, unknown, user="nobody-here").status_code == 406
    assert ask(by_api_key, unknown, user="ana", is_active="nonsense").status_code == 403


def test_other_runs_and_a_switched_off_embargo_are_free(as_user, learner, run, settings):
    restrict(run, IR="blacklist")
    assert ask(as_user(learner), CourseRunFactory()).status_code == 200
    settings.EMBARGO = False
    assert ask(as_user(learner), run).status_code == 200
