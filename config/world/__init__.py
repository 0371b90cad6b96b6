"""The frame of the world loader: what all sections share (contract: world-format).

An app describes its sections in `<app>.world.SECTIONS`: each has the readers of its fields (`fields`) and a function
that hands what was read to tables (`tables`). The frame reads the files, orders the sections, finds what objects refer
to, and keeps all or nothing. A higher app may add fields to a section of a lower one in `<app>.world.EXTENSIONS`.
"""

from config.world.errors import Place, Refused, WorldRefused
from config.world.fields import (
    ROW_ID,
    Column,
    Entry,
    Lookup,
    Object,
    Objects,
    Reader,
    Reference,
    References,
    Shape,
    Texts,
    Values,
    columns,
    unattached,
)
from config.world.load import Extension, Load, Outcome, Section, load_world
from config.world.order import SECTION_NAMES
from config.world.sources import Source
from config.world.tables import Table, replace_links
from config.world.times import Relative

__all__ = [
    "ROW_ID",
    "SECTION_NAMES",
    "Column",
    "Entry",
    "Extension",
    "Load",
    "Lookup",
    "Object",
    "Objects",
    "Outcome",
    "Place",
    "Reader",
    "Reference",
    "References",
    "Refused",
    "Relative",
    "Section",
    "Shape",
    "Source",
    "Table",
    "Texts",
    "Values",
    "WorldRefused",
    "columns",
    "load_world",
    "replace_links",
    "unattached",
]
