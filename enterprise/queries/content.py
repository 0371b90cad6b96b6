"""What catalogs hold: result pages, and membership by either of the two rules (contract: enterprise-customers 5).

Answers come from the index (`enterprise.content`), or from a catalog service if one is configured. What became stale,
by a write or by the clock, is made anew first: items that are asked about always, for a search up to a few hundred, the
rest by the periodic task.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    Exists,
    F,
    FilteredRelation,
    JSONField,
    OrderBy,
    Q,
    QuerySet,
    When,
)
from django.utils import timezone

from config.db.reads import Given, GivenSet, KeptPage, KeyedStatement
from enrollments.course_keys import is_run_key
from enterprise.content import index, remote
from enterprise.content.documents import COURSE, COURSE_RUN, ContentPage
from enterprise.content.language import ContentFilter as Filter
from enterprise.content.language import Document, read, without_explicit
from enterprise.content.runs import Run, advertised_run, course_key_of, load_runs, runs_of_courses
from enterprise.models import (
    ContentFilter,
    ContentFilterItem,
    ContentItem,
    EnterpriseCustomer,
    EnterpriseCustomerCatalog,
)

__all__ = [
    "ContentPage",
    "Run",
    "advertised_run",
    "catalogs_containing",
    "contains",
    "content_in_catalogs",
    "course_key_of",
    "effective_filter",
    "filters_of",
    "holds",
    "load_runs",
    "runs_in_catalogs",
    "runs_of_courses",
    "search",
]

SORTED_BY = {"aggregation_key", "content_type", "end", "key", "start", "title"}
MOST_ITEMS = 1000  # that one look-up of items with their runs reads
_OWN = ("aggregation_key", "start")  # columns that memberships have themselves
MOST_STALE = 100  # rows beside those asked for that one look-up brings along


def effective_filter(catalog: EnterpriseCustomerCatalog) -> Any:
    """The filter of the catalog's query if it has one, else its own; an empty one holds everything."""
    query = catalog.enterprise_catalog_query
    return (catalog.content_filter if query is None else query.content_filter) or {}


# --- Search -------------------------------------------------------------------------------------------------------


def search(
    catalog_or_filter: EnterpriseCustomerCatalog | dict[str, Any],
    *,
    page: int,
    page_size: int,
    ordering: str | None = None,
    exclude_expired: bool = False,
) -> ContentPage:
    """A page of what a catalog, or a content filter, holds. Two statements, however much that is.

    Contract: enterprise-customers 4.5, 5.1 and 5.6.

    Args:
        page: from 1; one past the end has no documents.
        ordering: names of SORTED_BY with commas, `-` for descending, others are ignored; else `aggregation_key`, then
            `start`, what has no start first.
        exclude_expired: leave out runs whose `end` or `enrollment_end` is past.
    """
    written = (
        effective_filter(catalog_or_filter)
        if isinstance(catalog_or_filter, EnterpriseCustomerCatalog)
        else catalog_or_filter
    )
    if remote.is_configured():
        return remote.search(
            written, page=page, page_size=page_size, ordering=ordering, exclude_expired=exclude_expired
        )
    parsed = read(written)
    stored = _stored_filter(parsed, written)
    count = stored.current if exclude_expired else stored.all
    first, last = (page - 1) * page_size, min(page * page_size, count)
    if first >= last:
        return ContentPage(count, [])
    if asked := _asked_order(ordering):
        order = [_ordered(name if name in _OWN else f"item__{name}", descending) for name, descending in asked]
        memberships = _memberships_of(stored.pk, exclude_expired).order_by(*order, *_OWN, "item_id")
        found = list(_documents(memberships.values("item_id")[first:last], asked))
    else:
        is_nearer_the_end = 2 * first > count  # then counted from there, along the index
        start, stop = (count - last, count - first) if is_nearer_the_end else (first, last)
        found = _pages[exclude_expired, is_nearer_the_end](start, stop, content_filter=stored.pk)
    return ContentPage(count, [_shown(parsed, *row) for row in found])


