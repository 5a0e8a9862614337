"""Whatever is sent as a section, the answer is one that the description knows; what is taken is
given back."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import API, AddCourse, AddTerm

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec=None), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
near_meetings = st.fixed_dictionaries(
    {
        "weekday": st.integers(0, 8) | values,
        "first_period": st.integers(0, 13) | values,
        "last_period": st.integers(0, 13) | values,
        "weeks": st.lists(st.integers(0, 17), max_size=20) | values,
    },
    optional={"room": texts | values, "surprise": values},
)
near_sections = st.fixed_dictionaries(
    {"section_code": texts | values},
    optional={
        "teacher_id": st.integers() | values,
        "capacity": st.integers(-1, 100_001) | values,
        "status": st.sampled_from(["draft", "published", "archived"]) | values,
        "meetings": st.lists(near_meetings, max_size=3) | values,
        "surprise": values,
    },
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=near_sections)
def test_any_body(api: API, add_course: AddCourse, add_term: AddTerm, body: dict[str, Any]) -> None:
    found = api.get("/api/courses", as_="rosa").json["items"]
    course = found[0] if found else add_course()
    if not api.get("/api/terms", as_="rosa").json["items"]:
        add_term()
    whole = {"course_id": course["id"], "term": "2026-autumn"} | body
    created = api.post("/api/sections", as_="rosa", body=whole)
    assert created.status in (201, 409, 422)
    if created.status == 201:
        path = created.headers["Location"]
        assert api.patch(path, as_="rosa", body=whole).body == created.body
