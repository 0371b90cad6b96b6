"""Which requests are measured: each main list, detail and write."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from bench.load import Endpoint
from bench.scene import CUSTOMERS, ENROLLMENTS, HELD_RUNS, IDENTITIES, PROCTORED, RUNS, STATES, Scene

BULK_ROWS = 1_000
NESTED = 4  # the goal of lists whose rows carry many nested objects, and of single writes
CONTENT = f"({HELD_RUNS:,} runs)"  # ends the names of those that ask the large catalog


class Asked:
    """The requests, and bodies for those that write."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def endpoints(self) -> list[Endpoint]:
        return [
            *self._plain(),
            *self._catalogs(),
            *self._learners(),
            *self._people(),
            *self._customers(),
            *self._programs(),
            *self._desk(),
            *self._writes(),
            *self._admin(),
        ]

    def _plain(self) -> list[Endpoint]:
        scene, path = self.scene, "/api/enrollment/v1/enrollment"
        learner, staff = scene.tokens["learner"], scene.tokens["staff"]
        return [
            Endpoint("floor", "/bench/floor?bytes=200", learner, goal=None),
            Endpoint(f"GET enrollment ({ENROLLMENTS} enrollments)", path, learner),
            Endpoint("GET enrollment/{run}", f"{path}/{scene.runs[0]}", learner),
            Endpoint("GET enrollments (page of 100)", f"{path}s", staff),
        ]

    def _catalogs(self) -> list[Endpoint]:
        scene, path = self.scene, "/enterprise/api/v1/enterprise_catalogs/"
        boss, operator = scene.tokens["boss"], scene.tokens["operator"]
        own = f"{path}{scene.catalog.pk}/"
        found = [
            Endpoint("GET enterprise_catalogs (page of 10)", path, boss),
            Endpoint("GET enterprise_catalogs/{uuid} (20 documents)", own, boss, goal=NESTED),
            Endpoint(
                "GET enterprise_catalogs/{uuid} (100 documents)", f"{own}?page_size=100", boss, goal=NESTED, grows=False
            ),
        ]
        if hasattr(scene, "large"):
            large = f"{path}{scene.large.pk}/"
            found += [
                Endpoint(f"contains_content_items {CONTENT}", self._contains(1), operator, grows=False),
                Endpoint(f"contains_content_items, 50 asked {CONTENT}", self._contains(50), operator, grows=False),
                Endpoint(f"GET enterprise_catalogs/{{uuid}} {CONTENT}", large, operator, goal=NESTED, grows=False),
                Endpoint(
                    f"the same, page 2,500 of 20 {CONTENT}", f"{large}?page=2500", operator, goal=NESTED, grows=False
                ),
            ]
        return found

    def _learners(self) -> list[Endpoint]:
        scene, path = self.scene, "/enterprise/api/v1/enterprise-learner/"
        staff, skipper, crew = (scene.tokens[name] for name in ("staff", "skipper", "crew0"))
        of_fleet = f"{path}?enterprise_customer={scene.fleet.pk}"
        enrolled = "/enterprise/api/v1/enterprise-course-enrollment"
        of_crew = f"lms_user_id={scene.crew[0]}&enterprise_uuid={scene.fleet.pk}"
        return [
            Endpoint("learners of a customer, first page", of_fleet, staff, goal=NESTED),
            Endpoint("learners of a customer, last page", f"{of_fleet}&page=last", staff, goal=NESTED),
            Endpoint("learners of a customer, page of 100", f"{of_fleet}&page_size=100", staff, goal=NESTED),
            Endpoint("learners, own", path, scene.tokens["learner"], goal=NESTED),
            Endpoint("enterprise enrollments, first page", f"{enrolled}/", skipper),
            Endpoint("enterprise enrollments, page 1,000", f"{enrolled}/?page=1000", skipper),
            Endpoint("enterprise enrollments, last page", f"{enrolled}/?page=last", skipper),
            Endpoint("enterprise enrollments, for staff", f"{enrolled}/", staff),
            Endpoint("enterprise enrollments, own", f"{enrolled}/", crew),
            Endpoint("enterprise enrollments of a learner, by status", f"{enrolled}-admin?{of_crew}", staff),
        ]

    def _people(self) -> list[Endpoint]:
        scene, path = self.scene, "/enterprise/api/v1"
        staff, skipper = scene.tokens["staff"], scene.tokens["skipper"]
        members = f"{path}/enterprise-customer-members/{scene.fleet.pk}"
        known = f"{path}/enterprise-customer-support/{scene.fleet.pk}"
        group = f"{path}/enterprise-group/{scene.group.pk}"
        return [
            Endpoint("members, first page", members, skipper),
            Endpoint("members, last page", f"{members}?page=last", skipper),
            Endpoint("members, search for one", f"{members}?user_query=crew777%40", skipper),
            Endpoint("members, search for one in seven", f"{members}?user_query=fay", skipper),
            Endpoint("admins of a customer", f"{path}/{scene.fleet.pk}/admins", skipper),
            Endpoint("groups of a customer", f"{path}/enterprise_group/", skipper),
            Endpoint("group, detail", f"{path}/enterprise_group/{scene.group.pk}/", skipper),
            Endpoint("learners of a group of 1,000, first page", f"{group}/learners", skipper),
            Endpoint("learners of a group, by address", f"{group}/learners?sort_by=member_details", skipper),
            Endpoint("learners of a group, by enrollments", f"{group}/learners?sort_by=enrollment_count", skipper),
            Endpoint("support users, first page", known, staff),
            Endpoint("support users, last page", f"{known}?page=last", staff),
            Endpoint("support users, by address", f"{known}?ordering=learner", staff),
            Endpoint("support users, search for one", f"{known}?user_query=crew777%40", staff),
        ]

    def _customers(self) -> list[Endpoint]:
        scene, path = self.scene, "/enterprise/api/v1/enterprise-customer/"
        staff, boss = scene.tokens["staff"], scene.tokens["boss"]
        return [
            Endpoint("customer list (page of 10)", path, staff, goal=NESTED),
            Endpoint("customer detail", f"{path}{scene.customers[0]}/", staff),
            Endpoint("customer detail (by its admin)", f"{path}{scene.customer.pk}/", boss),
            Endpoint("customer dashboard_list", f"{path}dashboard_list/", boss, goal=NESTED),
            Endpoint("customer support_tool (page of 10)", f"{path}support_tool/", staff, goal=NESTED),
            Endpoint(f"customer basic_list ({CUSTOMERS})", f"{path}basic_list/", staff, grows=False),
        ]

    def _programs(self) -> list[Endpoint]:
        scene = self.scene
        staff, learner = scene.tokens["staff"], scene.tokens["learner"]
        path = f"/api/program_enrollments/v1/programs/{scene.program.pk}"
        users = f"/api/program_enrollments/v1/users/learner/programs/{scene.program.pk}/courses/"
        run = f"{path}/courses/{scene.studied}"
        return [
            Endpoint("program enrollments (page of 100)", f"{path}/enrollments/", staff),
            Endpoint("program course enrollments (page of 100)", f"{run}/enrollments/", staff),
            Endpoint("program course grades (page of 100)", f"{run}/grades/", staff),
            Endpoint("overview of a program (4 runs)", f"{path}/overview/", learner, goal=NESTED),
            Endpoint("courses of a student (4 runs)", users, learner, goal=NESTED),
            Endpoint("programs of a learner", "/api/program_enrollments/v1/programs/enrollments/", learner),
        ]

    def _desk(self) -> list[Endpoint]:
        staff = self.scene.tokens["staff"]
        inspector = "/support/program_enrollments_inspector_details?edx_user=learner"
        entitlements = "/api/entitlements/v1/entitlements/"
        return [
            Endpoint(f"desk: enrollments ({ENROLLMENTS})", "/support/enrollment/learner", staff, goal=NESTED),
            Endpoint("desk: account", "/support/manage_user/learner", staff),
            Endpoint(f"desk: SSO records ({IDENTITIES}, {STATES} states each)", "/support/sso_records/learner", staff),
            Endpoint(f"desk: onboarding status ({PROCTORED} runs)", "/support/onboarding_status/learner", staff),
            Endpoint("desk: course resets (4)", "/support/course_reset/learner", staff),
            Endpoint("desk: student of a program", inspector, staff, goal=NESTED),
            Endpoint("entitlements (page of 50)", entitlements, staff),
            Endpoint("entitlements of a learner (50)", f"{entitlements}?user=learner", staff),
        ]

    def _writes(self) -> list[Endpoint]:
        scene, enrollment = self.scene, "/api/enrollment/v1/enrollment"
        learner, staff, boss, skipper = (scene.tokens[name] for name in ("learner", "staff", "boss", "skipper"))
        fleet = f"/enterprise/api/v1/enterprise-customer/{scene.fleet.pk}"
        bulk = f"/enterprise/api/v1/enterprise-customer/{scene.customer.pk}/enroll_learners_in_courses/"
        assign = f"/enterprise/api/v1/enterprise_group/{scene.budget.pk}/assign_learners"
        items = f"{fleet}/course_enrollments/"
        many: dict[str, Any] = {"goal": None, "is_long": True, "connections": 1}
        return [
            Endpoint("POST enrollment (new)", enrollment, staff, self._new_enrollment, NESTED),
            Endpoint("POST enrollment (no change)", enrollment, learner, self._known_enrollment, NESTED),
            Endpoint("POST course_enrollments (one known item)", items, skipper, self._known_item, NESTED),
            Endpoint("POST course_enrollments (one new item)", items, skipper, self._new_item, None),
            Endpoint("POST assign_learners (1,000 new members)", assign, skipper, self._new_members, **many),
            Endpoint(f"bulk POST, {BULK_ROWS:,} new rows", bulk, boss, self._new_rows, **many),
            Endpoint(f"bulk POST, {BULK_ROWS:,} known rows", bulk, boss, self._known_rows, **many),
        ]

    def _admin(self) -> list[Endpoint]:
        """Pages for operators: as long as fifty rows with all that is around them."""
        models = (
            "enrollments/user",
            "enrollments/courseenrollment",
            "enterprise/enterprisecustomer",
            "enterprise/enterprisecustomeruser",
            "enterprise/enterprisecourseenrollment",
            "enterprise/enterprisegroupmembership",
            "enterprise/systemwideenterpriseuserroleassignment",
            "program_enrollments/programenrollment",
            "support/courseentitlement",
        )
        return [
            Endpoint(f"admin: {name.split('/')[1]}", f"/admin/{name}/", goal=None, session=self.scene.session)
            for name in models
        ]

    def _contains(self, number: int) -> str:
        asked = "&".join(f"course_run_ids=course-v1:Bulk%2BC{n * 900}%2BT1" for n in range(number))
        return f"/enterprise/api/v1/enterprise-customer/{self.scene.holder.pk}/contains_content_items/?{asked}"

    def _new_enrollment(self, number: int) -> bytes:
        run = self.scene.runs[110 + number // 10_000]
        body = {"user": f"learner{10_000 + number % 10_000}", "course_details": {"course_id": run}}
        return json.dumps(body).encode()

    def _known_enrollment(self, number: int) -> bytes:
        return json.dumps({"course_details": {"course_id": self.scene.runs[number % ENROLLMENTS]}}).encode()

    def _new_members(self, number: int) -> bytes:
        """Half of them have an account and are learners already."""
        crew = len(self.scene.crew)
        addresses = [f"crew{(number * 500 + n) % crew}@fleet.example" for n in range(500)]
        addresses += [f"new{number}-{n}@fleet.example" for n in range(500)]
        return json.dumps({"learner_emails": addresses}).encode()

    def _known_item(self, number: int) -> bytes:
        return self._item(number, number % len(self.scene.crew) % RUNS)

    def _new_item(self, number: int) -> bytes:
        """In a run that nobody of the crew is in yet."""
        return self._item(number, RUNS + 1 + number // len(self.scene.crew))

    def _item(self, number: int, run: int) -> bytes:
        item = {"lms_user_id": self.scene.crew[number % len(self.scene.crew)], "course_run_id": self.scene.runs[run]}
        return json.dumps([{**item, "course_mode": "audit"}]).encode()

    def _new_rows(self, number: int) -> bytes:
        """Half of the learners have an account; a run that nobody of them is in yet."""
        run, many = self.scene.runs[20 + number % 80], self.scene.many
        accounts = [many[(number * 500 + n) % len(many)] for n in range(BULK_ROWS // 2)]
        rows: list[dict[str, Any]] = [{"user_id": account} for account in accounts]
        rows += [{"email": f"new{number}-{n}@acme.example"} for n in range(BULK_ROWS // 2)]
        for row in rows:
            row |= {"course_run_key": run, "transaction_id": str(uuid4())}
        return json.dumps({"enrollments_info": rows, "notify": False}).encode()

    def _known_rows(self, number: int) -> bytes:
        if not hasattr(self, "_repeated"):
            self._repeated = self._new_rows(79)
        return self._repeated
