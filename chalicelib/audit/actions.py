"""The names of everything that is written down, after OWASP's Logging Vocabulary.

A name that OWASP has is used as it is (https://cheatsheetseries.owasp.org/cheatsheets/
Logging_Vocabulary_Cheat_Sheet.html); what it has none for is called in its way, the thing first
and then what was done to it. docs/audit.md says what each means, and a test keeps it complete.
"""

from __future__ import annotations

from typing import Literal

Action = Literal[
    "course_created",
    "course_updated",
    "course_deleted",
    "import_started",
    "import_applied",
    "export_started",
    "sensitive_read",
]
