"""Loading a world: sections in their order, all or nothing (contract: world-format)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.hooks import quiet
from config.world.errors import Place, Refused, WorldRefused
from config.world.fields import Entry, Lookup, Reader, Shape, Wanted, relocate, settle
from config.world.order import SECTION_NAMES
from config.world.sources import Source

MOST_PROBLEMS = 50


@dataclass(frozen=True, kw_only=True)
class Section(Shape):
    """A section of the world file: how its objects are read, and what is done with them.

    Args:
        name: as the contract's table has it.
        load: gets all objects of the section at once; stores them, sets `row` of each entry and `created` or `changed`.
        own: the look-up by which rows of the section refer to each other; its natural key must be the primary key.
    """

    name: str
    load: Callable[[Load, list[Entry]], object]
    own: Lookup | None = None


@dataclass(frozen=True, kw_only=True)
class Extension:
    """Fields that a higher app adds to a section of a lower one.

    Args:
        section: the name of that section.
        load: called after the section's own, with its entries.
    """

    section: str
    fields: Mapping[str, Reader]
    load: Callable[[Load, list[Entry]], object]


@dataclass(slots=True)
class Outcome:
    """What became of the objects of one section."""

    section: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def __str__(self) -> str:
        return f"{self.section}: {self.created} created, {self.updated} updated, {self.unchanged} unchanged"


@dataclass
class Load:
    """One run of the loader, as sections see it.

    Args:
        now: the moment that relative times count from.
        shared: what a section leaves for later ones.
    """

    sources: Sequence[Source]
    now: Any = field(default_factory=timezone.now)
    shared: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    found: dict[Lookup, dict[Any, Any]] = field(default_factory=lambda: defaultdict(dict))
    _wanted: list[Wanted] = field(default_factory=list)
    _closing: list[Callable[[], Any]] = field(default_factory=list)
    _texts: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def note(self, problem: Refused) -> None:
        """Notes a problem; the load stops at the next `stop_if_refused`, at the latest when the section is through."""
        self.problems.append(str(problem))

    def stop_if_refused(self) -> None:
        """Stops the load if a problem was noted.

        Raises:
            WorldRefused: with the first problems.
        """
        if self.problems:
            more = len(self.problems) - MOST_PROBLEMS
            raise WorldRefused(self.problems[:MOST_PROBLEMS] + ([f"... and {more} more."] if more > 0 else []))

    def want(self, wanted: Wanted) -> Wanted:
        """Has a reference looked up once the section is read."""
        self._wanted.append(wanted)
        return wanted

    def at_end(self, call: Callable[[], Any]) -> None:
        """Has something done when all sections are stored, before the transaction ends; not when only checking."""
        self._closing.append(call)

    def in_file(self, section: str, name: str) -> frozenset[str]:
        """The texts that a field has in a section of the files, whether it is loaded yet or not."""
        if (section, name) not in self._texts:
            values = (item.get(name) for source in self.sources for item in source.sections.get(section, ()))
            self._texts[section, name] = frozenset(value for value in values if isinstance(value, str))
        return self._texts[section, name]

    def folder_of(self, place: Place) -> Any:
        """The folder that paths of the file around a place start from."""
        return next(source.folder for source in self.sources if place.source in ("", source.name))

    def _resolve(self) -> None:
        missing: dict[Lookup, set[Any]] = defaultdict(set)
        for wanted in self._wanted:
            if wanted.key not in self.found[wanted.lookup]:
                missing[wanted.lookup].add(wanted.key)
        for lookup, keys in missing.items():
            self.found[lookup].update(lookup.fetch(keys))
        for wanted in self._wanted:
            if wanted.key not in self.found[wanted.lookup]:
                reason = (
                    f"There is no {wanted.lookup.what} {str(wanted.key)!r}, neither in the file nor in the database."
                )
                self.note(Refused(wanted.place, reason))
        self._wanted.clear()

    def run(self, section: Section, extensions: Iterable[Extension] = ()) -> Outcome:
        """Reads and stores one section."""
        entries = self._read(section)
        if section.own:
            keys = [entry.given[section.key[0]] for entry in entries if section.key[0] in entry.given]
            self.found[section.own].update(zip(keys, keys, strict=True))
        self._resolve()
        self.stop_if_refused()
        for entry in entries:
            settle(entry, self.found)
        for store in (section.load, *(extension.load for extension in extensions)):
            try:
                store(self, entries)
            except Refused as problem:
                self.note(problem)
            self.stop_if_refused()
        created = sum(entry.created for entry in entries)
        updated = sum(entry.changed and not entry.created for entry in entries)
        return Outcome(section.name, created, updated, len(entries) - created - updated)

    def _read(self, section: Section) -> list[Entry]:
        entries: dict[Hashable, Entry] = {}
        for source in self.sources:
            named = source.name if len(self.sources) > 1 else ""
            for index, item in enumerate(source.sections.get(section.name, ())):
                place = Place(section.name, index, "", named)
                try:
                    entry = section.read(self, place, item)
                    identity = section.identity(entry)
                    earlier = entries.get(identity)
                    if earlier is not None and earlier.place.source == named:
                        raise Refused(place, f"This has the same natural key as {earlier.place}.")
                    entries[identity] = relocate(entry, earlier) if earlier else entry
                except Refused as problem:
                    self.note(problem)
        return list(entries.values())

    def close(self) -> None:
        """Does what was put off to the end."""
        for call in self._closing:
            call()


def load_world(
    sources: Sequence[Source],
    sections: Iterable[Section],
    extensions: Iterable[Extension] = (),
    *,
    check: bool = False,
) -> list[Outcome]:
    """Loads world files together, in one transaction, without any reaction to the rows.

    Args:
        sources: the files; where two name the same object, the fields of the later one count.
        sections, extensions: those of the installed apps.
        check: only find out whether the files would load.
    Returns:
        One outcome for each section of the files, in their order.
    Raises:
        WorldRefused: something is wrong; nothing was kept.
    Contract: world-format.
    """
    known = {section.name: section for section in sections}
    added = defaultdict(list)
    for extension in extensions:
        added[extension.section].append(extension)
    names = _ordered(sources, known)
    load = Load(sources)
    outcomes = []
    with quiet(), suppress(_Rollback), transaction.atomic():
        for name in names:
            section = known[name]
            if added[name]:
                fields = dict(section.fields)
                for extension in added[name]:
                    fields.update(extension.fields)
                section = replace(section, fields=fields)
            outcomes.append(load.run(section, added[name]))
        if check:
            raise _Rollback
        load.close()
    return outcomes


class _Rollback(Exception):
    """Leaves the transaction of a check."""


def _ordered(sources: Sequence[Source], known: Mapping[str, Section]) -> list[str]:
    problems = []
    for source in sources:
        named = f"{source.name}: " if len(sources) > 1 else ""
        for name in source.sections:
            if name not in SECTION_NAMES:
                problems.append(f"{named}{name}: there is no such section.")
            elif name not in known:
                problems.append(
                    f"{named}{name}: this section is part of the format, but no installed app loads it yet."
                )
    if problems:
        raise WorldRefused(problems)
    return [name for name in SECTION_NAMES if any(name in source.sections for source in sources)]