def _memberships_of(content_filter: Any, exclude_expired: bool) -> QuerySet[ContentFilterItem]:
    memberships = ContentFilterItem.objects.filter(content_filter_id=content_filter)
    return memberships.filter(expired=False) if exclude_expired else memberships


def _documents(item_ids: QuerySet[Any, Any], asked: Sequence[tuple[str, bool]] = ()) -> QuerySet[ContentItem, Any]:
    """What `_shown` needs of a page of items."""
    order = [_ordered(name, descending) for name, descending in asked]
    items = ContentItem.objects.filter(pk__in=item_ids).order_by(
        *order, "aggregation_key", _ordered("start", False), "pk"
    )
    return items.values_list("document", "content_type", "aggregation_key", "related")


def _kept_page(exclude_expired: bool, backwards: bool) -> KeptPage:
    def item_ids() -> QuerySet[ContentFilterItem, Any]:
        memberships = _memberships_of(Given("content_filter", BigIntegerField()), exclude_expired)
        ordered = memberships.order_by(*_OWN, "item_id")
        return (ordered.reverse() if backwards else ordered).values("item_id")

    return KeptPage(item_ids, _documents)


_pages = {
    (exclude_expired, backwards): _kept_page(exclude_expired, backwards)
    for exclude_expired in (True, False)
    for backwards in (True, False)
}


class _Stored(NamedTuple):
    """A filter as the index has it, and how many items it holds, with expired runs and without."""

    pk: int
    all: int
    current: int


_STORED = ("pk", "count", "current_count")

# Planned anew, as all that asks what is stale: a plan for any moment takes many rows for stale, and reads all of them.
_stored_rows = KeyedStatement(
    lambda digests: (
        ContentFilter.objects.filter(digest__in_set=digests)
        .order_by()
        .values_list(*_STORED, Exists(ContentItem.objects.filter(changes_at__lte=Given("now", DateTimeField()))))
    ),
    planned_anew=True,
)


def _stored_filter(parsed: Filter, written: Any) -> _Stored:
    """The filter as the index has it, up to date."""
    for *stored, is_stale in _stored_rows([parsed.digest], now=timezone.now()):
        if not is_stale:
            return _Stored(*stored)
    index.refresh()
    index.ensure([written])
    return _Stored(*ContentFilter.objects.values_list(*_STORED).get(digest=parsed.digest))


def _asked_order(ordering: str | None) -> list[tuple[str, bool]]:
    """The names that results are to be ordered by, and whether descending."""
    names = [name.strip() for name in (ordering or "").split(",")]
    return [(name.removeprefix("-"), name.startswith("-")) for name in names if name.removeprefix("-") in SORTED_BY]


def _ordered(column: str, descending: bool) -> OrderBy:
    """What has no value comes first, or last of a descending order, on every database."""
    return F(column).desc(nulls_last=True) if descending else F(column).asc(nulls_first=True)


def _shown(parsed: Filter, document: Any, content_type: str, aggregation_key: str, related: Any) -> Document:
    """A document as this filter's results show it."""
    if content_type != COURSE:
        return dict(document)
    if parsed.forces(aggregation_key):
        document = {**document, "status": "published", "published": True, "availability": "Current"}
    hidden = {run for run in related if not parsed.shows_restricted(document["key"], run)}
    if hidden:
        runs = [run for run in document["course_runs"] if run["key"] not in hidden]
        document = {**document, "course_runs": runs}
    return document


# --- Membership ---------------------------------------------------------------------------------------------------


