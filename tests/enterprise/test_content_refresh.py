"""What catalogs hold follows the catalogue, the filters and the clock (contract: enterprise-customers 5)."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrollments.models import Course, CourseMode, CourseOverview, Program
from enrollments.signals import catalogue_changed
from enterprise.content import index
from enterprise.models import ContentFilter, ContentFilterItem, ContentItem, ContentItemValue, EnterpriseCatalogQuery
from enterprise.queries.content import catalogs_containing, contains, effective_filter, holds, search
from enterprise.services import catalogs, content
from enterprise.tasks import prune_content_filters, refresh_content
from tests import factories

pytestmark = pytest.mark.django_db
RUN = "course-v1:Acme+Sail+T1"


def days(number):
    return timezone.now() + timedelta(days=number)


@pytest.fixture
def run():
    return factories.CourseRunFactory(id=RUN, course=factories.CourseFactory(key="Acme+Sail"), modes=["verified"])


def count(content_filter):
    return search(content_filter, page=1, page_size=10).count


def at(moment):
    return mock.patch("django.utils.timezone.now", return_value=moment)


# --- The catalogue ------------------------------------------------------------------------------------------------


def test_every_kind_of_write_shows_in_the_next_answer(run):
    course, program = run.course, factories.ProgramFactory()
    assert count({}) == 3

    course.level_type = "Advanced"
    course.save()
    assert count({"level_type": "Advanced"}) == 2
    run.org = "Bolt"
    run.save()
    assert count({"org": "Bolt"}) == 1
    mode = factories.CourseModeFactory(course_id=RUN, mode_slug="honor")
    assert count({"seat_types": "honor"}) == 2
    mode.delete()
    assert count({"seat_types": "honor"}) == 0
    program.courses.add(course)
    assert count({"program_types": program.type}) == 1
    program.courses.clear()
    assert count({"program_types": program.type}) == 0
    course.programs.add(program)
    assert count({"program_types": program.type}) == 1
    program.delete()
    assert count({"program_types": "Professional Certificate"}) == 0
    assert count({}) == 2
    run.delete()
    assert count({}) == 1
    course.delete()
    assert count({}) == 0
    assert not ContentItem.objects.exists()
    assert not ContentItemValue.objects.exists()


def test_a_loaded_world_shows_in_the_next_answer(tmp_path):
    program = {"uuid": "eeeeeeee-0000-4000-8000-0000000000a1", "organizations": ["Acme"], "courses": ["Acme+Sail"]}
    world = {
        "organizations": [{"short_name": "Acme", "name": "Acme"}],
        "courses": [{"key": "Acme+Sail"}],
        "course_runs": [{"key": RUN, "start": "2020-01-01T00:00:00Z", "modes": [{"slug": "verified", "min_price": 9}]}],
        "programs": [{**program, "type": "micromasters"}],
    }
    file = tmp_path / "world.json"

    def shown(content_filter):
        file.write_text(json.dumps(world))
        call_command("load_world", str(file), verbosity=0)
        return search(content_filter, page=1, page_size=10).documents

    assert shown({"content_type": "course"})[0]["first_enrollable_paid_seat_price"] == 9
    world["course_runs"][0]["modes"][0]["min_price"] = 8
    assert shown({"content_type": "course"})[0]["first_enrollable_paid_seat_price"] == 8
    world["organizations"][0]["name"] = "Acme of old"
    assert shown({"content_type": "program"})[0]["authoring_organizations"][0]["name"] == "Acme of old"
    world["programs"][0]["courses"] = []
    assert shown({"content_type": "courserun"})[0]["program_types"] == []


def test_a_run_that_moves_to_another_course_leaves_the_first(run):
    assert count({"seat_types": "verified", "content_type": "course"}) == 1
    run.course = factories.CourseFactory(key="Acme+Row")
    run.save()

    documents = search({"content_type": "course"}, page=1, page_size=10).documents
    assert {each["key"]: len(each["course_runs"]) for each in documents} == {"Acme+Row": 1, "Acme+Sail": 0}


def test_a_course_that_goes_leaves_its_runs_behind(run):
    run.course.delete()

    assert [each["aggregation_key"] for each in search({}, page=1, page_size=10).documents] == ["courserun:Acme+Sail"]


def test_a_large_change_is_made_up_in_the_background(run, django_capture_on_commit_callbacks):
    factories.CourseFactory.create_batch(60)
    index.refresh_all()
    keys = list(Course.objects.values_list("key", flat=True))
    Course.objects.update(level_type="Advanced")

    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        catalogue_changed.send(Course, course_keys=keys[:50], run_keys=[], program_uuids=[])
    assert (len(callbacks), index.stale().count()) == (0, 50)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        catalogue_changed.send(Course, course_keys=keys, run_keys=[], program_uuids=[])
    assert (len(callbacks), index.stale().count()) == (1, 0)
    assert count({"level_type": "Advanced"}) == 62


def test_a_refresh_costs_the_same_for_one_item_and_for_many(run):
    numbers = []
    catalog = factories.CatalogFactory(content_filter={"org": "Acme"})
    holds(catalog, RUN)
    for rows in (3, 40):
        for number in range(rows):
            factories.CourseRunFactory(id=f"course-v1:Acme+C{rows}{number}+T", course__key=f"Acme+C{rows}{number}")
        Course.objects.update(level_type=f"level {rows}")
        index.mark(Course.objects.values_list("key", flat=True))
        with CaptureQueriesContext(connection) as queries:
            index.refresh()
        numbers.append(len(queries))
    assert numbers[1] <= numbers[0] + 12  # SQLite takes no more than some seventy rows in one statement
    assert numbers[0] <= 26


def test_asked_items_are_refreshed_however_many_are_stale(run, monkeypatch):
    monkeypatch.setattr("enterprise.queries.content.MOST_STALE", 3)
    catalog = factories.CatalogFactory(content_filter={"level_type": "Advanced"})
    factories.CourseFactory.create_batch(40)
    Course.objects.update(level_type="Advanced")
    index.mark(Course.objects.values_list("key", flat=True))

    assert contains([effective_filter(catalog)], [RUN], [])
    assert holds(catalog, RUN)
    assert catalogs_containing(catalog.enterprise_customer, [RUN])
    assert index.stale().count() >= 30


def test_nothing_is_kept_of_a_write_that_is_rolled_back(run):
    assert count({"level_type": "Advanced"}) == 0
    with transaction.atomic():
        run.course.level_type = "Advanced"
        run.course.save()
        assert count({"level_type": "Advanced"}) == 2
        transaction.set_rollback(True)
    assert count({"level_type": "Advanced"}) == 0


def test_the_counts_of_filters_stay_true(run):
    filters = [{}, {"content_type": "course"}, {"content_type": "courserun", "org": "Acme"}, {"org": "Bolt"}]
    index.ensure(filters)
    factories.CourseRunFactory(id="course-v1:Acme+Row+T1", course__key="Acme+Row", end=days(-1))
    run.org = "Bolt"
    run.save()
    index.refresh_all()
    Program.objects.all().delete()

    for stored in ContentFilter.objects.all():
        memberships = ContentFilterItem.objects.filter(content_filter=stored)
        assert (stored.count, stored.current_count) == (
            memberships.count(),
            memberships.filter(expired=False).count(),
        )
    assert [ContentFilter.objects.get(content_filter=each).count for each in filters] == [4, 2, 1, 1]


def test_everything_can_be_rebuilt(run, capsys):
    factories.ProgramFactory()
    factories.CatalogFactory(content_filter={"org": "Acme"})
    before = search({"org": "Acme"}, page=1, page_size=10)
    CourseOverview.objects.update(language="fr")  # past the service
    assert count({"language": "fr"}) == 0

    call_command("rebuild_content")

    assert capsys.readouterr().out == "3 courses, runs and programs are in the index.\n"
    assert count({"language": "fr"}) == 1
    after = search({"org": "Acme"}, page=1, page_size=10)
    assert (after.count, [each["key"] for each in after.documents]) == (
        before.count,
        [each["key"] for each in before.documents],
    )


# --- Filters ------------------------------------------------------------------------------------------------------


def test_a_saved_catalog_or_query_has_its_content_ready(run):
    index.refresh_all()
    catalog = factories.CatalogFactory.build(
        content_filter={"org": "Acme"}, enterprise_customer=factories.EnterpriseCustomerFactory()
    )
    catalogs.save_catalog(catalog)
    query = EnterpriseCatalogQuery(title="Acme", content_filter={"content_type": "courserun"})
    catalogs.save_query(query)
    catalog.enterprise_catalog_query = query
    catalogs.save_catalog(catalog)
    assert {stored.count for stored in ContentFilter.objects.all()} == {2, 1}

    query.content_filter = {"org": "Bolt"}
    catalogs.save_query(query)
    catalog.refresh_from_db()
    assert not contains([effective_filter(catalog)], [RUN], [])


def test_filters_that_no_catalog_has_any_more_are_dropped(run):
    index.refresh_all()
    kept, query = factories.CatalogFactory(content_filter={"org": "Acme"}), factories.CatalogQueryFactory()
    factories.CatalogFactory(content_filter={"org": "Old"}, enterprise_catalog_query=query)
    for each in (kept.content_filter, query.content_filter, {"org": "Old"}, {"org": "Nobody"}):
        index.ensure([each])

    prune_content_filters()

    stored = [each.content_filter for each in ContentFilter.objects.order_by("pk")]
    assert stored == [{"org": "Acme"}, {"content_type": "course"}]
    assert ContentFilterItem.objects.count() == 3


# --- The clock ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "content_filter", "before", "after"),
    [
        ({"start": 10}, {"availability": "Current"}, 0, 2),
        ({"start": 80}, {"availability": "Upcoming"}, 2, 0),
        ({"end": 10}, {"availability": "Archived"}, 0, 2),
        ({"end": 10}, {"exclude_expired_course_run": True}, 2, 1),
        ({"enrollment_end": 10}, {"exclude_expired_course_run": True}, 2, 1),
    ],
)
def test_facts_change_when_their_moment_comes(run, fields, content_filter, before, after):
    for name, number in fields.items():
        setattr(run, name, days(number))
    run.save()

    assert count(content_filter) == before
    with at(days(25)):
        assert count(content_filter) == after


def test_prices_and_seats_change_when_a_mode_expires(run):
    CourseMode.objects.get(course_id=RUN).delete()
    for slug, price, number in (("verified", 40, 10), ("professional", 90, 20)):
        factories.CourseModeFactory(course_id=RUN, mode_slug=slug, min_price=price, expiration_datetime=days(number))

    seen = []
    for number in (0, 15, 25):
        with at(days(number)):
            page = search({"first_enrollable_paid_seat_price__gt": 0}, page=1, page_size=10)
            seen.append([each["first_enrollable_paid_seat_price"] for each in page.documents])
            seen[-1].append(count({"has_enrollable_seats": True}))
    assert seen == [[40, 40, 1], [90, 90, 1], [0]]


def test_enrollment_windows_open_and_close(run):
    run.enrollment_start, run.enrollment_end = days(10), days(20)
    run.save()

    def enrollable(number):
        with at(days(number)):
            (document,) = search({"content_type": "course"}, page=1, page_size=10).documents
            return document["course_runs"][0]["is_enrollable"]

    assert [enrollable(number) for number in (0, 15, 25)] == [False, True, False]


def test_the_periodic_task_refreshes_what_lapsed(run):
    run.end = days(10)
    run.save()
    index.refresh_all()
    assert not index.stale().exists()

    with at(days(11)):
        assert index.stale().count() == 2
        refresh_content()
        assert not index.stale().exists()


def test_the_periodic_task_goes_on_in_another_one_when_there_is_too_much(run, monkeypatch):
    monkeypatch.setattr(content, "SLICE_SECONDS", -1)
    monkeypatch.setattr(index, "BATCH", 20)
    monkeypatch.setattr(index.refresh, "__kwdefaults__", {"most": 20})
    queued = mock.Mock()
    monkeypatch.setattr(content, "_queue_refresh", queued)
    factories.CourseFactory.create_batch(45)

    content.refresh()

    assert queued.call_count == 1
    assert 0 < index.stale().count() < 45


# --- The operators' admin -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["contentitem", "contentfilter", "contentfilteritem"])
def test_operators_see_the_index_and_change_nothing(run, model, by_session):
    holds(factories.CatalogFactory(content_filter={"org": "Acme"}), RUN)
    browser = by_session(factories.UserFactory(is_staff=True, is_superuser=True))
    path = f"/admin/enterprise/{model}/"

    page = browser.get(path)
    assert page.status_code == 200
    assert "Acme" in page.content.decode()
    assert browser.get(f"{path}add/").status_code == 403
    first = {"contentitem": ContentItem, "contentfilter": ContentFilter, "contentfilteritem": ContentFilterItem}[model]
    assert (
        browser.post(f"{path}{first.objects.first().pk}/delete/", {"post": "yes"}, format="multipart").status_code
        == 403
    )


def test_an_operator_who_edits_the_catalogue_changes_what_catalogs_hold(run, by_session):
    browser = by_session(factories.UserFactory(is_staff=True, is_superuser=True))
    catalog = factories.CatalogFactory(content_filter={"seat_types": "verified"})
    assert holds(catalog, "Acme+Sail")

    path = f"/admin/enrollments/coursemode/{CourseMode.objects.get().pk}/delete/"
    assert browser.post(path, {"post": "yes"}, format="multipart").status_code == 302
    assert not holds(catalog, "Acme+Sail")


def test_the_admin_refuses_filters_that_make_no_sense(by_session):
    browser = by_session(factories.UserFactory(is_staff=True, is_superuser=True))
    uuid = "eeeeeeee-0000-4000-8000-000000000009"

    def add(content_filter):
        given = {"title": "Query", "uuid": uuid, "content_filter": content_filter}
        return browser.post("/admin/enterprise/enterprisecatalogquery/add/", given, format="multipart")

    for content_filter, message in (
        ('{"level_type__regex": "("}', "has an unknown operator"),
        ('{"key": "x"}', "must be of type &lt;class &#x27;list&#x27;&gt;"),
        ("[1]", "Content filter must be an object."),
        ('{"title": ["a", ["b"]]}', "must be a text, a number, a boolean, or a list of these."),
    ):
        page = add(content_filter)
        assert page.status_code == 200
        assert message in page.content.decode()
    assert not EnterpriseCatalogQuery.objects.exists()
    assert add('{"level_type": "Advanced"}').status_code == 302
    assert EnterpriseCatalogQuery.objects.get().content_filter == {"level_type": "Advanced"}


# --- Several at a time --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_readers_that_refresh_the_same_items_at_once_agree(run):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: run with DATABASE_URL of PostgreSQL")
    catalog = factories.CatalogFactory(content_filter={"level_type": "Advanced"})
    factories.CourseFactory.create_batch(20)
    Course.objects.update(level_type="Advanced")
    index.mark(Course.objects.values_list("key", flat=True))
    barrier, answers = threading.Barrier(4), []

    def ask():
        try:
            barrier.wait(10)
            answers.append(
                (contains([effective_filter(catalog)], [RUN], []), search(catalog, page=1, page_size=5).count)
            )
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert answers == [(True, 22)] * 4
    assert ContentFilter.objects.get().count == ContentFilterItem.objects.count() == 22


@pytest.mark.django_db(transaction=True)
def test_a_write_during_a_refresh_is_not_lost(run):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: run with DATABASE_URL of PostgreSQL")
    index.refresh_all()
    index.mark(["Acme+Sail"])
    building, wrote = threading.Event(), threading.Event()
    real_build = index.build

    def slow_build(keys):
        built = real_build(keys)
        building.set()
        wrote.wait(1)  # the writer below must wait for this transaction, so this runs into its time
        return built

    def write():
        try:
            building.wait(10)
            course = Course.objects.get(key="Acme+Sail")
            course.level_type = "Advanced"
            course.save()
            wrote.set()
        finally:
            connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    with mock.patch.object(index, "build", slow_build):
        index.refresh()
    writer.join(30)

    assert wrote.is_set()
    assert count({"level_type": "Advanced"}) == 2
