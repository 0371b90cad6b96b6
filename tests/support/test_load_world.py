"""manage.py load_world: all or nothing, again without changing anything, and quietly (contract: world-format)."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import post_save
from django.utils import timezone

from config.world import SECTION_NAMES
from enrollments.models import CourseEnrollment, CourseOverview, Organization, OutboxMessage, User
from enrollments.signals import accounts_saved, catalogue_changed, enrollments_changed
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from support.management.commands.load_world import sections_of_apps
from tests.factories import CourseEnrollmentAllowedFactory, CourseRunFactory, PendingLearnerFactory, UserFactory
from tests.support.conftest import counts_of

Load = Callable[..., dict[str, tuple[int, int, int]]]
Refused = Callable[..., str]

ROOT = Path(__file__).resolve().parent.parent.parent
OWN_WORLDS = [*sorted((ROOT / "tests" / "worlds").glob("*.json")), ROOT / "demo" / "world.json"]
SHARED_WORLDS = ROOT.parent / "shared" / "contract" / "worlds"


def one_user(**fields: Any) -> dict[str, Any]:
    return {"users": [{"username": "rosa", "email": "rosa@people.example", **fields}]}


def stored_rows() -> dict[str, list[dict[str, Any]]]:
    """All rows of the service's own tables, history included."""
    own = {"enrollments", "enterprise", "saml_admin", "program_enrollments", "oauth2_provider", "sites", "auth"}
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in own]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}


def run(path: Path | str, **options: Any) -> str:
    output = io.StringIO()
    call_command("load_world", str(path), stdout=output, **options)
    return output.getvalue()


# --- Whole worlds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OWN_WORLDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.django_db
def test_loading_the_same_file_twice_changes_no_row_of_any_table(path: Path, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    first = counts_of(run(path))
    assert first.keys() == json.loads(path.read_text()).keys()
    before, files = stored_rows(), sorted(tmp_path.rglob("*"))
    second = counts_of(run(path))
    assert {section: (created, updated) for section, (created, updated, _) in second.items()} == dict.fromkeys(
        first, (0, 0)
    )
    assert stored_rows() == before
    assert sorted(tmp_path.rglob("*")) == files


def test_the_worlds_of_the_tests_and_the_demo_use_every_section_that_is_loaded() -> None:
    used = {section for path in OWN_WORLDS for section in json.loads(path.read_text())}
    assert used == {section.name for section in sections_of_apps()[0]}


def test_the_demo_world_does_not_age_and_uses_addresses_that_nobody_has() -> None:
    text = (ROOT / "demo" / "world.json").read_text()
    assert not re.search(r'"\d{4}-\d\d-\d\d', text)
    assert {address.rsplit(".", 1)[-1] for address in re.findall(r'"[\w.]+@([\w.-]+)"', text)} == {"example"}
    assert {host.rsplit(".", 1)[-1] for host in re.findall(r"https?://([\w.-]+)", text)} == {"example"}
    passwords = {user.get("password") for user in json.loads(text)["users"]}
    assert passwords == {"Matricula-demo-7"}
    assert "`Matricula-demo-7`" in (ROOT / "demo" / "README.md").read_text()


def test_the_sections_of_the_apps_are_those_of_the_format_and_each_has_one_app() -> None:
    names = [section.name for section in sections_of_apps()[0]]
    assert len(names) == len(set(names))
    assert set(names) <= set(SECTION_NAMES)


CONTRACT_WORLDS = (
    "enrollment-api", "enterprise-admins-groups-sso", "enterprise-customers", "enterprise-learners",
    "program-enrollments", "support",
)  # fmt: skip


@pytest.fixture
def contract_world() -> Callable[[str], Path]:
    if not SHARED_WORLDS.is_dir():
        pytest.skip("the contract folder is not beside the checkout")
    return lambda name: SHARED_WORLDS / f"{name}.json"


@pytest.mark.shared
@pytest.mark.django_db
@pytest.mark.parametrize("name", CONTRACT_WORLDS)
def test_the_worlds_of_the_contract_load_as_they_are_and_load_again(
    name: str, contract_world: Callable[[str], Path]
) -> None:
    path = contract_world(name)
    numbers = {section: len(objects) for section, objects in json.loads(path.read_text()).items()}
    assert counts_of(run(path)) == {section: (number, 0, 0) for section, number in numbers.items()}
    before = stored_rows()
    assert counts_of(run(path)) == {section: (0, 0, number) for section, number in numbers.items()}
    assert stored_rows() == before


@pytest.mark.shared
@pytest.mark.django_db
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("left_out", ["enterprise-customers", "enterprise-learners"])
def test_the_worlds_of_the_contract_load_one_after_the_other(
    left_out: str, backwards: bool, contract_world: Callable[[str], Path]
) -> None:
    """Two of them give the same slug to different customers: one of these at a time."""
    for name in sorted(set(CONTRACT_WORLDS) - {left_out}, reverse=backwards):
        path = contract_world(name)
        numbers = {section: len(objects) for section, objects in json.loads(path.read_text()).items()}
        loaded = counts_of(run(path))
        assert {section: sum(counts) for section, counts in loaded.items()} == numbers, name


def test_every_section_of_the_format_is_loaded_by_an_app() -> None:
    assert {section.name for section in sections_of_apps()[0]} == set(SECTION_NAMES)


# --- The command --------------------------------------------------------------------------------------------------


def test_one_line_per_section_is_printed_in_the_order_of_the_format(db: None, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text(json.dumps({**one_user(), "organizations": [{"short_name": "A", "name": "A"}]}))
    assert run(path) == "organizations: 1 created, 0 updated, 0 unchanged\nusers: 1 created, 0 updated, 0 unchanged\n"
    assert run(path, verbosity=0) == ""


def test_a_hyphen_reads_standard_input(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(one_user()).encode())))
    assert run("-") == "users: 1 created, 0 updated, 0 unchanged\n"
    assert User.objects.filter(username="rosa").exists()