def contains(filters: Sequence[Any], course_ids: Collection[str], program_uuids: Collection[str]) -> bool:
    """Whether one single catalog holds all the given courses and programs by the filter rule. Two statements.

    Contract: enterprise-customers 5.4, rule 1. An empty list is not asked about; two empty ones are in no catalog.

    Args:
        filters: the `effective_filter` of each catalog.
        course_ids: keys of courses or runs; a run stands for its course, a run that is not stored for nothing.
    """
    asked_ids, asked_uuids = set(course_ids), set(program_uuids)
    if not filters or not (asked_ids or asked_uuids):
        return False
    if remote.is_configured():
        return remote.contains(filters, asked_ids, asked_uuids)
    runs = {key for key in asked_ids if is_run_key(key)}
    items = _items(asked_ids | {course_key_of(key) for key in runs}, asked_uuids)
    course_of = {item.key: item.course_key for item in items if item.content_type == COURSE_RUN}
    course_keys = asked_ids - runs | {course_of[key] for key in runs & course_of.keys()}
    open_filters = []
    for written in filters:
        explicit = read(written).explicit
        if not explicit:
            open_filters.append(without_explicit(written))
        elif (asked_ids <= explicit or (course_keys and course_keys <= explicit)) and asked_uuids <= explicit:
            return True
    courses = {item.key: {item.pk} for item in items if item.content_type == COURSE and item.key in course_keys}
    of_uuid: dict[str, set[int]] = defaultdict(set)
    for item in items:
        if item.uuid in asked_uuids:
            of_uuid[item.uuid].add(item.pk)
    if (asked_ids and not course_keys) or course_keys - courses.keys() or asked_uuids - of_uuid.keys():
        return False
    groups = [*courses.values(), *of_uuid.values()]
    held = _held(open_filters, set().union(*groups))
    return any(all(group & ids for group in groups) for ids in held.values())


def holds(catalog: EnterpriseCustomerCatalog, key_or_uuid: str) -> bool:
    """Whether a catalog holds a course, run or program by the catalog-service rule. Two statements.

    That is: as an item, as the course of a run it holds, or as a run of a course it holds. A restricted run that the
    filter does not name is in no catalog. Contract: enterprise-customers 5.4, rule 2.
    """
    written = effective_filter(catalog)
    if remote.is_configured():
        return remote.holds(written, key_or_uuid)
    parsed = read(written)
    items = _items({key_or_uuid, course_key_of(key_or_uuid)}, {key_or_uuid}, with_runs=True)
    asked = next((item for item in items if item.key == key_or_uuid), None)
    if asked is None or _is_hidden(asked, parsed):
        return False
    related = {asked.pk}
    if asked.content_type == COURSE:
        related |= {item.pk for item in items if item.course_key == asked.key}
    elif asked.content_type == COURSE_RUN:
        related |= {item.pk for item in items if item.content_type == COURSE and item.key == asked.course_key}
    return bool(_held([written], related)[parsed.digest])


def catalogs_containing(customer: EnterpriseCustomer, run_keys: Collection[str]) -> dict[str, list[UUID]]:
    """The customer's catalogs that hold each run, oldest first; a run that none holds is absent. Three statements.

    Contract: enterprise-customers 5.4 to 5.6.
    """
    return runs_in_catalogs([customer.pk], run_keys)[customer.pk]


def content_in_catalogs(customers: Collection[UUID], keys: Collection[str]) -> set[tuple[UUID, str]]:
    """Which of these courses and runs the customers' catalogs hold by the catalog-service rule. Three statements.

    Contract: enterprise-customers 5.4, rule 2.

    Args:
        keys: of courses or runs.
    Returns:
        (customer, key) pairs.
    """
    filters = [(customer_id, written) for customer_id, _, written in filters_of(customers)] if keys else []
    if not filters:
        return set()
    if remote.is_configured():
        asked_of = sorted(set(keys))
        return {(customer, key) for customer, written in filters for key in remote.runs_held(written, asked_of)}
    items = _items({*keys, *map(course_key_of, keys)}, with_runs=True)
    by_key = {item.key: item for item in items}
    runs_of: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        if item.content_type == COURSE_RUN:
            runs_of[item.course_key].append(item)
    held = _held([each for _, each in filters if not read(each).explicit], {item.pk for item in items})
    found = set()
    for customer_id, written in filters:
        parsed = read(written)
        for key in keys:
            asked = by_key.get(key)
            course_key = asked.course_key if asked and asked.content_type == COURSE_RUN else course_key_of(key)
            related = [asked, by_key.get(course_key)] if course_key != key else [asked, *runs_of[key]]
            shown = [item for item in related if item is not None and not _is_hidden(item, parsed)]
            if parsed.explicit:
                names = {key, course_key, *(name for item in shown for name in (item.key, item.uuid))}
                is_held = bool(names & parsed.explicit)
            else:
                is_held = asked in shown and bool(held[parsed.digest] & {item.pk for item in shown})
            if is_held:
                found.add((customer_id, key))
    return found


