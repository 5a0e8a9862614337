"""What the bulk engine must know of enrolments: columns and rules of a CSV file, and seats and the
line for them when people come by the thousand.
"""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.accounts.rules import STAFF
from chalicelib.core.kinds import Kind, Rule
from chalicelib.core.listing import contains
from chalicelib.scheduling.csv import AND, LOCK_SECTIONS, SPACE

# The filters of an export, those of the section and of the roster.
_ENROLLMENT_FILTERS = {
    "q": contains("username", "full_name"),
    "course": "course_id = CAST(:course AS bigint)",
    "term": "lower(terms.code) = lower(:term)",
    "teacher": "teacher_id = CAST(:teacher AS bigint)",
    "status": "enrollments.status = :status",
}


def _exported_enrollments(filters: Collection[str]) -> str:
    # In a section by place, so that a line is the same wherever the file goes in.
    conditions = [sql for name, sql in _ENROLLMENT_FILTERS.items() if name in filters]
    return f"""
        SELECT courses.code AS course_code, terms.code AS term, section_code, username,
               enrollments.status
          FROM enrollments
          JOIN users ON users.id = user_id
          JOIN sections ON sections.id = section_id
          JOIN courses ON courses.id = course_id
          JOIN terms ON terms.id = term_id
         WHERE {" AND ".join(conditions) or "true"}
         ORDER BY lower(courses.code), lower(terms.code), lower(section_code),
                  enrollments.status, enrollments.id
    """  # noqa: S608


# A file never takes anybody out: whoever is in a section or its line stays as they are.
ENROLLMENTS = Kind(
    name="enrollments",
    roles=STAFF,
    table="enrollments",
    columns=("course_code", "term", "section_code", "username", "status"),
    key=("course_code", "term", "section_code", "username"),
    match_key=f"lower(r.course_code) {AND} lower(r.term) {AND} lower(r.section_code) {AND}"
    " canonical_username(r.username)",
    joins="""
        LEFT JOIN courses course ON lower(course.code) = lower(r.course_code)
        LEFT JOIN terms term ON lower(term.code) = lower(r.term)
        LEFT JOIN sections section ON section.course_id = course.id AND section.term_id = term.id
                                  AND lower(section.section_code) = lower(r.section_code)
        LEFT JOIN users student ON student.username = r.name
        LEFT JOIN enrollments t ON t.section_id = section.id AND t.user_id = student.id
    """,
    target_keys=f"""
        SELECT enrollments.id, lower(courses.code) {AND} lower(terms.code) {AND}
               lower(section_code) {AND} username AS key
          FROM enrollments
          JOIN sections ON sections.id = section_id
          JOIN courses ON courses.id = course_id
          JOIN terms ON terms.id = term_id
          JOIN users ON users.id = user_id
    """,  # noqa: S608
    parsed={
        "name": "canonical_username(r.username)",
        "wanted": f"coalesce(nullif(lower(btrim(r.status, {SPACE})), ''), 'enrolled')",
    },
    columns_of_new={"section_id": "section.id", "user_id": "student.id"},
    fields=(),
    rules=(
        *(
            Rule(field=name, code="required", message=message, broken=f"r.{name} = ''")
            for name, message in (
                ("course_code", "A course is needed."),
                ("term", "A term is needed."),
                ("section_code", "A section code is needed."),
                ("username", "A username is needed."),
            )
        ),
        Rule(
            field="section_code",
            code="unknown_section",
            message="There is no such section of that course in that term.",
            broken="r.course_code <> '' AND r.term <> '' AND r.section_code <> ''"
            " AND section.id IS NULL",
        ),
        Rule(
            field="section_code",
            code="section_archived",
            message="Nobody is enrolled in an archived section.",
            broken="section.status = 'archived' AND t.id IS NULL",
        ),
        Rule(
            field="username",
            code="unknown_user",
            message="There is no active student of this username.",
            # who is in it need not be active any more
            broken="r.username <> '' AND t.id IS NULL"
            " AND (student.active AND student.role = 'student') IS NOT TRUE",
        ),
        Rule(
            field="status",
            code="not_one_of",
            message="A status is one of enrolled, waitlisted.",
            broken="r.wanted NOT IN ('enrolled', 'waitlisted')",
        ),
    ),
    filters=("q", "course", "term", "teacher", "status"),
    export=_exported_enrollments,
    compared={
        "section_id": "section.id",
        "wanted": "r.wanted",
        "free": "section.capacity - section.enrolled",
    },
    # The lock of the section is taken before its seats are counted. Who is in it takes none.
    locks=(LOCK_SECTIONS,),
    allotted={
        "status": """
            CASE WHEN wanted = 'enrolled' AND row_number() OVER (
                          PARTITION BY good, target_id IS NULL, section_id, wanted ORDER BY line
                      ) <= free
                 THEN 'enrolled' ELSE 'waitlisted' END
        """
    },
    counts={
        "waitlisted": "count(*) FILTER (WHERE outcome = 'created' AND new_status = 'waitlisted')"
    },
)
