"""The page "Learners" of a customer: search, link by address or CSV file, unlink, enroll in bulk from a CSV file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.generic import TemplateView
from unfold.views import UnfoldModelAdminViewMixin
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from config.api.exceptions import Refusal
from config.db.admin import CappedPaginator
from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.queries.jobs import enrollment_jobs
from enterprise.queries.managed_learners import learners_matching, pending_matching
from enterprise.services import bulk_enrollment, jobs, learner_lists

PER_PAGE = 50
RECENT_JOBS = 5

VIEW, LINK, UNLINK, ENROLL = (
    "enterprise.view_enterprisecustomeruser",
    "enterprise.add_enterprisecustomeruser",
    "enterprise.change_enterprisecustomeruser",
    "enterprise.add_bulkjob",
)


class LinkForm(forms.Form):
    """Addresses to link, typed or in a file."""

    addresses = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        required=False,
        help_text="One per line, or separated by commas.",
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        required=False,
        label="Or a CSV file",
        help_text="With a column `email`, or with addresses in its first column.",
    )
    relink_barred = forms.BooleanField(
        widget=UnfoldBooleanWidget, required=False, label="Link learners again who were removed for good"
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        typed, file = cleaned.get("addresses") or "", cleaned.get("file")
        if bool(typed) == bool(file):
            raise forms.ValidationError("Type addresses, or choose a file.")
        cleaned["found"] = read(lambda: learner_lists.addresses_of(file) if file else learner_lists.addresses_in(typed))
        return cleaned


class EnrollForm(forms.Form):
    """A roster to enroll."""

    roster = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        label="CSV file",
        help_text="Columns: course_run_key, email or user_id, license_uuid or transaction_id.",
    )
    notify = forms.BooleanField(widget=UnfoldBooleanWidget, required=False, label="Tell learners by e-mail")
    discount = forms.DecimalField(
        widget=UnfoldAdminDecimalFieldWidget,
        min_value=0,
        max_value=100,
        initial=100,
        help_text="Percent, kept for learners who have no account yet.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            options = {"notify": cleaned["notify"], "discount": cleaned["discount"]}
            cleaned["submission"] = read(lambda: bulk_enrollment.from_csv(cleaned["roster"].file, "", options))
        return cleaned


def read(source: Callable[[], Any]) -> Any:
    """What an upload holds; why it cannot be used becomes an error of the form."""
    try:
        return source()
    except Refusal as refused:
        lines = refused.body.get("errors", ()) if isinstance(refused.body, dict) else ()
        texts = [": ".join(filter(None, [_place(each), each["message"]])) for each in lines if "message" in each]
        raise forms.ValidationError(texts or [refused.text or str(refused.body)]) from refused


def _place(problem: dict[str, Any]) -> str:
    line, column = problem["line"], problem["column"]
    return ", ".join([*([f"line {line}"] if line else []), *([f"column {column}"] if column else [])])


class ManageLearnersView(UnfoldModelAdminViewMixin, TemplateView):
    """One customer's learners. Every change is a POST with `action`: link, unlink, bar, enroll."""

    permission_required = VIEW
    template_name = "admin/enterprise/manage_learners.html"

    @property
    def title(self) -> str:
        return f"Learners of {self.customer.name}"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.customer = get_object_or_404(EnterpriseCustomer.all_objects, pk=kwargs["uuid"])
        self.forms: dict[str, forms.Form] = {}
        return cast(HttpResponse, super().dispatch(request, *args, **kwargs))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        text = self.request.GET.get("q", "").strip()
        allowed = {name: self.request.user.has_perm(name) for name in (LINK, UNLINK, ENROLL)}
        return super().get_context_data(
            customer=self.customer,
            query=text,
            learners=self._page(learners_matching(self.customer, text), "page"),
            pending=self._page(pending_matching(self.customer, text), "pending"),
            link_form=self.forms.get("link") or LinkForm(),
            enroll_form=self.forms.get("enroll") or EnrollForm(),
            jobs=enrollment_jobs(self.customer)[:RECENT_JOBS],
            may_link=allowed[LINK],
            may_unlink=allowed[UNLINK],
            may_enroll=allowed[ENROLL],
            opts=self.model_admin.opts,
            **kwargs,
        )

    def _page(self, rows: Any, parameter: str) -> Page:
        return CappedPaginator(rows, PER_PAGE).get_page(self.request.GET.get(parameter))

    def post(self, request: HttpRequest, uuid: Any) -> HttpResponse:
        actions = {"link": (LINK, self._link), "enroll": (ENROLL, self._enroll)}
        actions |= {"unlink": (UNLINK, self._unlink), "bar": (UNLINK, self._unlink)}
        permission, act = actions.get(request.POST.get("action", ""), ("", None))
        if act is None or not request.user.has_perm(permission):
            raise PermissionDenied
        return act(request)

    def _link(self, request: HttpRequest) -> HttpResponse:
        form = self.forms["link"] = LinkForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(), status=400)
        done = learner_lists.link(
            self.customer, form.cleaned_data["found"], relink_barred=form.cleaned_data["relink_barred"]
        )
        messages.success(
            request,
            f"{done.linked} linked, {done.already_linked} were linked before; {done.pending} wait for an account, "
            f"{done.already_pending} did so before.",
        )
        if done.barred:
            messages.warning(request, f"Removed for good before, and left so: {', '.join(done.barred)}.")
        return self._again()

    def _unlink(self, request: HttpRequest) -> HttpResponse:
        users, pending = (
            [int(value) for value in request.POST.getlist(name) if value.isascii() and value.isdigit()][:PER_PAGE]
            for name in ("user", "pending")
        )
        gone = learner_lists.unlink_selected(
            self.customer, users, pending, is_relinkable=request.POST["action"] != "bar"
        )
        messages.success(request, f"{gone} unlinked." if gone else "Nobody was chosen.")
        return self._again()

    def _enroll(self, request: HttpRequest) -> HttpResponse:
        form = self.forms["enroll"] = EnrollForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(), status=400)
        job, _ = bulk_enrollment.submit(self.customer, cast(User, request.user), form.cleaned_data["submission"])
        jobs.start(job)
        return HttpResponseRedirect(reverse("admin:enterprise_bulkjob_progress", args=[job.pk]))

    def _again(self) -> HttpResponse:
        return HttpResponseRedirect(self.request.get_full_path())
