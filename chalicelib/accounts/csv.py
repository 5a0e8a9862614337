"""What the bulk engine must know of users: columns, rules and fields of a CSV file, and what
follows when users are added or changed by the thousand. A file never holds a password.
"""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.accounts import queries
from chalicelib.accounts.rules import (
    EMAIL_PATTERN,
    FULL_NAME_PATTERN,
    LONGEST_EMAIL,
    LONGEST_FULL_NAME,
    LONGEST_USERNAME,
    MANAGERS,
    ROLES,
    SHORTEST_USERNAME,
)
from chalicelib.core.kinds import Field, Kind, Rule

_SPACE = r"E' \t\r\n'"
_NAME = "canonical_username(r.username)"
_ROLES = ", ".join(f"'{role}'" for role in ROLES)
_EMAIL = EMAIL_PATTERN.replace("'", "''")
_MANAGERS_LEFT = "SELECT count(*) FROM users WHERE active AND role = 'manager'"
_STOPS_MANAGING = """
    t.active AND t.role = 'manager' AND NOT (coalesce(r.active_value, t.active)
                                             AND coalesce(r.role_value, t.role) = 'manager')
"""

_INVITED = """
    INSERT INTO mails (kind, user_id)
    SELECT 'invitation', added.id FROM added, asked
     WHERE added.active AND asked.parameters @> '{"invite": true}'
    RETURNING id
"""
_SENT = """
    INSERT INTO outbox (queue, body, correlation_id, claimed_until)
    SELECT 'mail', jsonb_build_object('mail_id', invited.id), asked.request_id, clock_timestamp()
      FROM invited, asked
"""
# As administration.py writes it, one by one.
_WRITTEN_DOWN = """
    INSERT INTO audit_events
        (actor_id, action, object_kind, object_id, before, after, ip, request_id)
    SELECT asked.actor_id, deed.action, 'user', deed.id::text, deed.before, deed.after, '',
           asked.request_id
      FROM asked, (
        SELECT id, 'user_created' AS action, NULL::jsonb AS before,
               jsonb_build_object('role', role, 'active', active) AS after
          FROM added
         UNION ALL
        SELECT changed.id, 'authz_change', jsonb_build_object('role', users.role),
               jsonb_build_object('role', changed.role)
          FROM changed JOIN users USING (id) WHERE users.role <> changed.role
         UNION ALL
        SELECT changed.id, CASE WHEN changed.active THEN 'user_reactivated'
                                ELSE 'user_archived' END,
               jsonb_build_object('active', users.active),
               jsonb_build_object('active', changed.active)
          FROM changed JOIN users USING (id) WHERE users.active <> changed.active
         UNION ALL
        SELECT changed.id, 'user_updated', NULL, jsonb_build_object('changed', array_remove(ARRAY[
               CASE WHEN users.email <> changed.email THEN 'email' END,
               CASE WHEN users.full_name <> changed.full_name THEN 'full_name' END], NULL))
          FROM changed JOIN users USING (id)
         WHERE (users.email, users.full_name) <> (changed.email, changed.full_name)
      ) deed
"""


def _exported_users(filters: Collection[str]) -> str:
    columns = "username, email, full_name, role, active::text AS active"
    # Whom nobody can be any more no import takes back.
    where = queries.USERS.where(filters, "erased_at IS NULL")
    return f"SELECT {columns} FROM users {where} ORDER BY username"  # noqa: S608


