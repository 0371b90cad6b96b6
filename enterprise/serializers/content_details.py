"""Detail objects of courses, course runs and programs (contract: enterprise-customers 5.2).

What the catalogue has no column for comes from the further fields that are stored with a row.
"""

from __future__ import annotations

from typing import Any

from config.api.fields import wire_time
from enrollments.models import Course, CourseOverview, Program
from enterprise.content.addresses import Addresses
from enterprise.content.documents import organization_object, pacing, seat, status

JSON = dict[str, Any]

# Further fields, with what stands for one that is not stored.
COURSE_DEFAULTS: JSON = {
    "video": None,
    "sponsors": [],
    "prerequisites": [],
    "expected_learning_items": [],
    "marketing_url": None,
}
RUN_DEFAULTS: JSON = {
    "announcement": None,
    "video": None,
    "transcript_languages": [],
    "instructors": [],
    "staff": [],
    "min_effort": None,
    "max_effort": None,
    "weeks_to_complete": None,
    "mobile_available": False,
    "hidden": False,
    "reporting_type": None,
    "eligible_for_financial_aid": False,
}
PROGRAM_DEFAULTS: JSON = {
    "marketing_url": None,
    "banner_image": None,
    "card_image_url": None,
    "is_program_eligible_for_one_click_purchase": True,
    "overview": None,
    "min_hours_effort_per_week": None,
    "max_hours_effort_per_week": None,
    "video": None,
    "expected_learning_items": [],
    "faq": [],
    "credit_backing_organizations": [],
    "corporate_endorsements": [],
    "job_outlook_items": [],
    "individual_endorsements": [],
    "transcript_languages": [],
    "subjects": [],
    "price_ranges": [],
    "staff": [],
    "credit_redemption_overview": None,
    "applicable_seat_types": [],
}


def course_object(details: Any, addresses: Addresses) -> JSON:
    """A course.

    Args:
        details: `enterprise.queries.content_details.CourseDetails`.
    """
    course: Course = details.course
    return {
        "key": course.key,
        "uuid": str(course.uuid),
        "title": course.title,
        "course_type": course.course_type,
        "short_description": course.short_description,
        "full_description": course.full_description,
        "level_type": course.level_type,
        "image": _image(course.image_url),
        "owners": [organization_object(course.organization)] if course.organization else [],
        "subjects": course.subjects,
        "programs": [_program_of_course(program) for program in details.programs],
        **_further(course.additional_metadata, COURSE_DEFAULTS),
        "modified": wire_time(course.modified),
        "content_type": "course",
        "advertised_course_run_uuid": str(details.advertised.row.uuid) if details.advertised else None,
        "entitlements": course.entitlements,
        "skill_names": course.skills,
        "course_runs": [run_object(run, addresses) for run in details.runs],
        "enrollment_url": addresses.enroll_in_course(course.key),
    }


def run_object(details: Any, addresses: Addresses) -> JSON:
    """A course run.

    Args:
        details: `enterprise.queries.content_details.RunDetails`.
    """
    run = details.run
    row: CourseOverview = run.row
    stored = row.additional_metadata if isinstance(row.additional_metadata, dict) else {}
    course = row.course
    paid_seat = run.paid_seat
    return {
        "key": row.pk,
        "uuid": str(row.uuid),
        "title": row.name,
        "image": _image(stored.get("image") or stored.get("image_url") or (course.image_url if course else None)),
        "short_description": row.short_description,
        "full_description": stored.get("full_description") or (course.full_description if course else None),
        "marketing_url": row.marketing_url,
        "seats": [seat(mode, details.credit_provider if mode.mode_slug == "credit" else None) for mode in run.modes],
        "start": wire_time(row.start),
        "end": wire_time(row.end),
        "enrollment_start": wire_time(row.enrollment_start),
        "enrollment_end": wire_time(row.enrollment_end),
        "pacing_type": pacing(row),
        "type": run.best_seat_type,
        "status": status(run),
        "course": run.course_key,
        "is_enrollable": row.enrollment_is_open,
        "is_marketable": run.is_published and bool(run.modes),
        "content_language": row.language,
        "modified": wire_time(row.modified),
        "level_type": stored.get("level_type") or (course.level_type if course else None),
        "availability": run.availability,
        **_further(stored, RUN_DEFAULTS),
        "content_type": "courserun",
        "has_enrollable_seats": run.has_enrollable_seats,
        "first_enrollable_paid_seat_price": paid_seat.min_price if paid_seat else None,
        "enrollment_url": addresses.enroll_in_course(row.pk),
    }


def program_object(details: Any, addresses: Addresses) -> JSON:
    """A program.

    Args:
        details: `enterprise.queries.content_details.ProgramDetails`.
    """
    program: Program = details.program
    stored = program.additional_metadata if isinstance(program.additional_metadata, dict) else {}
    return {
        "uuid": str(program.pk),
        "title": program.title,
        "subtitle": program.subtitle,
        "type": program.type,
        "status": program.status,
        "marketing_slug": program.marketing_slug,
        "courses": [
            {
                "key": course.key,
                "uuid": str(course.uuid),
                "title": course.title,
                "course_runs": [
                    {"key": key, "enrollment_url": addresses.enroll_in_course(key)}
                    for key in details.run_keys.get(course.pk, ())
                ],
                "enrollment_url": addresses.enroll_in_course(course.key),
            }
            for course in details.courses
        ],
        "authoring_organizations": [organization_object(organization) for organization in details.organizations],
        "languages": stored.get("languages") or stored.get("language") or [],
        **_further(stored, PROGRAM_DEFAULTS),
        "enrollment_url": addresses.enroll_in_program(program.pk),
    }


def _program_of_course(program: Program) -> JSON:
    return {
        "uuid": str(program.pk),
        "title": program.title,
        "type": program.type,
        "status": program.status,
        "marketing_slug": program.marketing_slug,
    }


def _image(given: Any) -> Any:
    """A picture: an address, or an object that is stored as it is shown."""
    if isinstance(given, dict):
        return {"src": None, "description": None, "height": None, "width": None, **given}
    return {"src": given, "description": None, "height": None, "width": None} if given else None


def _further(stored: Any, defaults: JSON) -> JSON:
    stored = stored if isinstance(stored, dict) else {}
    return {name: default if stored.get(name) is None else stored[name] for name, default in defaults.items()}
