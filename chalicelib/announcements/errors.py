"""What can be wrong with announcements, their deliveries and reminders."""

from __future__ import annotations

from chalicelib.core.errors import Conflict, Forbidden, TooManyRequests


class NotYourStudents(Forbidden):
    code = "not_your_students"
    title = "Not your students"
    detail = "You may address all students, or students of sections that you teach."


class AnnouncementWithdrawn(Conflict):
    code = "announcement_withdrawn"
    title = "Announcement withdrawn"
    detail = "The announcement was withdrawn."


class AttachmentInUse(Conflict):
    code = "attachment_in_use"
    title = "File in use"
    detail = "An announcement has this file; take it out there, or withdraw the announcement."


class AnnouncementPublished(Conflict):
    code = "announcement_published"
    title = "Announcement published"
    detail = "Whom it is for, and when, cannot change once it is published."


class AnnouncementScheduled(Conflict):
    code = "announcement_scheduled"
    title = "Announcement not published yet"
    detail = "The announcement is not published yet."


class RemindedTooSoon(TooManyRequests):
    code = "reminded_too_soon"
    title = "Reminded too soon"
    detail = "Readers are reminded once an hour at most; wait for as long as Retry-After says."