USERS = Kind(
    name="users",
    roles=MANAGERS,
    table="users",
    columns=("username", "email", "full_name", "role", "active"),
    key=("username",),
    match_key=_NAME,
    joins="""
        LEFT JOIN users t ON t.username = r.key
        LEFT JOIN users alike ON alike.username_skeleton = r.skeleton
        LEFT JOIN users holder ON lower(holder.email) = lower(r.email_value)
    """,
    target_keys="SELECT id, username AS key FROM users",
    parsed={
        "skeleton": f"username_skeleton({_NAME})",
        "email_value": f"btrim(r.email, {_SPACE})",
        "role_value": f"nullif(lower(btrim(r.role, {_SPACE})), '')",
        "active_value": f"CASE WHEN lower(btrim(r.active, {_SPACE})) IN ('true', '1', 'yes')"
        f" THEN true WHEN lower(btrim(r.active, {_SPACE})) IN ('false', '0', 'no') THEN false END",
    },
    columns_of_new={"username": "r.key"},
    fields=(
        Field(name="email", column="email", value="r.email_value", default="''::text"),
        Field(name="full_name", column="full_name", value="r.full_name", default="''::text"),
        Field(name="role", column="role", value="r.role_value", default="'student'::text"),
        Field(name="active", column="active", value="r.active_value", default="true"),
    ),
    rules=(
        Rule(
            field="username",
            code="required",
            message="A username is needed.",
            broken="r.key = ''",
        ),
        Rule(
            field="username",
            code="too_short",
            message=f"A username has at least {SHORTEST_USERNAME} characters.",
            broken=f"t.id IS NULL AND char_length(r.key) BETWEEN 1 AND {SHORTEST_USERNAME - 1}",
        ),
        Rule(
            field="username",
            code="too_long",
            message=f"A username has at most {LONGEST_USERNAME} characters.",
            broken=f"t.id IS NULL AND char_length(r.key) > {LONGEST_USERNAME}",
        ),
        Rule(
            field="username",
            code="invalid_character",
            message="A username is made of letters, digits, and . _ - inside or at the end.",
            broken="t.id IS NULL AND r.key <> '' AND NOT is_username(r.key)",
        ),
        Rule(
            field="username",
            code="look_alike",
            message="Another user has a username that looks like this one.",
            broken="t.id IS NULL AND alike.id IS NOT NULL",
        ),
        Rule(
            field="username",
            code="user_erased",
            message="This account was erased; nothing of it can be changed.",
            broken="t.erased_at IS NOT NULL",
        ),
        Rule(
            field="email",
            code="required",
            message="An e-mail address is needed.",
            broken="r.email_value = '' OR r.email_value IS NULL AND t.id IS NULL",
        ),
        Rule(
            field="email",
            code="too_long",
            message=f"An e-mail address has at most {LONGEST_EMAIL} characters.",
            broken=f"char_length(r.email_value) > {LONGEST_EMAIL}",
        ),
        Rule(
            field="email",
            code="invalid_email",
            message="This is no e-mail address.",
            broken="r.email_value <> '' AND r.email_value IS DISTINCT FROM t.email"
            f" AND r.email_value !~ '{_EMAIL}'",
        ),
        Rule(
            field="email",
            code="email_taken",
            message="Another user has this e-mail address.",
            broken="holder.id IS DISTINCT FROM t.id AND holder.id IS NOT NULL",
        ),
        Rule(
            field="full_name",
            code="too_long",
            message=f"A full name has at most {LONGEST_FULL_NAME} characters.",
            broken=f"char_length(r.full_name) > {LONGEST_FULL_NAME}",
        ),
        Rule(
            field="full_name",
            code="invalid_character",
            message="A full name is one line without control characters.",
            broken="r.full_name IS DISTINCT FROM t.full_name"
            f" AND r.full_name !~ '{FULL_NAME_PATTERN}'",
        ),
        Rule(
            field="role",
            code="not_one_of",
            message=f"A role is one of {', '.join(ROLES)}.",
            broken=f"r.role_value NOT IN ({_ROLES})",
        ),
        Rule(
            field="active",
            code="not_one_of",
            message="Active is true or false, yes or no, 1 or 0.",
            broken=f"btrim(r.active, {_SPACE}) <> '' AND r.active_value IS NULL",
        ),
    ),
    filters=("q", "role", "active"),
    export=_exported_users,
    options=("invite",),
    compared={
        "skeleton": "r.skeleton",
        "new_email": "lower(r.email_value)",
        "stops_managing": _STOPS_MANAGING,
    },
    rules_of_set=(
        Rule(
            field="username",
            code="look_alike",
            message="An earlier row of the file has a username that looks like this one.",
            broken="target_id IS NULL AND row_number() OVER ("
            "PARTITION BY good, target_id IS NULL, skeleton ORDER BY line) > 1",
        ),
        Rule(
            field="email",
            code="email_taken",
            message="An earlier row of the file has the same e-mail address.",
            broken="new_email IS NOT NULL AND row_number() OVER ("
            "PARTITION BY good, new_email ORDER BY line) > 1",
        ),
        Rule(
            field="role",
            code="last_manager",
            message="Somebody active has to be left who manages; make another manager first.",
            broken="stops_managing AND count(*) FILTER (WHERE good AND stops_managing)"
            f" OVER (ORDER BY line) >= ({_MANAGERS_LEFT})",
        ),
    ),
    consequences={"invited": _INVITED, "sent": _SENT, "written_down": _WRITTEN_DOWN},
    contended=("users_last_manager",),
)
