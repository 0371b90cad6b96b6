"""Settings of feature-based enrollment, in a section of their own and as fields of course runs; both in versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.contrib.sites.models import Site
from django.db import models
from django.db.models import Q

from config.world import (
    Column,
    Entry,
    Extension,
    Load,
    Objects,
    Place,
    Reader,
    Refused,
    Relative,
    Section,
    Shape,
    columns,
)
from enrollments.course_keys import CourseKey
from enrollments.models import CourseOverview
from enterprise.models.customers import own_site_id
from enterprise.world.customers import OWN_SITE
from support.models import ContentTypeGatingConfig, CourseDurationLimitConfig, Level
from support.models.feature_based_enrollments import KEYS, FeatureBasedSetting, is_org_course

BATCH = 1_000
MODELS: Mapping[str, type[FeatureBasedSetting]] = {
    "content_gating": ContentTypeGatingConfig,
    "duration_limits": CourseDurationLimitConfig,
}
_LEVELS = {str(level): level for level in Level}
_LEVELS_OF_RUN = {"run" if level == Level.COURSE else str(level): level for level in Level}


class Key(NamedTuple):
    """What a row speaks for: at most one of these."""

    site_id: int | None = None
    org: str | None = None
    org_course: str | None = None
    course_id: str | None = None


_FIELD_OF_LEVEL = dict(zip((Level.SITE, Level.ORG, Level.ORG_COURSE, Level.COURSE), Key._fields, strict=True))


def _key(level: Level, value: Any) -> Key:
    return Key() if level == Level.GLOBAL else Key(**{_FIELD_OF_LEVEL[level]: value})


def _store(model: type[FeatureBasedSetting], wanted: Mapping[Key, Entry]) -> None:
    """Adds a row for each key whose newest one differs; a field left out is taken from that one."""
    if not wanted:
        return
    newest = _newest(model, wanted)
    new = []
    for key, entry in wanted.items():
        old = newest.get(key)
        row = model(**key._asdict(), **{name: getattr(old, name, None) for name in model.FIELDS})
        for name, value in entry.values.items():
            if isinstance(value, Relative):
                if getattr(row, name) is not None:
                    continue
                value = value.moment
            setattr(row, name, value)
        entry.created = old is None
        entry.changed = old is not None and any(getattr(old, name) != getattr(row, name) for name in model.FIELDS)
        if entry.created or entry.changed:
            new.append(row)
        entry.row = row if old is None or entry.changed else old
    model.objects.bulk_create(new, batch_size=BATCH)


def _newest(model: type[FeatureBasedSetting], wanted: Mapping[Key, Entry]) -> dict[Key, FeatureBasedSetting]:
    sought = Q(site__isnull=False) | Q(**dict.fromkeys(KEYS))
    for name in KEYS[1:]:
        sought |= Q(**{f"{name}__in_set": [value for key in wanted if (value := getattr(key, name)) is not None]})
    rows = model.objects.current().filter(sought)
    return {Key(row.site_id, row.org, row.org_course, row.course_id): row for row in rows}


# --- the section --------------------------------------------------------------------------------------------------


def _load_settings(load: Load, entries: list[Entry]) -> None:
    found = {
        Level.SITE: _pairs(entries, Level.SITE, Site, "domain"),
        Level.COURSE: _pairs(entries, Level.COURSE, CourseOverview, "pk"),
    }
    wanted: dict[str, dict[Key, Entry]] = {kind: {} for kind in MODELS}
    for entry in entries:
        kind, level, named = (entry.given[name] for name in ("kind", "level", "key"))
        place = entry.place.field("key")
        entry.values = {name: value for name, value in entry.values.items() if name in MODELS[kind].FIELDS}
        if "studio_override_enabled" in entry.given and "studio_override_enabled" not in MODELS[kind].FIELDS:
            load.note(Refused(entry.place.field("studio_override_enabled"), f"Settings of {kind} have no such field."))
        elif (named is None) != (level == Level.GLOBAL):
            load.note(Refused(place, "The level global has the key null, and every other level a key of its own."))
        elif level == Level.ORG_COURSE and not is_org_course(named):
            load.note(Refused(place, f"{named!r} is not of the form ORG+COURSE."))
        elif level in found and named not in found[level]:
            load.note(Refused(place, f"There is no {level.label.lower()} {named!r}."))
        else:
            wanted[kind][_key(level, found[level][named] if level in found else named)] = entry
    load.stop_if_refused()
    for kind, of_kind in wanted.items():
        _store(MODELS[kind], of_kind)


def _pairs(entries: list[Entry], level: Level, model: type[models.Model], column: str) -> dict[str, Any]:
    names = [entry.given["key"] for entry in entries if entry.given["level"] == level and entry.given["key"]]
    return dict(model._base_manager.filter(**{f"{column}__in_set": names}).values_list(column, "pk"))


FEATURE_BASED_SETTINGS = Section(
    name="feature_based_settings",
    key=("kind", "level", "key"),
    key_defaults={"key": None},
    fields={
        "kind": Column(models.CharField(), renamed={kind: kind for kind in MODELS}),
        "level": Column(models.CharField(), renamed=_LEVELS),
        "key": Column(models.CharField(max_length=255, null=True)),
        **columns(ContentTypeGatingConfig, *ContentTypeGatingConfig.FIELDS),
    },
    load=_load_settings,
)

# --- fields of course runs ----------------------------------------------------------------------------------------


class OneOrMore(Reader):
    """An object or a list of them, each of its own level; null is none."""

    def __init__(self, model: type[FeatureBasedSetting]) -> None:
        level = {"level": Column(models.CharField(), renamed=_LEVELS_OF_RUN)}
        fields = {**level, **columns(model, *model.FIELDS)}
        self.many = Objects(Shape(key=("level",), key_defaults={"level": "run"}, fields=fields))

    def read(self, load: Load, place: Place, value: Any) -> list[Entry]:
        if isinstance(value, dict):
            return [self.many.shape.read(load, place, value)]
        return [] if value is None else self.many.read(load, place, value)


def _load_settings_of_runs(load: Load, entries: list[Entry]) -> None:
    for kind, model in MODELS.items():
        pairs = [(entry, setting) for entry in entries for setting in entry.given.get(kind, ())]
        # Runs that say different things of what they share: the last one counts.
        _store(model, {_key_of_run(load, run.row, setting.given["level"]): setting for run, setting in pairs})
        for run, setting in pairs:
            run.changed |= setting.created or setting.changed


def _key_of_run(load: Load, run: CourseOverview, level: Level) -> Key:
    match level:
        case Level.SITE:
            return _key(level, load.shared.get(OWN_SITE) or own_site_id())
        case Level.ORG:
            return _key(level, run.org)
        case Level.ORG_COURSE:
            return _key(level, CourseKey.parse(run.pk).course_key)
        case _:
            return _key(level, run.pk)


RUN_SETTINGS = Extension(
    section="course_runs",
    fields={kind: OneOrMore(model) for kind, model in MODELS.items()},
    load=_load_settings_of_runs,
)