_filter_rows = KeyedStatement(
    lambda customers: (
        EnterpriseCustomerCatalog.objects.filter(enterprise_customer__uuid__in_set=customers)
        .order_by("created")
        .values_list(
            "enterprise_customer_id",
            "pk",
            Case(
                When(enterprise_catalog_query__isnull=True, then=F("content_filter")),
                default=F("enterprise_catalog_query__content_filter"),
                output_field=JSONField(),
            ),
        )
    )
)


def filters_of(customers: Collection[UUID]) -> list[tuple[UUID, UUID, Any]]:
    """Customer, catalog and `effective_filter` of the customers' catalogs, the oldest first; one statement."""
    return [(customer_id, catalog_id, written or {}) for customer_id, catalog_id, written in _filter_rows(customers)]


class _Item(NamedTuple):
    """What membership asks of an item."""

    pk: int
    content_type: str
    key: str
    uuid: str
    course_key: str
    restricted: bool
    changes_at: datetime | None


def _rows_of(about: Q) -> QuerySet[ContentItem, Any]:
    is_stale = Q(changes_at__lte=Given("now", DateTimeField()))
    return ContentItem.objects.filter(about | is_stale).order_by().values_list(*_Item._fields)[:MOST_ITEMS]


_item_rows = KeyedStatement(lambda keys: _rows_of(Q(key__in_set=keys) | Q(uuid__in_set=keys)), planned_anew=True)
_item_rows_with_runs = KeyedStatement(
    lambda keys: _rows_of(Q(key__in_set=keys) | Q(uuid__in_set=keys) | Q(course_key__in_set=keys)), planned_anew=True
)


def runs_in_catalogs(customers: Collection[UUID], run_keys: Collection[str]) -> dict[UUID, dict[str, list[UUID]]]:
    """For each customer what `catalogs_containing` gives. Three statements, however many customers and runs.

    A catalog holds a run that its filter finds, or whose course it finds; one with explicit ids those that it names,
    by key or uuid of the run or its course, stored or not.
    """
    found: dict[UUID, dict[str, list[UUID]]] = defaultdict(lambda: defaultdict(list))
    catalogs = filters_of(customers) if run_keys else []
    if not catalogs:
        return found
    asked = sorted(set(run_keys))
    if remote.is_configured():
        for customer_id, catalog_id, written in catalogs:
            for key in sorted(remote.runs_held(written, asked)):
                found[customer_id][key].append(catalog_id)
        return found
    items = _items({*asked, *map(course_key_of, asked)})
    runs = {item.key: item for item in items if item.content_type == COURSE_RUN}
    courses = {item.key: item for item in items if item.content_type == COURSE}
    filters = [(*catalog, read(catalog[2])) for catalog in catalogs]
    held = _held([written for _, _, written, parsed in filters if not parsed.explicit], {item.pk for item in items})
    for customer_id, catalog_id, _, parsed in filters:
        for key in asked:
            run = runs.get(key)
            course = courses.get(run.course_key if run else course_key_of(key))
            if parsed.explicit:
                names = {
                    key,
                    run.course_key if run else course_key_of(key),
                    *(each.uuid for each in (run, course) if each),
                }
                is_held = bool(names & parsed.explicit)
            else:
                ids = {each.pk for each in (run, course) if each}
                is_held = run is not None and not _is_hidden(run, parsed) and bool(held[parsed.digest] & ids)
            if is_held:
                found[customer_id][key].append(catalog_id)
    return found


