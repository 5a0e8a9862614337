"""The names of everything that is written down, after OWASP's Logging Vocabulary.

A name that OWASP has is used as it is (https://cheatsheetseries.owasp.org/cheatsheets/
Logging_Vocabulary_Cheat_Sheet.html); what it has none for is called in its way, the thing first
and then what was done to it. docs/audit.md says what each means, and a test keeps it complete.
"""

from __future__ import annotations

from typing import Literal

Action = Literal[
    "authn_login_success",
    "authn_login_fail",
    "authn_password_change",
    "authn_password_change_fail",
    "authn_token_revoked",
    "authn_token_reuse",
    "course_created",
    "course_updated",
    "course_deleted",
    "attachment_created",
    "attachment_completed",
    "attachment_deleted",
    "attachments_deleted",
    "term_created",
    "term_updated",
    "term_deleted",
    "section_created",
    "section_updated",
    "section_deleted",
    "schedule_conflict_allowed",
    "enrollment_created",
    "enrollment_promoted",
    "enrollment_deleted",
    "calendar_feed_created",
    "calendar_feed_rotated",
    "mail_unsubscribed",
    "announcement_created",
    "announcement_published",
    "announcement_updated",
    "announcement_withdrawn",
    "announcement_reminded",
    "channel_created",
    "channel_updated",
    "channel_deleted",
    "channel_tested",
    "user_created",
    "user_updated",
    "user_archived",
    "user_deleted",
    "user_reactivated",
    "user_invited",
    "authz_change",
    "import_started",
    "import_applied",
    "export_started",
    "sensitive_read",
    "queue_redriven",
]
