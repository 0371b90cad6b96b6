"""Bulk enrollment with a CSV file as the body or in a form."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.response import Response
from rest_framework.test import APIClient

from enrollments.models import CourseOverview
from enterprise.models import BulkJob, BulkJobRow, EnterpriseCustomer, PendingEnrollment, PendingEnterpriseCustomerUser
from tests.factories import CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db

RUN = "course-v1:Acme+Sail+T1"
LICENSE = "e1000000-0000-4000-8000-000000000001"
HEADER = "email,course_run_key,license_uuid"
Send = Callable[..., Response]


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory(id=RUN)


@pytest.fixture
def send(boss: APIClient, customer: EnterpriseCustomer, django_capture_on_commit_callbacks: Any) -> Send:
    """Posts a CSV body; `query` is appended to the path."""

    def post(body: str | bytes, *, query: str = "", content_type: str = "text/csv", **headers: str) -> Response:
        path = f"/enterprise/api/v1/enterprise-customer/{customer.pk}/enroll_learners_in_courses/{query}"
        content = body.encode() if isinstance(body, str) else body
        with django_capture_on_commit_callbacks(execute=True):
            return boss.generic("POST", path, content, content_type, headers=headers)

    return post


@pytest.fixture
def upload(boss: APIClient, customer: EnterpriseCustomer, django_capture_on_commit_callbacks: Any) -> Send:
    """Posts a form."""

    def post(**fields: Any) -> Response:
        path = f"/enterprise/api/v1/enterprise-customer/{customer.pk}/enroll_learners_in_courses/"
        with django_capture_on_commit_callbacks(execute=True):
            return boss.post(path, fields, format="multipart")

    return post


def roster(*addresses: str) -> str:
    return "\n".join([HEADER, *(f"{address},{RUN},{LICENSE}" for address in addresses)])


def file(content: str | bytes, name: str = "roster.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content, "text/csv")


def errors_of(answer: Response) -> list[tuple[int | None, str | None, str]]:
    assert answer.status_code == 400
    body = answer.json()
    assert body["detail"].startswith("The CSV file cannot be used and nothing was done")
    assert not PendingEnterpriseCustomerUser.objects.exists()
    assert not BulkJob.objects.exists()
    return [(each["line"], each["column"], each["message"]) for each in body["errors"]]


def enrolled(answer: Response) -> list[str]:
    return [each["email"] for each in (*answer.json()["successes"], *answer.json()["pending"])]


# --- What a file may look like --------------------------------------------------------------------------------------


def test_a_csv_body_is_answered_like_a_json_one(send: Send, run: CourseOverview) -> None:
    learner = UserFactory()
    answer = send(f"{roster(learner.email, 'newbie@acme.test', 'no-address')}\n")
    assert answer.status_code == 409
    assert [each["user_id"] for each in answer.json()["successes"]] == [learner.pk]
    assert [each["email"] for each in answer.json()["pending"]] == ["newbie@acme.test"]
    assert answer.json()["invalid_email_addresses"] == ["no-address"]


def test_every_field_of_a_row_has_a_column(send: Send, run: CourseOverview) -> None:
    learner = UserFactory()
    shut = CourseRunFactory(id="course-v1:Acme+Shut+T1", closed=True)
    lines = [
        "Is_Default_Auto_Enrollment, transaction_id ,license_uuid,course_run_key,email,USER_ID,activation_link,"
        "force_enrollment",
        f"false,{LICENSE},,{shut.pk},,{learner.pk},https://portal.example/a,yes",
        f",,{LICENSE},{RUN},newbie@acme.test,,,",
    ]
    answer = send("\r\n".join(lines))
    assert answer.status_code == 202
    assert answer.json()["successes"][0]["activation_link"] == "https://portal.example/a"
    assert answer.json()["successes"][0]["course_run_key"] == shut.pk
    first, second = BulkJobRow.objects.order_by("position")
    assert (str(first.transaction_id), first.license_uuid, first.force_enrollment) == (LICENSE, None, True)
    assert (second.transaction_id, str(second.license_uuid), second.force_enrollment) == (None, LICENSE, False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_the_encodings_of_spreadsheets_are_recognised(encoding: str, send: Send, run: CourseOverview) -> None:
    addresses = ["anna@zürich.example", "josé@málaga.example", "françois@nîmes.example", "jörg@köln.example"]
    answer = send(roster(*addresses).encode(encoding))
    assert answer.status_code == 409
    assert enrolled(answer) == ["anna@zürich.example"]
    assert answer.json()["invalid_email_addresses"] == addresses[1:]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_utf_16_file_with_its_mark_is_read(mark: bytes, send: Send, run: CourseOverview) -> None:
    encoding = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    assert enrolled(send(mark + roster("newbie@acme.test").encode(encoding))) == ["newbie@acme.test"]


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "utf-32"])
def test_an_encoding_that_cannot_be_told_is_refused(encoding: str, send: Send) -> None:
    addresses = ["иван@почта.example", "пётр@почта.example", "мария@почта.example", "сергей@почта.example"]
    [(line, column, message)] = errors_of(send(roster(*addresses).encode(encoding)))
    assert (line, column) == (None, None)
    assert message.startswith("The encoding of the file cannot be told.")


def test_the_encoding_may_be_named(send: Send, run: CourseOverview) -> None:
    answer = send(roster("anna@zürich.example").encode("latin-1"), content_type="text/csv; charset=iso-8859-1")
    assert enrolled(answer) == ["anna@zürich.example"]
    answer = send(b"\xef\xbb\xbf" + roster("newbie@acme.test").encode(), content_type="text/csv; charset=utf-8")
    assert enrolled(answer) == ["newbie@acme.test"]


def test_a_file_that_is_not_in_the_named_encoding_is_refused(send: Send) -> None:
    answer = send(roster("anna@zürich.example").encode("latin-1"), content_type="text/csv; charset=utf-8")
    assert errors_of(answer) == [(None, None, "The file is not utf-8, as it was said to be.")]


def test_an_unknown_encoding_is_refused(send: Send) -> None:
    assert send(roster("newbie@acme.test"), content_type="text/csv; charset=klingon").status_code == 400


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_separate(separator: str, send: Send, run: CourseOverview) -> None:
    assert enrolled(send(roster("newbie@acme.test").replace(",", separator))) == ["newbie@acme.test"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_they_do_anywhere(ending: str, send: Send, run: CourseOverview) -> None:
    assert enrolled(send(roster("a@acme.test", "b@acme.test").replace("\n", ending))) == ["a@acme.test", "b@acme.test"]


def test_blank_lines_and_lines_of_empty_cells_are_skipped(send: Send, run: CourseOverview) -> None:
    lines = roster("a@acme.test", "b@acme.test").split("\n")
    assert enrolled(send("\n".join(["", lines[0], "", lines[1], " , ,", ",,", lines[2], "", ""]))) == [
        "a@acme.test",
        "b@acme.test",
    ]


def test_cells_may_be_quoted(send: Send, run: CourseOverview) -> None:
    assert enrolled(send(f'"email","course_run_key","license_uuid"\n" a@acme.test ","{RUN}",{LICENSE}')) == [
        "a@acme.test"
    ]
    answer = send(f'{HEADER}\n"odd, ""name""\n@acme.test",{RUN},{LICENSE}')
    assert answer.json()["invalid_email_addresses"] == ['odd, "name"\n@acme.test']


# --- Files that cannot be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["", "\n \n", HEADER, f"{HEADER}\n\n,,\n"])
def test_a_file_without_rows_is_refused(body: str, send: Send) -> None:
    assert errors_of(send(f"{body}\n")) == [(1, None, "The file has no rows.")]


def test_unknown_repeated_and_missing_columns_are_named(send: Send) -> None:
    assert errors_of(send("\nemail,Email,mode,=cmd\na,b,c,d")) == [
        (2, "mode", "Unknown column."),
        (2, "=cmd", "Unknown column."),
        (2, "email", "The column appears twice."),
        (2, "course_run_key", "The column is missing."),
        (2, "license_uuid or transaction_id", "The column is missing."),
    ]
    assert errors_of(send(f"course_run_key,license_uuid\n{RUN},{LICENSE}")) == [
        (1, "user_id or email", "The column is missing.")
    ]


def test_bad_values_are_named_with_line_and_column(send: Send) -> None:
    lines = [
        "user_id,email,course_run_key,license_uuid,transaction_id,force_enrollment,activation_link",
        f"seven,,{RUN},{LICENSE},,,",
        '8,"two\nlines",,one,,perhaps,',
        "",
        f"0,,{RUN},{LICENSE},,,",
        f"9,,{RUN},,,,",
        f"9,,{RUN},{LICENSE},{LICENSE},,",
        f"9,,{RUN},{LICENSE},,,there",
    ]
    assert errors_of(send("\n".join(lines))) == [
        (2, "user_id", "A valid integer is required."),
        (3, "course_run_key", "This field is required."),
        (3, "license_uuid", "Must be a valid UUID."),
        (3, "force_enrollment", "Must be a valid boolean."),
        (6, None, "At least one user identifier field [user_id or email] required."),
        (7, None, "At least one subsidy info field [license_uuid or transaction_id] required."),
        (
            8,
            None,
            "Enrollment info contains conflicting subsidy information: `license_uuid` and `transaction_id` found",
        ),
        (9, "activation_link", "Enter a valid URL."),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f'"a@acme.test,{RUN},{LICENSE}', "The line cannot be read: unexpected end of data."),
        (f'"a"@acme.test,{RUN},{LICENSE}', "The line cannot be read: ',' expected after '\"'."),
        (f"{'a' * 200_000},{RUN},{LICENSE}", "The line cannot be read: field larger than field limit (131072)."),
    ],
)
def test_a_line_that_is_no_csv_is_named(line: str, message: str, send: Send) -> None:
    assert errors_of(send(f"{roster('good@acme.test')}\n{line}")) == [(3, None, message)]


def test_a_line_longer_than_the_header_is_named(send: Send) -> None:
    assert errors_of(send(f"{roster('good@acme.test')},surplus")) == [
        (2, "4", "The line has more cells than the header.")
    ]


def test_a_null_character_is_refused(send: Send) -> None:
    assert errors_of(send(roster("good@acme.test", "a\0b@acme.test").encode()))


def test_at_most_a_hundred_errors_are_told(send: Send) -> None:
    answer = send("\n".join([HEADER, *(f"a@acme.test,{RUN},bad" for _ in range(500))]))
    assert len(errors_of(answer)) == 100
    assert "(the first 100)" in answer.json()["detail"]


def test_more_rows_than_a_job_may_have_are_refused(send: Send, settings: Any) -> None:
    settings.BULK_JOB_MAX_ROWS = 2
    assert errors_of(send(roster("a@acme.test", "b@acme.test", "c@acme.test"))) == [
        (4, None, "The file has more than 2 rows.")
    ]


def test_a_file_beyond_the_limit_gets_413(send: Send, upload: Send, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    large = roster("a" * 1000)
    assert send(large).status_code == 413
    assert upload(file=file(large)).json() == {"detail": "The request body is too large."}


# --- Options, forms, jobs -------------------------------------------------------------------------------------------


def test_options_of_a_csv_body_stand_in_the_query(send: Send, run: CourseOverview) -> None:
    send(roster("newbie@acme.test"), query="?notify=true&discount=7.5")
    assert PendingEnrollment.objects.get().discount_percentage == Decimal("7.5")
    assert len(mail.outbox) == 1


def test_bad_options_are_refused(send: Send) -> None:
    answer = send(roster("newbie@acme.test"), query="?notify=perhaps&discount=-1")
    assert answer.status_code == 400
    assert answer.json() == {
        "discount": ["Ensure this value is greater than or equal to 0."],
        "notify": ["Must be a valid boolean."],
    }


def test_a_file_in_a_form_is_enrolled_with_the_forms_options(upload: Send, run: CourseOverview) -> None:
    answer = upload(roster=file(roster("newbie@acme.test").encode("utf-16")), notify="true", discount="7.5")
    assert answer.status_code == 202
    assert PendingEnrollment.objects.get().discount_percentage == Decimal("7.5")
    assert len(mail.outbox) == 1


def test_a_form_holds_one_file(upload: Send) -> None:
    answer = upload(one=file(roster("a@acme.test")), two=file(roster("b@acme.test")))
    assert (answer.status_code, answer.json()) == (400, {"detail": "Send one CSV file in a form, not 2."})


def test_a_file_that_is_no_csv_at_all_is_refused(upload: Send) -> None:
    answer = upload(file=SimpleUploadedFile("roster.xlsx", b"PK\x03\x04" + bytes(range(256)) * 20, "application/zip"))
    assert errors_of(answer)


def test_a_csv_file_may_become_a_job(send: Send, run: CourseOverview, boss: APIClient) -> None:
    answer = send(roster("newbie@acme.test"), prefer="respond-async")
    assert answer.status_code == 202
    assert boss.get(answer["Location"]).json()["counts"]["pending"] == 1


def test_a_key_tells_equal_files_whatever_their_form(send: Send, run: CourseOverview, boss: APIClient) -> None:
    key = {"idempotency-key": "roster 7"}
    first = send(roster("newbie@acme.test"), **key)
    again = send((roster(" newbie@acme.test") + "\r\n").encode("utf-16"), **key)
    assert first.json() == again.json()
    assert BulkJob.objects.count() == 1
    assert send(roster("other@acme.test"), **key).status_code == 422


def test_a_download_of_results_is_recognised_as_no_roster(send: Send) -> None:
    found = errors_of(send(f"position,{HEADER},state\n0,a@acme.test,{RUN},{LICENSE},failed"))
    assert found == [(1, "position", "Unknown column."), (1, "state", "Unknown column.")]
