"""Writing the index of what catalogs hold: items, their values, and which filter holds which item.

Writers of the catalogue only mark items as stale (`mark`); whoever reads next, or the periodic task, makes them anew.
All that follows from an item is written with it in one transaction, under one lock (`ContentIndex`), so that a filter
that is being built and an item that is being refreshed never miss each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from config.db.sets import InPairs, analyze, insert_from, insert_rows
from enrollments.models import Course, CourseOverview, Program
from enterprise.content import language
from enterprise.content.documents import COURSE, COURSE_RUN, PROGRAM, Key, build
from enterprise.content.runs import course_key_of
from enterprise.models import EnterpriseCustomerCatalog
from enterprise.models.content import (
    BEFORE_ALL,
    ContentFilter,
    ContentFilterItem,
    ContentIndex,
    ContentItem,
    ContentItemValue,
)

BATCH = 500  # items that one transaction refreshes
MANY = 10_000  # rows that are worth counting the table anew for the database's plans
NOTHING = Q(pk=0)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ITEM_FIELDS = [
    field.name for field in ContentItem._meta.concrete_fields if field.name not in ("id", "content_type", "key")
]


class Membership(NamedTuple):
    """An item in a filter, as result pages are ordered."""

    filter_id: int
    item_id: int
    aggregation_key: str
    start: datetime
    expired: bool


# --- What became stale ----------------------------------------------------------------------------------------------


def mark(
    course_keys: Iterable[str] = (), run_keys: Iterable[str] = (), program_uuids: Iterable[UUID | str] = ()
) -> None:
    """Marks what the catalogue changed, and all that follows from it, as stale; six statements at most."""
    courses, runs = set(course_keys), set(run_keys)
    parents: dict[str, str] = {}
    programs = {str(uuid) for uuid in program_uuids}
    taught: set[str] = set()  # courses whose runs show the types of these programs
    if programs:
        links = Program.courses.through._default_manager.filter(program__uuid__in_set=list(map(UUID, programs)))
        taught.update(links.values_list("course__key", flat=True))
        before = ContentItem.objects.filter(content_type=PROGRAM, key__in_set=programs)
        taught.update(key for keys in before.values_list("related", flat=True) for key in keys)
    if runs:
        then = ContentItem.objects.filter(content_type=COURSE_RUN, key__in_set=runs).order_by()
        now = CourseOverview.objects.filter(pk__in_set=runs, course__isnull=False).order_by()
        courses |= {*then.values_list("course_key", flat=True)}
        parents = {key: course_key_of(key) for key in runs} | dict(now.values_list("pk", "course__key"))
        courses |= {*parents.values(), *map(course_key_of, runs)}
        courses.discard("")
    # Whoever asks about a course must find the runs that it has now, stale ones too.
    parents |= {key: key for key in courses}
    keys = [(COURSE, key) for key in courses] + [(COURSE_RUN, key) for key in runs]
    keys += [(PROGRAM, uuid) for uuid in programs]
    ContentItem.objects.bulk_create(
        [
            ContentItem(content_type=content_type, key=key, course_key=parents.get(key, ""), changes_at=LONG_AGO)
            for content_type, key in sorted(keys)
        ],
        update_conflicts=True,
        update_fields=["changes_at", "course_key"],
        unique_fields=["key", "content_type"],
    )
    if courses or taught:
        ContentItem.objects.filter(course_key__in_set=courses | taught).update(changes_at=LONG_AGO)


def stale() -> QuerySet[ContentItem]:
    """The items that are not true any more."""
    return ContentItem.objects.filter(changes_at__lte=timezone.now())


def refresh(about: Q | None = None, *, most: int | None = BATCH) -> int:
    """Makes stale items anew, those that `about` names or the longest stale, and says how many; one transaction."""
    rows = stale() if about is None else stale().filter(about)
    with transaction.atomic():
        _lock()
        # A row that a writer of the catalogue still holds is left alone: it becomes stale when that one commits.
        held = rows.order_by("changes_at", "pk").select_for_update(skip_locked=True)[:most]
        ids = {(item.content_type, item.key): item.pk for item in held.only("content_type", "key")}
        _store(ids)
    return len(ids)


def refresh_all(seconds: float = float("inf")) -> bool:
    """Refreshes batch after batch for a while; whether nothing stale was left."""
    end = timezone.now().timestamp() + seconds
    began = timezone.now()
    total = 0
    is_done = False
    while not is_done and (not total or timezone.now().timestamp() <= end):
        number = refresh(Q(changes_at__lte=began))
        total += number
        is_done = number < BATCH
    if total >= MANY:
        for table in (ContentItem, ContentItemValue, ContentFilterItem):
            analyze(table)
    return is_done


# --- Items ----------------------------------------------------------------------------------------------------------


def _store(ids: dict[Key, int]) -> None:
    """Makes the items with these ids anew from the catalogue, and drops those that it knows no more."""
    if not ids:
        return
    built = build(ids)
    gone = [pk for key, pk in ids.items() if key not in built]
    ContentItemValue.objects.filter(item__id__in_set=list(ids.values())).delete()
    _insert(built.values())
    _match(list(ids.values()), built.values())
    if gone:
        ContentItem.objects.filter(pk__in_set=gone).delete()


def _insert(items: Collection[ContentItem]) -> None:
    """Stores items, over those with the same keys, and their values."""
    ContentItem.objects.bulk_create(
        items, update_conflicts=True, update_fields=ITEM_FIELDS, unique_fields=["key", "content_type"]
    )
    insert_values(items)


def insert_values(items: Iterable[ContentItem]) -> None:
    """Stores what content filters compare of the items' documents."""
    insert_rows(ContentItemValue, ["item", "field", "value", "number"], _values(items))


