"""Course keys: `course-v1:ORG+COURSE+RUN`, and the older `ORG/COURSE/RUN` (contract: enrollment-api, Conventions)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# Letters, digits and "_" of any script, and the signs the contract lists. The older form also takes "%", but neither
# "~" nor a colon, which would make what stands before it an unknown prefix: as clients' own parsers have it.
_PART = r"[\w\-~.:]+"
_OLD_PART = r"[\w\-.%]+"
_KEY = re.compile(
    rf"course-v1:(?P<org>{_PART})\+(?P<course>{_PART})\+(?P<run>{_PART})(?:\+branch@{_PART})?(?:\+version@[0-9a-fA-F]{{24}})?"
)
_OLD_KEY = re.compile(rf"(?P<org>{_OLD_PART})/(?P<course>{_OLD_PART})/(?P<run>{_OLD_PART})")
_LIBRARY_KEY = re.compile(rf"library-v1:(?P<org>{_PART})\+(?P<library>{_PART})")
MAX_LENGTH = 255


class InvalidCourseKey(ValueError):
    """The text is no course key."""


@dataclass(frozen=True, slots=True)
class CourseKey:
    """A parsed key; `str()` gives back the text it came from. A library key names no run: its `run` is None."""

    text: str
    org: str
    course: str
    run: str | None

    def __str__(self) -> str:
        return self.text

    @property
    def course_key(self) -> str:
        """The key of the course that the run belongs to, `ORG+COURSE`."""
        return f"{self.org}+{self.course}"

    @classmethod
    def parse(cls, text: object) -> CourseKey:
        """The key that a text spells.

        Raises:
            InvalidCourseKey: the value is not a text, is longer than 255 characters, or has another form.
        """
        if not isinstance(text, str) or len(text) > MAX_LENGTH:
            raise InvalidCourseKey(str(text)[:MAX_LENGTH])
        return _parse(text)


def is_run_key(text: object) -> bool:
    """Whether a value is the key of a run, whether there is such a run or not."""
    try:
        return CourseKey.parse(text).run is not None
    except InvalidCourseKey:
        return False


@lru_cache(maxsize=4096)
def _parse(text: str) -> CourseKey:
    found = _KEY.fullmatch(text) or _OLD_KEY.fullmatch(text)
    if found:
        return CourseKey(text, found["org"], found["course"], found["run"])
    library = _LIBRARY_KEY.fullmatch(text)
    if library:
        return CourseKey(text, library["org"], library["library"], None)
    raise InvalidCourseKey(text)