def test_a_file_that_is_not_there_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.json cannot be read"):
        run("nowhere.json")


def test_a_broken_file_is_refused_with_exit_code_1(db: None, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text("{")
    with pytest.raises(CommandError, match="this is not JSON") as error:
        run(path)
    assert error.value.returncode == 1


def test_a_check_says_what_would_happen_and_keeps_nothing(load: Load) -> None:
    counts = load(one_user(groups=["gardeners"], name="Rosa"), check=True)
    assert counts == {"users": (1, 0, 0)}
    assert not User.objects.filter(username="rosa").exists()


def test_a_check_refuses_what_a_load_refuses(load: Load) -> None:
    with pytest.raises(CommandError, match=r"users\[0\]\.email"):
        load(one_user(email="nobody"), check=True)


def test_several_files_make_one_world(load: Load) -> None:
    runs = {"course_runs": [{"key": "course-v1:A+B+C"}]}
    enrollments = {"enrollments": [{"user": "rosa", "course_run": "course-v1:A+B+C"}]}
    assert load(enrollments, one_user(), runs) == {
        "users": (1, 0, 0),
        "course_runs": (1, 0, 0),
        "enrollments": (1, 0, 0),
    }
    assert load(enrollments, one_user(), runs)["enrollments"] == (0, 0, 1)


# --- All or nothing -----------------------------------------------------------------------------------------------


def test_nothing_is_kept_when_a_later_section_is_refused(refused: Refused) -> None:
    world = {**one_user(), "enrollments": [{"user": "rosa", "course_run": "course-v1:No+Such+Run"}]}
    assert refused(world) == (
        "enrollments[0].course_run: There is no course run 'course-v1:No+Such+Run', "
        "neither in the file nor in the database."
    )
    assert not User.objects.filter(username="rosa").exists()


def test_an_unknown_section_and_an_unknown_field_are_refused(refused: Refused) -> None:
    assert refused({"folks": []}) == "folks: there is no such section."
    assert refused(one_user(nick="r")) == "users[0].nick: There is no such field."
    message = refused({"course_runs": [{"key": "course-v1:A+B+C", "modes": [{"slug": "audit", "cost": 1}]}]})
    assert message == "course_runs[0].modes[0].cost: There is no such field."


def test_two_rows_that_a_constraint_forbids_are_named_with_index_and_field(refused: Refused) -> None:
    world = one_user()
    world["users"] += [
        {"username": "sami", "email": "sami@people.example"},
        {"username": "r2", "email": "ROSA@people.example"},
    ]
    assert refused(world) == "users[2].email: Another user has this email already."
    assert not User.objects.filter(username="rosa").exists()


def test_an_update_that_a_constraint_forbids_is_named_with_index_and_field(load: Load, refused: Refused) -> None:
    load({"organizations": [{"short_name": "A", "name": "A", "uuid": "0a000000-0000-4000-8000-000000000001"}]})
    load({"organizations": [{"short_name": "B", "name": "B"}]})
    message = refused({"organizations": [{"short_name": "B", "uuid": "0a000000-0000-4000-8000-000000000001"}]})
    assert message == "organizations[0].uuid: Organization with this Uuid already exists."


def test_a_new_row_without_a_field_that_it_needs_is_refused(refused: Refused) -> None:
    assert (
        refused({"organizations": [{"short_name": "A"}]})
        == "organizations[0].name: A new organization needs this field."
    )


def test_a_reference_may_name_a_row_of_the_database(load: Load) -> None:
    UserFactory(username="rosa")
    CourseRunFactory(id="course-v1:A+B+C")
    assert load({"enrollments": [{"user": "rosa", "course_run": "course-v1:A+B+C"}]}) == {"enrollments": (1, 0, 0)}


@pytest.mark.parametrize("value", [None, 5, True, [], {}])
def test_a_reference_that_is_no_text_is_refused(refused: Refused, value: Any) -> None:
    world = {**one_user(), "course_runs": [{"key": "course-v1:A+B+C", "course": "No+Such"}]}
    assert "course_runs[0].course: There is no course 'No+Such'" in refused(world)
    message = refused({**one_user(), "course_roles": [{"user": value, "role": "support"}]})
    assert message.startswith("course_roles[0].user: ")


# --- What a load does to rows that exist --------------------------------------------------------------------------


def test_fields_left_out_keep_their_values_and_given_ones_are_stored(load: Load) -> None:
    load(one_user(first_name="Rosa", is_staff=True))
    assert load(one_user(first_name="Rosalind")) == {"users": (0, 1, 0)}
    rosa = User.objects.get(username="rosa")
    assert (rosa.first_name, rosa.is_staff) == ("Rosalind", True)


def test_an_unchanged_row_gets_no_history_and_no_new_modified(load: Load) -> None:
    world = {"customers": [{"uuid": "01000000-0000-4000-8000-000000000001", "slug": "works", "name": "Works"}]}
    load(world)
    customer = EnterpriseCustomer.objects.get()
    load(world)
    assert EnterpriseCustomer.objects.get().modified == customer.modified
    assert [row.history_type for row in customer.history.all()] == ["+"]
    world["customers"][0]["name"] = "Better Works"
    load(world)
    assert EnterpriseCustomer.objects.get().modified > customer.modified
    assert [(row.history_type, row.name) for row in customer.history.all()] == [("~", "Better Works"), ("+", "Works")]


def test_created_and_modified_are_stored_as_given(load: Load) -> None:
    times = {"created": "2024-01-02T03:04:05Z", "modified": "2024-02-03T04:05:06.000700Z"}
    world = {"organizations": [{"short_name": "A", "name": "A", **times}]}
    load(world)
    created, modified = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2024, 2, 3, 4, 5, 6, 700, tzinfo=UTC)
    organization = Organization.objects.get()
    assert (organization.created, organization.modified) == (created, modified)
    world["organizations"][0] |= {"name": "B", "created": "2023-01-01T00:00:00Z"}
    assert load(world) == {"organizations": (0, 1, 0)}
    organization = Organization.objects.get()
    assert (organization.created.year, organization.modified) == (2023, modified)


