"""Course keys: what parses (contract: enrollment-api, Conventions)."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey as ReferenceKey

from enrollments.course_keys import MAX_LENGTH, CourseKey, InvalidCourseKey

SIGNS = "_-~.:%+/@ \n\t*#é字٣"
words = st.text(alphabet=st.sampled_from("aZ9" + SIGNS) | st.characters(exclude_categories=["Cs"]), max_size=8)
near_words = st.text(alphabet="aB0_-~.:", min_size=1, max_size=6)
shapes = st.one_of(
    words,
    st.builds("course-v1:{}+{}+{}".format, words, words, words),
    st.builds("course-v1:{}+{}+{}".format, near_words, near_words, near_words),
    st.builds("course-v1:{}+{}+{}{}".format, near_words, near_words, near_words, words),
    st.builds("course-v1:{}+{}+{}+branch@{}".format, near_words, near_words, near_words, words),
    st.builds("course-v1:{}+{}+{}+version@{}".format, near_words, near_words, near_words, words),
    st.builds("{}/{}/{}".format, words, words, words),
    st.builds("{}/{}/{}".format, near_words, near_words, near_words),
    st.builds("library-v1:{}+{}".format, near_words, words),
    st.builds("{}:{}+{}+{}".format, words, near_words, near_words, near_words),
)


def reference(text: str) -> tuple[str, str, str | None] | None:
    """Org, course and run by edx-opaque-keys, where the contract does not want less than it takes; None for no key."""
    try:
        key = ReferenceKey.from_string(text)
    except InvalidKeyError:
        return None
    if key.CANONICAL_NAMESPACE == "library-v1":
        # It also takes libraries with a branch or version, and drops what it does not know.
        return (key.org, key.library, None) if text == f"library-v1:{key.org}+{key.library}" else None
    if key.CANONICAL_NAMESPACE != "course-v1" or not (key.org and key.course and key.run):
        return None  # it also takes `ORG/COURSE/`, and a version without the three parts
    return key.org, key.course, key.run


def ours(text: str) -> tuple[str, str, str | None] | None:
    try:
        key = CourseKey.parse(text)
    except InvalidCourseKey:
        return None
    return key.org, key.course, key.run


@settings(max_examples=600, deadline=None)
@given(shapes)
@example("course-v1:Acme+PHYS101+2031_T1")
@example("Acme/PHYS101/2031_T1")
@example("Acme/PHYS%20101/T1")
@example("course-v1:Acme+PHYS101+2031_T1\n")
@example("course-v1:Acme+PHYS101+2031_T1+extra")
@example("course-v1:Acme+PHYS101+2031_T1+branch@draft")
@example("course-v1:Acme+PHYS101+2031_T1+version@519665f6223ebd6980884f2b")
@example("course-v1:Acme+PHYS101+2031_T1+branch@draft+version@519665f6223ebd6980884f2b")
@example("Course-V1:Acme+PHYS101+T1")
@example("ccx-v1:Acme+PHYS101+T1+ccx@1")
@example("library-v1:Acme+LIB")
@example("a+b+c")
@example("")
def test_the_parser_agrees_with_edx_opaque_keys(text: str) -> None:
    assert ours(text) == reference(text)


def test_a_key_tells_its_course_and_gives_its_text_back() -> None:
    key = CourseKey.parse("course-v1:Acme+PHYS101+2031_T1")
    assert (key.org, key.course, key.run, key.course_key) == ("Acme", "PHYS101", "2031_T1", "Acme+PHYS101")
    assert str(key) == "course-v1:Acme+PHYS101+2031_T1"


@pytest.mark.parametrize("value", [None, 5, [], {}, b"course-v1:A+B+C", "course-v1:A+B+" + "C" * MAX_LENGTH])
def test_what_is_no_text_or_too_long_for_its_column_does_not_parse(value: object) -> None:
    with pytest.raises(InvalidCourseKey):
        CourseKey.parse(value)