def _is_hidden(item: _Item | ContentItem, parsed: Filter) -> bool:
    """A restricted run shows only in catalogs that name it."""
    return item.restricted and not parsed.shows_restricted(item.course_key, item.key)


def _items(
    keys: Collection[str], uuids: Collection[str] = (), *, with_runs: bool = False
) -> Sequence[_Item | ContentItem]:
    """The items with these keys or uuids, up to date, and the courses of the runs among them; there may be others.

    One kept statement in the usual case that nothing is stale.

    Args:
        with_runs: the runs of the courses that the keys name, too.
    """
    now, named = timezone.now(), {*keys, *uuids}
    rows = _item_rows_with_runs if with_runs else _item_rows
    found = [_Item._make(row) for row in rows(named, now=now)]
    if len(found) == MOST_ITEMS or any(item.changes_at is not None and item.changes_at <= now for item in found):
        return _refreshed_items(keys, uuids, with_runs=with_runs)
    # Runs whose keys do not say which course they belong to.
    elsewhere = {item.course_key for item in found if item.content_type == COURSE_RUN} - {*keys}
    return [*found, *_items(elsewhere, with_runs=with_runs)] if elsewhere else found


def _refreshed_items(keys: Collection[str], uuids: Collection[str], *, with_runs: bool) -> list[ContentItem]:
    """What `_items` gives, made anew first where it is stale."""
    about = Q(key__in_set={*keys, *uuids})
    if uuids:
        about |= Q(uuid__in_set=uuids)
    if with_runs:
        about |= Q(course_key__in_set=keys)
    rows = ContentItem.objects.order_by().defer("document", "related", "start", "end")
    most = 10 * (len(keys) + len(uuids)) + MOST_STALE
    now = timezone.now()
    found = list(rows.filter(about | Q(changes_at__lte=now))[:most])
    named = {*keys, *uuids}
    asked = [
        item for item in found if item.key in named or item.uuid in uuids or (with_runs and item.course_key in keys)
    ]
    if len(found) == most:  # so much is stale elsewhere that some of what was asked for may be missing
        asked = list(rows.filter(about))
    if any(item.changes_at is not None and item.changes_at <= now for item in asked):
        index.refresh(about, most=None)
        asked = list(rows.filter(about))
    elsewhere = {item.course_key for item in asked if item.content_type == COURSE_RUN} - {*keys}
    return asked + _refreshed_items(elsewhere, (), with_runs=False) if elsewhere else asked


def _held(filters: Sequence[Any], item_ids: Collection[int]) -> dict[str, set[int]]:
    """Which of the items each filter holds, by the filter's digest; one statement once the filters are known."""
    written = {read(each).digest: each for each in filters}
    if not written:
        return {}
    held = _memberships(written, item_ids)
    if missing := written.keys() - held.keys():
        index.ensure([written[digest] for digest in missing])
        held |= _memberships(missing, item_ids)
    return held


_membership_rows = KeyedStatement(
    lambda digests: (
        ContentFilter.objects.filter(digest__in_set=digests)
        .annotate(among=FilteredRelation("memberships", condition=Q(memberships__item_id__in_set=GivenSet("item_ids"))))
        .values_list("digest", "among__item_id")
    )
)


def _memberships(digests: Collection[str], item_ids: Collection[int]) -> dict[str, set[int]]:
    """For each filter that is known, which of the items it holds."""
    held: dict[str, set[int]] = {}
    for digest, item_id in _membership_rows(digests, item_ids=item_ids):
        held.setdefault(digest, set()).update(() if item_id is None else (item_id,))
    return held
