"""Fills the service from world files (contract: world-format)."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import module_has_submodule

from config.world import Extension, Section, Source, WorldRefused, load_world


class Command(BaseCommand):
    help = "Loads one or several world files, together and all or nothing; loading them again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a JSON file; - reads standard input")
        parser.add_argument("--check", action="store_true", help="only find out whether the files would load")

    def handle(self, *args: Any, files: list[str], check: bool, verbosity: int, **options: Any) -> None:
        sections, extensions = sections_of_apps()
        try:
            outcomes = load_world([_read(name) for name in files], sections, extensions, check=check)
        except WorldRefused as error:
            raise CommandError(f"Nothing was loaded.\n{error}") from error
        if verbosity:
            for outcome in outcomes:
                self.stdout.write(str(outcome))
            if check:
                self.stdout.write("This was a check: nothing was kept.")


def sections_of_apps() -> tuple[list[Section], list[Extension]]:
    """The sections, and the fields added to those of other apps, that the installed apps load."""
    sections: list[Section] = []
    extensions: list[Extension] = []
    for app in apps.get_app_configs():
        if app.module and module_has_submodule(app.module, "world"):
            world = import_module(f"{app.name}.world")
            sections += getattr(world, "SECTIONS", ())
            extensions += getattr(world, "EXTENSIONS", ())
    return sections, extensions


def _read(name: str) -> Source:
    if name == "-":
        return Source.parse("standard input", Path.cwd(), sys.stdin.buffer.read())
    path = Path(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
    return Source.parse(name, path.resolve().parent, content)
