"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from enrollments.urls import LEARNER, RUN
from program_enrollments.views import (
    course_enrollments,
    grades,
    integration_reset,
    learner_programs,
    overviews,
    program_enrollments,
)

API = "^api/program_enrollments/v1"
PROGRAM = rf"{API}/programs/(?P<program_uuid>[A-Fa-f0-9-]+)"

# Where no end is marked, anything may follow.
v1: list[URLPattern | URLResolver] = [
    re_path(
        rf"{API}/programs/enrollments/\Z",
        learner_programs.LearnerProgramsView.as_view(),
        name="learner_program_enrollments",
    ),
    re_path(
        rf"{API}/programs/readonly_access/\Z",
        learner_programs.LearnerProgramsView.as_view(),
        name="user_program_readonly_access",
    ),
    re_path(
        rf"{PROGRAM}/enrollments/\Z",
        program_enrollments.ProgramEnrollmentsView.as_view(),
        name="program_enrollments",
    ),
    re_path(
        rf"{PROGRAM}/courses/{RUN}/enrollments/",
        course_enrollments.CourseEnrollmentsView.as_view(),
        name="program_course_enrollments",
    ),
    re_path(rf"{PROGRAM}/courses/{RUN}/grades/", grades.GradesView.as_view(), name="program_course_grades"),
    re_path(
        rf"{PROGRAM}/overview/", overviews.ProgramOverviewView.as_view(), name="program_course_enrollments_overview"
    ),
    re_path(
        rf"{API}/users/{LEARNER}/programs/(?P<program_uuid>[A-Fa-f0-9-]+)/courses",
        overviews.LearnerCoursesView.as_view(),
        name="user_program_course_enrollments",
    ),
    re_path(
        rf"{API}/integration-reset/?\Z",
        integration_reset.IntegrationResetView.as_view(),
        name="reset_enrollment_data",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(([path("", include((v1, "v1")))], "programs_api"))),
]