def test_a_relative_time_is_left_alone_on_a_row_that_has_one(load: Load) -> None:
    world = {"course_runs": [{"key": "course-v1:A+B+C", "start": "-2d", "end": None}]}
    load(world)
    start = CourseOverview.objects.get().start
    assert start is not None
    assert timedelta(days=2) <= timezone.now() - start < timedelta(days=2, minutes=5)
    world["course_runs"][0] |= {"start": "-9d", "end": "+9d"}
    assert load(world) == {"course_runs": (0, 1, 0)}
    run = CourseOverview.objects.get()
    assert run.start == start
    assert run.end is not None
    assert run.end > timezone.now() + timedelta(days=8)
    world["course_runs"][0]["start"] = "2030-01-01T00:00:00Z"
    load(world)
    assert CourseOverview.objects.get().start == datetime(2030, 1, 1, tzinfo=UTC)


# --- Ids ----------------------------------------------------------------------------------------------------------


def test_ids_are_honoured_and_rows_without_one_come_after_the_highest(load: Load) -> None:
    load({"users": [{"username": "without"}, {"username": "high", "id": 90_210}, {"username": "low", "id": 90_100}]})
    ids = dict(User.objects.values_list("username", "pk"))
    assert (ids["low"], ids["high"]) == (90_100, 90_210)
    assert ids["without"] > 90_210
    assert User.objects.create(username="next").pk > ids["without"]


def test_an_id_that_is_taken_gives_way_and_a_stored_one_never_changes(load: Load) -> None:
    taken = UserFactory()
    load({"users": [{"username": "rosa", "id": taken.pk}]})
    rosa = User.objects.get(username="rosa")
    assert rosa.pk != taken.pk
    assert load({"users": [{"username": "rosa", "id": 90_210}]}) == {"users": (0, 0, 1)}
    assert User.objects.get(username="rosa").pk == rosa.pk


