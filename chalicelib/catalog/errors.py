"""What can be wrong with a course."""

from __future__ import annotations

from chalicelib.core.errors import Conflict


class CourseCodeTaken(Conflict):
    code = "course_code_taken"
    title = "Course code taken"
    detail = "Another course has this code; upper and lower case do not make a difference."


class CourseInUse(Conflict):
    code = "course_in_use"
    title = "Course in use"
    detail = "The course has sections; remove those first."


BY_CONSTRAINT = {"courses_code_key": CourseCodeTaken, "sections_course_id_fkey": CourseInUse}