def _values(items: Iterable[ContentItem]) -> Iterable[tuple[int, str, str, float | None]]:
    for item in items:
        document = item.document or {}
        for field in language.DOCUMENT_FIELDS & document.keys():
            given = {language.value_text(field, value): value for value in language.scalars(document[field])}
            for text, value in given.items():
                if text is not None:
                    yield item.pk, field, text, language.number_of(value)


# --- Which filter holds which item ----------------------------------------------------------------------------------


def ensure(filters: Collection[Any]) -> None:
    """Builds each filter, given as it was written, that the index does not know yet; a few statements for each."""
    wanted = {language.read(each).digest: each for each in filters}
    known = set(ContentFilter.objects.filter(digest__in_set=list(wanted)).values_list("digest", flat=True))
    missing = {digest: written for digest, written in wanted.items() if digest not in known}
    if not missing:
        return
    with transaction.atomic():
        _lock()
        # Somebody else may have built some while this waited for the lock.
        known = set(ContentFilter.objects.filter(digest__in_set=list(missing)).values_list("digest", flat=True))
        for digest, written in missing.items():
            if digest not in known:
                stored = ContentFilter.objects.create(digest=digest, content_filter={} if written is None else written)
                _fill(stored, written)


def _fill(stored: ContentFilter, written: Any) -> None:
    """Finds everything that a filter holds, in one statement whatever the size of the catalogue."""
    inserted = insert_from(
        ContentFilterItem,
        held_by(language.read(written)).order_by("pk"),
        {
            "content_filter": stored.pk,
            "item": F("pk"),
            "aggregation_key": F("aggregation_key"),
            "start": Coalesce("start", BEFORE_ALL),
            "expired": F("expired"),
        },
        returning=("expired",),
    )
    if len(inserted) >= MANY:
        analyze(ContentFilterItem)
    stored.count = len(inserted)
    stored.current_count = sum(not expired for (expired,) in inserted)
    stored.save(update_fields=["count", "current_count"])


def held_by(content_filter: language.ContentFilter) -> QuerySet[ContentItem]:
    """The items that a filter holds, as one statement over the stored values."""
    items = ContentItem.objects.filter(document__isnull=False, may_enter=True)
    pairs = [
        (course.removeprefix("course:"), run)
        for course, runs in content_filter.restricted_allowed
        if course.startswith("course:")
        for run in runs
    ]
    shown = Q(restricted=False)
    if pairs:
        shown |= Q(InPairs("course_key", "key", pairs))
    if content_filter.exclude_expired:
        shown &= Q(expired=False)
    met = NOTHING if content_filter.broken else Q()
    for condition in content_filter.conditions:
        met &= _met(condition)
    if content_filter.forced and met:  # without conditions all are in already
        met = Q(aggregation_key__in_set=sorted(content_filter.forced), content_type=COURSE) | met
    return items.filter(shown, met)


def _met(condition: language.Condition) -> Q:
    values = ContentItemValue.objects.filter(item=OuterRef("pk"), field=condition.field)
    if condition.operator in language.COMPARISONS:
        if condition.limit is None:
            return NOTHING
        return Q(Exists(values.filter(**{f"number__{condition.operator}": condition.limit})))
    found = Exists(values.filter(value__in_set=condition.texts))
    return ~Q(found) if condition.operator in language.DIFFERENT else Q(found)


