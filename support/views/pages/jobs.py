"""Pages that watch bulk jobs: what was asked for, how far it is, and what became of every row."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse

from enterprise.bulk.results import csv_lines
from enterprise.models import BulkJob, BulkJobRow
from enterprise.queries.jobs import every_row_result, reasons_of
from support.queries.jobs import every_job, job_named, rows_after
from support.views.pages.frame import JOBS, ReadOnlyPage, address, given_text

JOBS_AT_ONCE = 25
ROWS_AT_ONCE = 50
LARGEST_NUMBER = 2**31 - 1  # of a page or a position


class JobsPage(ReadOnlyPage):
    """The jobs of all customers; the list looks anew while one of them is at work."""

    entry = JOBS
    template_name = "support/jobs.html"

    def content(self, **kwargs: Any) -> dict[str, Any]:
        customer, state = given_text(self.request, "customer"), given_text(self.request, "state")
        number = given_number(self.request, "page") or 1
        begin = (number - 1) * JOBS_AT_ONCE
        found = list(every_job(customer, state)[begin : begin + JOBS_AT_ONCE + 1])
        jobs = found[:JOBS_AT_ONCE]
        here = {"customer": customer, "state": state}
        return {
            "jobs": jobs,
            "customer": customer,
            "state": state,
            "states": BulkJob.State.choices,
            "at_work": any(not job.has_ended for job in jobs),
            "itself": self.request.get_full_path(),
            "first_page": address(JOBS, **here) if number > 1 else "",
            "next_page": address(JOBS, **here, page=str(number + 1)) if len(found) > JOBS_AT_ONCE else "",
        }


class JobPage(ReadOnlyPage):
    """One job: a bar that moves while it is at work, and the results of its rows."""

    entry = JOBS
    template_name = "support/job.html"

    def content(self, **kwargs: Any) -> dict[str, Any]:
        job = asked_job(kwargs["uuid"])
        state, after = given_text(self.request, "state"), given_number(self.request, "after")
        state = state if state in BulkJobRow.State else ""
        found = rows_after(job, after if after is not None else -1, state, ROWS_AT_ONCE + 1)
        rows = found[:ROWS_AT_ONCE]
        more = f"?state={state}&after={rows[-1].position}" if len(found) > ROWS_AT_ONCE else ""
        return {
            "title": "Bulk job",
            "job": job,
            "percent": 100 * job.done // job.total if job.total else 100 * job.has_ended,
            "reasons": reasons_of(job) if job.has_ended else [],
            "rows": rows,
            "state": state,
            "states": BulkJobRow.State.choices,
            "itself": self.request.get_full_path(),
            "first_page": f"?state={state}" if after is not None else "",
            "next_page": more,
        }


class JobRowsFile(ReadOnlyPage):
    """The results of all rows as a file, written while it is read."""

    entry = JOBS

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse | StreamingHttpResponse:  # type: ignore[override]
        job = asked_job(kwargs["uuid"])
        response = StreamingHttpResponse(csv_lines(every_row_result(job)), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="bulk-job-{job.pk}.csv"'
        return response


def asked_job(uuid: UUID) -> BulkJob:
    """The job of the address.

    Raises:
        Http404: there is none.
    """
    job = job_named(uuid)
    if job is None:
        raise Http404
    return job


def given_number(request: HttpRequest, name: str) -> int | None:
    """A number of the query that a column can hold; None when there is none."""
    text = request.GET.get(name, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None
    return number if number is not None and number <= LARGEST_NUMBER else None
