"""People: sessions, recovery, limits, preferences; the audit log; mails and who may not get any.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

from chalicelib.accounts.alphabet import LETTERS

revision = "0003"
down_revision = "0002"

# Letters that Unicode's table of confusables (UTS #39) gives as look-alikes of an ASCII letter or
# digit, as far as NFKC and case folding leave them.
LOOK_ALIKES = {
    "2": "ᒿ",
    "3": "𑣊𖼻",
    "4": "Ꮞ",
    "6": "бᏮ𑣕",
    "7": "𑣆",
    "8": "ȣ𐌚",
    "9": "𑣌𑣖",
    "a": "ɑαаᎪᗅꓮ𐊠𖽀",
    "b": "ᏏᏴᑲᖯᗷꓐ𐊂𐊡𐌁",
    "c": "сᏟᴄⲥꓚ𐊢𐌂𐐽𐔜",
    "d": "ԁᎠᏧᑯᗞᗪꓒꓓ",
    "e": "еҽᎬⴹꓰꬲ𐊆",
    "f": "քᖴẝꓝꞙꬵ𐊇𐊥𐔥𑣂",
    "g": "ƍɡցᏀᏳᶃꓖ",
    "h": "һհᎻᏂᕼꓧ𐋏",
    "i": "ıɩɪιіӏᎥꙇ𑣃",
    "j": "ϳјᎫᒍꓙ",
    "k": "Ꮶᛕꓗ𐔘",
    "l": "1ǀᏞᒪᛁᣳⵏꓡꓲ𐊊𐌉𐔦𖼖𖼨",
    "m": "Ꮇᗰᛖꓟ𐊰𐌑",
    "n": "ոռꓠ𐔓",
    "o": "0οσоօଠഠဝჿዐᴏᴑⲟⵔꓳꬽ𐊒𐊫𐐬𐓪𐔖𑣈𑣗",
    "p": "ρрᏢᑭᣖⲣꓑ𐊕",
    "q": "ԛգզⵕ",
    "r": "гᎡᏒᖇᣴᴦⲅꓣꭇꭈ𖼵",
    "s": "ƽѕᏕᏚᣵꓢꜱ𐊖𐑈𑣁𖼺",
    "t": "Ꭲꓔ𐊗𐊱𐌕𖼊",
    "u": "ʋυսሀᑌᴜꓴꞟꭎꭒ𐓶𑣘𖽂",
    "v": "νѵᏙᐯᴠⴸꓦꛟ𐔝𑜆𑣀𖼈",
    "w": "ɯѡԝաᎳᏔᴡꓪ𑜊𑜎𑜏",
    "x": "хᕁᕽᚷⵝꓫ𐊐𐊴𐌗𐔧",
    "y": "ɣʏγуүყᎩᎽᶌỿꓬꭚ𐊲𑣜𖽃",
    "z": "Ꮓᙆᴢꓜ𑣄",
}
_FROM = "".join(LOOK_ALIKES.values())
_TO = "".join(plain * len(alike) for plain, alike in LOOK_ALIKES.items())

# The same as accounts/rules.py; here for whatever writes past it, imports above all.
NAMES = f"""
CREATE FUNCTION canonical_username(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN normalize(casefold(normalize(name, NFKC) COLLATE pg_unicode_fast), NFKC);
CREATE FUNCTION username_skeleton(username text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(replace(translate(username, '{_FROM}', '{_TO}'), 'rn', 'm'), 'vv', 'w');
CREATE FUNCTION is_username(canonical text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN canonical ~ '^(?![._-])[{LETTERS}0-9._-]+$';

UPDATE users SET username = canonical_username(username)
 WHERE username <> canonical_username(username);
DROP INDEX users_username_key;
ALTER TABLE users
    ADD COLUMN username_skeleton text NOT NULL
        GENERATED ALWAYS AS (username_skeleton(username)) STORED,
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT users_username_canonical_check CHECK (username = canonical_username(username));
CREATE UNIQUE INDEX users_username_key ON users (username);
CREATE UNIQUE INDEX users_username_skeleton_key ON users (username_skeleton);
"""

SESSIONS = """
CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id)
        ON DELETE CASCADE,
    access_version integer NOT NULL DEFAULT 1,
    ip text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    token_hash bytea CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
    session_id bigint NOT NULL CONSTRAINT refresh_tokens_session_id_fkey REFERENCES sessions (id)
        ON DELETE CASCADE,
    issued_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

CREATE TABLE recovery_tokens (
    token_hash bytea CONSTRAINT recovery_tokens_pkey PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT recovery_tokens_user_id_fkey REFERENCES users (id)
        ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX recovery_tokens_user_id_idx ON recovery_tokens (user_id);
CREATE INDEX recovery_tokens_expires_at_idx ON recovery_tokens (expires_at);

CREATE TABLE attempts (
    kind text NOT NULL,
    subject bytea NOT NULL,
    hits timestamptz[] NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (kind, subject)
);
CREATE INDEX attempts_expires_at_idx ON attempts (expires_at);

CREATE TABLE notification_preferences (
    user_id bigint CONSTRAINT notification_preferences_pkey PRIMARY KEY
        CONSTRAINT notification_preferences_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    mail text NOT NULL DEFAULT 'digest',
    digest_hour smallint NOT NULL DEFAULT 18,
    timezone text NOT NULL DEFAULT 'UTC',
    CONSTRAINT notification_preferences_mail_check CHECK (mail IN ('immediate', 'digest', 'off')),
    CONSTRAINT notification_preferences_digest_hour_check CHECK (digest_hour BETWEEN 0 AND 23)
);
"""

# Rides on the first statement of each request: what a token stands for has to be there still.
REQUIRE_SESSION = """
CREATE FUNCTION require_session(session bigint, version integer) RETURNS boolean
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM FROM sessions WHERE id = session AND access_version = version;
    IF NOT FOUND THEN
        RAISE 'the session has ended' USING ERRCODE = 'RC401';
    END IF;
    RETURN true;
END $$;
"""

# Both hold for whatever changes users, one by one or a hundred thousand at once.
RIGHTS = """
CREATE FUNCTION end_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sessions USING before JOIN after ON after.id = before.id
     WHERE sessions.user_id = after.id AND before.active AND NOT after.active;
    UPDATE sessions SET access_version = access_version + 1
      FROM before JOIN after ON after.id = before.id
     WHERE sessions.user_id = after.id AND before.role <> after.role;
    DELETE FROM recovery_tokens USING before JOIN after ON after.id = before.id
     WHERE recovery_tokens.user_id = after.id
       AND (before.active AND NOT after.active OR before.email <> after.email);
    RETURN NULL;
END $$;
CREATE TRIGGER users_end_access AFTER UPDATE ON users
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION end_access();

CREATE FUNCTION keep_a_manager() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM before JOIN after USING (id)
                    WHERE before.active AND before.role = 'manager'
                      AND NOT (after.active AND after.role = 'manager')) THEN
        RETURN NULL;
    END IF;
    -- One after the other: the next one's look is a new snapshot, with this one's commit in it.
    PERFORM pg_advisory_xact_lock(4701002);
    IF NOT EXISTS (SELECT FROM users WHERE active AND role = 'manager') THEN
        RAISE 'the last active manager'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'users_last_manager';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_keep_a_manager AFTER UPDATE ON users
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION keep_a_manager();

REVOKE DELETE, TRUNCATE ON users FROM rollcall_app;
"""

AUDIT = """
CREATE TABLE audit_events (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_events_pkey PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id bigint,
    action text NOT NULL,
    object_kind text NOT NULL,
    object_id text,
    before jsonb,
    after jsonb,
    ip text NOT NULL,
    request_id text NOT NULL
);
CREATE INDEX audit_events_actor_id_idx ON audit_events (actor_id, id);
CREATE INDEX audit_events_action_idx ON audit_events (action, id);
CREATE INDEX audit_events_object_idx ON audit_events (object_kind, object_id, id);
CREATE INDEX audit_events_at_idx ON audit_events (at, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'audit_events are only ever added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_events FROM rollcall_app;
"""

MAIL = """
CREATE TABLE mails (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT mails_pkey PRIMARY KEY,
    kind text NOT NULL,
    user_id bigint CONSTRAINT mails_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    address text,
    about bigint,
    state text NOT NULL DEFAULT 'queued',
    reason text,
    attempts integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    message_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT mails_state_check
        CHECK (state IN ('queued', 'sent', 'skipped', 'failed', 'bounced', 'complained')),
    CONSTRAINT mails_ended_check CHECK ((state = 'queued') = (ended_at IS NULL)),
    CONSTRAINT mails_recipient_check CHECK (user_id IS NOT NULL OR address IS NOT NULL
                                            OR state <> 'queued')
);
CREATE INDEX mails_user_id_idx ON mails (user_id);
CREATE INDEX mails_message_id_idx ON mails (message_id);
CREATE INDEX mails_created_at_idx ON mails (created_at);

CREATE TABLE mail_suppressions (
    address text CONSTRAINT mail_suppressions_pkey PRIMARY KEY,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mail_suppressions_address_check CHECK (address = lower(address)),
    CONSTRAINT mail_suppressions_reason_check CHECK (reason IN ('bounce', 'complaint'))
);
"""


def upgrade() -> None:
    for part in (NAMES, SESSIONS, REQUIRE_SESSION, RIGHTS, AUDIT, MAIL):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP TABLE mail_suppressions, mails, audit_events, notification_preferences")
    op.execute("DROP TABLE attempts, recovery_tokens, refresh_tokens, sessions")
    op.execute("DROP TRIGGER users_end_access ON users")
    op.execute("DROP TRIGGER users_keep_a_manager ON users")
    op.execute("DROP FUNCTION refuse_change, keep_a_manager, end_access, require_session")
    op.execute("ALTER TABLE users DROP CONSTRAINT users_username_canonical_check")
    op.execute("ALTER TABLE users DROP COLUMN erased_at, DROP COLUMN username_skeleton")
    op.execute("DROP INDEX users_username_key")
    op.execute("CREATE UNIQUE INDEX users_username_key ON users (lower(username))")
    op.execute("DROP FUNCTION is_username, username_skeleton, canonical_username")
    op.execute("GRANT DELETE ON users TO rollcall_app")