@pytest.mark.parametrize("number", [0, -1, "5", 2**63, 1.5, True])
def test_what_can_be_no_id_is_refused(refused: Refused, number: Any) -> None:
    assert refused(one_user(id=number)).startswith("users[0].id: ")


# --- Quiet --------------------------------------------------------------------------------------------------------


def test_loading_sends_no_mail_emits_no_event_and_makes_nothing_real(
    load: Load, django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    settings.SEND_ENROLLMENT_EMAIL = True
    heard: list[str] = []

    def listen(signal: Any, **kwargs: Any) -> None:
        heard.append("heard")

    for signal in (accounts_saved, enrollments_changed):
        signal.connect(listen)
    run = CourseRunFactory(id="course-v1:A+B+C")
    CourseEnrollmentAllowedFactory(email="rosa@people.example", course_id=run.id, auto_enroll=True)
    PendingLearnerFactory(user_email="rosa@people.example")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            load({**one_user(is_active=False), "enrollments": [{"user": "rosa", "course_run": run.id}]})
            load(one_user(is_active=True, last_login="now", first_name="R"))
    finally:
        for signal in (accounts_saved, enrollments_changed):
            signal.disconnect(listen)
    assert heard == []
    assert mail.outbox == []
    assert not OutboxMessage.objects.exists()
    assert not EnterpriseCustomerUser.all_objects.exists()
    assert CourseEnrollment.objects.count() == 1


def test_what_keeps_copies_of_the_catalogue_hears_of_changes_once_at_the_end(load: Load) -> None:
    heard: list[tuple[Any, Any]] = []

    def listen(course_keys: list[str], run_keys: list[str], program_uuids: list[Any], **kwargs: Any) -> None:
        heard.append((course_keys, run_keys))

    catalogue_changed.connect(listen)
    try:
        world = {
            "organizations": [{"short_name": "A", "name": "A"}],
            "courses": [{"key": "A+B"}],
            "course_runs": [{"key": "course-v1:A+B+C"}],
        }
        load(world)
        load(world)
        load(world, check=True)
    finally:
        catalogue_changed.disconnect(listen)
    assert heard == [(["A+B"], ["course-v1:A+B+C"])]


def test_rows_that_are_saved_one_by_one_are_saved_quietly(load: Load) -> None:
    """Receivers of a model's own signals see that a load is going on."""
    from config.hooks import is_quiet

    quiet: list[bool] = []

    def listen(signal: Any, **kwargs: Any) -> None:
        quiet.append(is_quiet())

    post_save.connect(listen, sender=CourseOverview)
    try:
        load({"course_runs": [{"key": "course-v1:A+B+C"}]})
    finally:
        post_save.disconnect(listen, sender=CourseOverview)
    assert quiet == [True]
    assert not is_quiet()


# --- Cost ---------------------------------------------------------------------------------------------------------


def test_the_number_of_statements_does_not_grow_with_the_rows(load: Load, django_assert_max_num_queries: Any) -> None:
    def world(count: int) -> dict[str, list[dict[str, Any]]]:
        customer = "01000000-0000-4000-8000-000000000001"
        names = [f"learner{number}" for number in range(count)]
        return {
            "users": [{"username": name, "email": f"{name}@works.example", "name": name} for name in names],
            "course_runs": [{"key": "course-v1:A+B+C", "modes": [{"slug": "audit"}]}],
            "enrollments": [{"user": name, "course_run": "course-v1:A+B+C", "mode": "audit"} for name in names],
            "customers": [{"uuid": customer, "slug": "works", "name": "Works"}],
            "learners": [{"customer": customer, "user": name} for name in names],
            "enterprise_enrollments": [
                {
                    "customer": customer,
                    "user": name,
                    "course_run": "course-v1:A+B+C",
                    "license": {"license_uuid": f"04000000-0000-4000-8000-{number:012}"},
                }
                for number, name in enumerate(names)
            ],
            "consents": [
                {"customer": customer, "user": name, "course": "course-v1:A+B+C", "granted": True} for name in names
            ],
        }

    load(world(1))
    with django_assert_max_num_queries(120):
        load(world(60))
    assert EnterpriseCustomerUser.objects.count() == 60
    with django_assert_max_num_queries(60):
        load(world(60))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no sequences to set")
def test_a_sequence_is_never_set_back(load: Load) -> None:
    highest = UserFactory().pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('enrollments_user', 'id'), %s)", [highest + 500_000])
    load({"users": [{"username": "rosa", "id": highest + 10}]})
    assert UserFactory().pk > highest + 500_000
