"""What the worlds refer to."""

from __future__ import annotations

import pytest

from tests.factories import CourseFactory, CourseRunFactory, EnterpriseCustomerFactory, UserFactory
from tests.support.load_world_enterprise.worlds import MILLS, RUN, WORKS


@pytest.fixture
def scene(db: None) -> None:
    """Two customers, four accounts, a run."""
    for uuid, slug in ((WORKS, "works"), (MILLS, "mills")):
        EnterpriseCustomerFactory(uuid=uuid, slug=slug)
    for name in ("anna", "bert", "cleo", "dora"):
        UserFactory(username=name, email=f"{name.title()}@works.example")
    CourseRunFactory(id=RUN, course=CourseFactory(key="PineX+Trees"), modes=["audit", "verified"])