def holds(content_filter: language.ContentFilter, item: ContentItem) -> bool:
    """The same for one item, in Python."""
    if not item.may_enter or (item.expired and content_filter.exclude_expired):
        return False
    if item.restricted and not content_filter.shows_restricted(item.course_key, item.key):
        return False
    is_forced = item.content_type == COURSE and content_filter.forces(item.aggregation_key)
    return is_forced or content_filter.matches(item.document or {})


def _match(ids: Collection[int], items: Collection[ContentItem]) -> None:
    """Brings the memberships of a few items in line, in every filter; a fixed number of statements."""
    filters = [
        (pk, language.read(written)) for pk, written in ContentFilter.objects.values_list("pk", "content_filter")
    ]
    wanted = {
        Membership(pk, item.pk, item.aggregation_key, item.start or BEFORE_ALL, item.expired)
        for item in items
        for pk, content_filter in filters
        if holds(content_filter, item)
    }
    rows = ContentFilterItem.objects.filter(item__id__in_set=ids)
    columns = rows.values_list("content_filter_id", "item_id", "aggregation_key", "start", "expired", "pk")
    stored = {Membership(*row[:5]): row[5] for row in columns}
    over = stored.keys() - wanted
    new = wanted - stored.keys()
    if over:
        ContentFilterItem.objects.filter(pk__in_set=[stored[each] for each in over]).delete()
    if new:
        ContentFilterItem.objects.bulk_create(
            ContentFilterItem(
                content_filter_id=each.filter_id,
                item_id=each.item_id,
                aggregation_key=each.aggregation_key,
                start=each.start,
                expired=each.expired,
            )
            for each in sorted(new)
        )
    _add_up(over, new)


def _add_up(over: Iterable[Membership], new: Iterable[Membership]) -> None:
    """Keeps the counts of the filters; filters that gain the same share a statement."""
    gains: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for memberships, sign in ((over, -1), (new, 1)):
        for each in memberships:
            gains[each.filter_id][0] += sign
            gains[each.filter_id][1] += 0 if each.expired else sign
    same: dict[tuple[int, int], list[int]] = defaultdict(list)
    for filter_id, (all_of_them, current) in gains.items():
        same[all_of_them, current].append(filter_id)
    for (all_of_them, current), ids in same.items():
        if all_of_them or current:
            ContentFilter.objects.filter(pk__in_set=ids).update(
                count=F("count") + all_of_them, current_count=F("current_count") + current
            )


# --- Everything anew ------------------------------------------------------------------------------------------------


def rebuild() -> int:
    """Makes the whole index anew from the catalogue, in one transaction, and says how many items it has."""
    with transaction.atomic():
        index = _lock()
        ContentFilterItem.objects.all().delete()
        ContentItemValue.objects.all().delete()
        ContentItem.objects.all().delete()
        keys: list[Key] = [(COURSE, key) for key in Course.objects.values_list("key", flat=True)]
        keys += [(COURSE_RUN, key) for key in CourseOverview.objects.values_list("pk", flat=True)]
        keys += [(PROGRAM, str(uuid)) for uuid in Program.objects.values_list("pk", flat=True)]
        for first in range(0, len(keys), BATCH):
            _insert(build(keys[first : first + BATCH]).values())
        analyze(ContentItem)
        analyze(ContentItemValue)
        for stored in ContentFilter.objects.all():
            _fill(stored, stored.content_filter)
        analyze(ContentFilterItem)
        index.rebuilt_at = timezone.now()
        index.save()
    return len(keys)


def prune() -> int:
    """Drops the filters that no catalog has any more, and says how many."""
    catalogs = EnterpriseCustomerCatalog.objects.order_by().values_list(
        "enterprise_catalog_query", "enterprise_catalog_query__content_filter", "content_filter"
    )
    digests: set[str] = set()
    for query, shared, own in catalogs.iterator():
        written = (own if query is None else shared) or {}
        digests |= {language.read(each).digest for each in (written, language.without_explicit(written))}
    with transaction.atomic():
        _lock()
        unused = [pk for pk, digest in ContentFilter.objects.values_list("pk", "digest") if digest not in digests]
        ContentFilterItem.objects.filter(content_filter__id__in_set=unused).delete()
        return ContentFilter.objects.filter(pk__in_set=unused).delete()[0]


def _lock() -> ContentIndex:
    """The index's own row, locked until the transaction ends."""
    index = ContentIndex.objects.select_for_update().filter(pk=1).first()
    if index is None:
        ContentIndex.objects.bulk_create([ContentIndex(pk=1)], ignore_conflicts=True)
        index = ContentIndex.objects.select_for_update().get(pk=1)
    return index
