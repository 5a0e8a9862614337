"""Users by the file: what a row must be, alone and beside the others, and what follows from it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from chalicelib.accounts.rules import Caller
from chalicelib.bulk import importing, service
from chalicelib.bulk.errors import PlanStale
from chalicelib.bulk.schemas import PlanQuery
from chalicelib.core import database, logs
from chalicelib.core.errors import Forbidden, Invalid
from tests.bulk.desk import Desk, Ended, csv_file, parsed, uploaded
from tests.bulk.test_plans import plan_rows
from tests.outbox.queues import Queues

HEADER = ("username", "email", "full_name", "role", "active")
BEN = ("ben", "ben@rollcall.example", "Ben Okafor", "teacher", "true")
REQUEST = "a-request-of-amara"
DAI = ("dai", "dai@rollcall.example", "Dai Nguyen", "student", "true")


@pytest.fixture
def desk(desk_queues: Queues, clean_database: None, owner: Connection) -> Iterator[Desk]:
    """Amara's desk; she is the only manager."""
    with logs.correlated(REQUEST):
        yield Desk(owner, desk_queues, "amara", "manager", "users")


def file(*rows: Any, header: Any = HEADER) -> bytes:
    return csv_file(rows, header)


def users(desk: Desk) -> list[tuple[str, ...]]:
    """Return everybody but amara as a file would say it."""
    rows = desk.read(
        "SELECT username, email, full_name, role, active::text FROM users"
        " WHERE username <> 'amara' ORDER BY username"
    )
    return [tuple(row) for row in rows]


def events(desk: Desk) -> list[tuple[Any, ...]]:
    """Return what was written down about users: who, what, and what it was before and after."""
    rows = desk.read(
        "SELECT username, action, before, after, actor_id, request_id FROM audit_events"
        " JOIN users ON users.id::text = object_id WHERE object_kind = 'user'"
        " ORDER BY username, action"
    )
    assert all((row.actor_id, row.request_id) == (desk.caller.id, REQUEST) for row in rows)
    return [tuple(row)[:4] for row in rows]


def invited(desk: Desk) -> list[str]:
    """Return who was sent an invitation; each mail has its message, due at once."""
    rows = desk.read(
        "SELECT username, kind, (SELECT count(*) FROM outbox WHERE queue = 'mail'"
        " AND body = jsonb_build_object('mail_id', mails.id) AND claimed_until < now()) AS messages"
        " FROM mails JOIN users ON users.id = user_id ORDER BY username"
    )
    assert all((row.kind, row.messages) == ("invitation", 1) for row in rows)
    return [row.username for row in rows]


def codes(desk: Desk, *rows: Any, header: Any = HEADER) -> list[str]:
    """Import rows of which the last one fails alone, and return what is wrong with it."""
    ended = desk.import_(file(*rows, header=header))
    assert ended.counts[3] == 1, ended
    (row,) = desk.report(ended)
    assert int(row["line"]) == len(rows) + 1
    return row["error_code"].split(";")


def test_users_go_in_and_a_second_time_nothing_changes(desk: Desk) -> None:
    content = file(BEN, DAI)
    assert desk.import_(content).counts == (2, 0, 0, 0)
    assert users(desk) == [BEN, DAI]
    assert desk.read("SELECT 1 FROM users WHERE password_hash IS NOT NULL") == []
    assert desk.import_(content).counts == (0, 0, 2, 0)
    assert events(desk) == [
        ("ben", "user_created", None, {"role": "teacher", "active": True}),
        ("dai", "user_created", None, {"role": "student", "active": True}),
    ]
    assert invited(desk) == []


def test_what_a_new_user_does_not_say_has_a_default(desk: Desk) -> None:
    desk.import_(file(["ben", "b@x.yz"], header=["username", "email"]))
    desk.import_(file(["dai", "d@x.yz", "", "", ""]))
    assert users(desk) == [
        ("ben", "b@x.yz", "", "student", "true"),
        ("dai", "d@x.yz", "", "student", "true"),
    ]


def test_what_a_file_does_not_say_stays(desk: Desk) -> None:
    desk.import_(file(BEN))
    assert desk.import_(file(["ben"], header=["username"])).counts == (0, 0, 1, 0)
    assert desk.import_(file(["BEN ", BEN[1], BEN[2], "", " "])).counts == (0, 0, 1, 0)
    assert desk.import_(file(["ben", ""], header=["username", "full_name"])).counts == (0, 1, 0, 0)
    assert users(desk) == [("ben", BEN[1], "", "teacher", "true")]


@pytest.mark.parametrize(
    ("username", "kept"),
    [("Ben", "ben"), ("ＢＥＮ", "ben"), (" ben\u3000", "ben"), ("STRAẞE", "strasse")],
)
def test_a_username_is_kept_in_one_spelling(desk: Desk, username: str, kept: str) -> None:
    assert desk.import_(file([username, *BEN[1:]])).counts == (1, 0, 0, 0)
    assert users(desk) == [(kept, *BEN[1:])]
    assert desk.import_(file([username, *BEN[1:]])).counts == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("said", "active"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        (" Yes ", True),
        ("false", False),
        ("False", False),
        ("0", False),
        ("NO", False),
    ],
)
def test_active_is_said_in_many_ways(desk: Desk, said: str, active: bool) -> None:
    desk.import_(file([*BEN[:4], said]))
    assert users(desk) == [(*BEN[:4], str(active).lower())]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({0: ""}, "required"),
        ({0: "x"}, "too_short"),
        ({0: "x" * 65}, "too_long"),
        ({0: "m@x"}, "invalid_character"),
        ({0: "two words"}, "invalid_character"),
        ({0: "_x"}, "invalid_character"),
        ({0: "a\u202eb"}, "invalid_character"),
        ({0: "аmara"}, "look_alike"),
        ({0: "arnara"}, "look_alike"),
        ({1: ""}, "required"),
        ({1: " "}, "required"),
        ({1: "nobody"}, "invalid_email"),
        ({1: "a@localhost"}, "invalid_email"),
        ({1: "a@b.cd\nBcc: x@y.zz"}, "invalid_email"),
        ({1: "a" * 250 + "@b.cd"}, "too_long"),
        ({1: "Amara@Rollcall.example"}, "email_taken"),
        ({2: "x" * 201}, "too_long"),
        ({2: "two\nlines"}, "invalid_character"),
        ({2: "\u202egnp.exe"}, "invalid_character"),
        ({3: "owner"}, "not_one_of"),
        ({4: "maybe"}, "not_one_of"),
        ({4: "2"}, "not_one_of"),
    ],
)
def test_what_a_row_must_be(desk: Desk, change: dict[int, str], code: str) -> None:
    row = list(BEN)
    for at, cell in change.items():
        row[at] = cell
    assert codes(desk, DAI, row) == [code]
    assert users(desk) == [DAI]


def test_a_new_user_needs_an_address(desk: Desk) -> None:
    assert codes(desk, ["ben", "Ben"], header=["username", "full_name"]) == ["required"]


def test_all_that_is_wrong_with_a_row_is_told(desk: Desk) -> None:
    assert codes(desk, ["b!", "x", "a\tb", "boss", "?"]) == [
        "invalid_character",
        "invalid_email",
        "not_one_of",
    ]


def test_what_the_school_has_already_need_not_keep_todays_rules(desk: Desk) -> None:
    desk.write(
        "INSERT INTO users (username, email, full_name, role)"
        " VALUES ('x', 'x@localhost', E'two\\nlines', 'student')"
    )
    row = ["x", "x@localhost", "two\nlines", "student", "true"]
    assert desk.import_(file(row)).counts == (0, 0, 1, 0)
    assert desk.import_(file([*row[:3], "teacher", "true"])).counts == (0, 1, 0, 0)
    assert codes(desk, ["x", "y@localhost", *row[2:]]) == ["invalid_email"]


class TestBesideOtherRows:
    def test_of_one_name_the_first_counts(self, desk: Desk) -> None:
        other = ["BEN", "other@x.yz", "", "", ""]
        assert codes(desk, BEN, other) == ["duplicate_in_file"]

    def test_of_names_that_look_alike_the_first_counts(self, desk: Desk) -> None:
        assert codes(desk, BEN, ["bеn", "other@x.yz", "", "", ""]) == ["look_alike"]
        assert users(desk) == [BEN]

    def test_of_one_address_the_first_counts(self, desk: Desk) -> None:
        assert codes(desk, BEN, ["other", BEN[1].upper(), "", "", ""]) == ["email_taken"]

    def test_a_bad_row_takes_nothing_from_a_good_one(self, desk: Desk) -> None:
        ended = desk.import_(
            file(["ben", BEN[1], "", "boss", ""], ["bеn", BEN[1], "", "", ""], BEN)
        )
        assert desk.problems(ended) == [(2, "not_one_of"), (4, "look_alike;email_taken")]
        assert [user[0] for user in users(desk)] == ["bеn"]

    def test_addresses_are_not_swapped_in_one_file(self, desk: Desk) -> None:
        desk.import_(file(BEN, DAI))
        ended = desk.import_(file(["ben", DAI[1]], ["dai", BEN[1]], header=["username", "email"]))
        assert desk.problems(ended) == [(2, "email_taken"), (3, "email_taken")]
        assert users(desk) == [BEN, DAI]

    def test_an_address_that_is_given_up_is_free_for_the_next_file(self, desk: Desk) -> None:
        desk.import_(file(BEN))
        moved = ["ben", "ben.okafor@rollcall.example", *BEN[2:]]
        ended = desk.import_(file(moved, ["other", BEN[1], "", "", ""]))
        assert desk.problems(ended) == [(3, "email_taken")]
        assert desk.import_(file(["other", BEN[1], "", "", ""])).counts == (1, 0, 0, 0)

    def test_an_address_may_change_its_case(self, desk: Desk) -> None:
        desk.import_(file(BEN))
        assert desk.import_(file([BEN[0], BEN[1].upper(), *BEN[2:]])).counts == (0, 1, 0, 0)


class TestTheLastManager:
    AMARA = ("amara", "amara@rollcall.example", "", "manager", "true")
    MAX = ("max", "max@rollcall.example", "", "manager", "true")

    def managers(self, desk: Desk) -> list[str]:
        rows = desk.read("SELECT username FROM users WHERE active AND role = 'manager' ORDER BY 1")
        return [row.username for row in rows]

    @pytest.mark.parametrize(
        "change", [{3: "teacher"}, {4: "false"}, {3: "student", 4: "0"}, {3: "registrar", 4: ""}]
    )
    def test_cannot_be_taken_away_by_a_file(self, desk: Desk, change: dict[int, str]) -> None:
        row = list(self.AMARA)
        for at, cell in change.items():
            row[at] = cell
        assert codes(desk, BEN, row) == ["last_manager"]
        assert users(desk) == [BEN]
        assert self.managers(desk) == ["amara"]

    def test_is_the_last_one_that_the_file_leaves(self, desk: Desk) -> None:
        desk.import_(file(self.MAX))
        assert codes(desk, [*self.AMARA[:3], "teacher", ""], [*self.MAX[:4], "no"]) == [
            "last_manager"
        ]
        assert self.managers(desk) == ["max"]

    def test_is_not_counted_against_rows_that_fail(self, desk: Desk) -> None:
        desk.import_(file(self.MAX))
        ended = desk.import_(
            file(["amara", "no address", "", "teacher", ""], [*self.MAX[:3], "teacher", ""])
        )
        assert desk.problems(ended) == [(2, "invalid_email")]
        assert self.managers(desk) == ["amara"]

    def test_is_followed_by_one_whom_an_earlier_file_made(self, desk: Desk) -> None:
        step_down = [*self.AMARA[:3], "teacher", ""]
        assert codes(desk, self.MAX, step_down) == ["last_manager"]
        desk.import_(file(step_down))
        assert self.managers(desk) == ["max"]

    def test_of_an_inactive_manager_there_is_nothing_to_keep(self, desk: Desk) -> None:
        desk.import_(file([*self.MAX[:4], "false"]))
        assert desk.import_(file([*self.MAX[:3], "teacher", "no"])).counts == (0, 1, 0, 0)

    def test_stays_whoever_else_demotes_meanwhile(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the look and the write, somebody takes the other manager away."""
        desk.import_(file(self.MAX))
        judge, demoted = importing._judge, threading.Event()

        def judge_late(*arguments: Any) -> Any:
            if demoted.is_set():
                return judge(*arguments)
            # Holds the lock that the trigger wants until the import has looked and waits for it.
            desk.owner.exec_driver_sql("UPDATE users SET role = 'student' WHERE username = 'max'")
            demoted.set()
            release = threading.Timer(0.5, desk.owner.commit)
            release.start()
            try:
                return judge(*arguments)
            finally:
                release.join()

        monkeypatch.setattr(importing, "_judge", judge_late)
        ended = desk.import_(file([*self.AMARA[:3], "teacher", ""]))
        assert demoted.is_set()
        assert desk.problems(ended) == [(2, "last_manager")]
        assert self.managers(desk) == ["amara"]


def test_whom_nobody_can_be_any_more_no_file_brings_back(desk: Desk) -> None:
    desk.import_(file(BEN, DAI))
    desk.write("UPDATE users SET erased_at = now(), active = false WHERE username = 'ben'")
    assert codes(desk, BEN) == ["user_erased"]
    assert [row["username"] for row in parsed(desk.export())] == ["amara", "dai"]


def test_what_changed_is_written_down_and_ends_access(desk: Desk) -> None:
    desk.import_(file(BEN, DAI))
    desk.write(
        "INSERT INTO sessions (user_id, ip, expires_at)"
        " SELECT id, '', now() + interval '1 day' FROM users"
    )
    desk.import_(
        file(
            ["ben", "ben.o@rollcall.example", "Ben O.", "registrar", ""],
            [*DAI[:4], "no"],
        )
    )
    assert [event for event in events(desk) if event[1] != "user_created"] == [
        ("ben", "authz_change", {"role": "teacher"}, {"role": "registrar"}),
        ("ben", "user_updated", None, {"changed": ["email", "full_name"]}),
        ("dai", "user_archived", {"active": True}, {"active": False}),
    ]
    sessions = desk.read(
        "SELECT username, access_version FROM sessions JOIN users ON users.id = user_id ORDER BY 1"
    )
    assert [tuple(session) for session in sessions] == [("amara", 1), ("ben", 2)]
    desk.import_(file(DAI))
    assert events(desk)[-1][1:] == ("user_reactivated", {"active": False}, {"active": True})


class TestInvitations:
    def test_new_users_are_invited_where_the_import_says_so(self, desk: Desk) -> None:
        desk.import_(file(BEN))
        inactive = ["max", "max@x.yz", "", "", "no"]
        desk.import_(file(BEN, DAI, inactive, ["chloe", "", "", "", ""]), invite=True)
        assert invited(desk) == ["dai"]
        desk.import_(file(BEN, DAI, inactive), invite=True)
        assert invited(desk) == ["dai"]

    def test_a_message_a_second_time_invites_nobody_again(self, desk: Desk) -> None:
        task_id = desk.upload(file(BEN, DAI), invite=True)
        assert desk.deliver(uploaded(task_id), uploaded(task_id)) == []
        assert invited(desk) == ["ben", "dai"]

    def test_what_is_rolled_back_invites_nobody(self, desk: Desk) -> None:
        desk.write("ALTER TABLE users ADD CONSTRAINT no_dai CHECK (username <> 'dai')")
        try:
            assert desk.import_(file(BEN, DAI), invite=True).code == "unprocessable"
        finally:
            desk.write("ALTER TABLE users DROP CONSTRAINT no_dai")
        assert (users(desk), events(desk), invited(desk)) == ([], [], [])

    def test_a_plan_invites_nobody_until_it_is_applied(self, desk: Desk) -> None:
        plan = desk.import_(file(BEN, DAI), "plan", invite=True)
        assert (users(desk), events(desk), invited(desk)) == ([], [], [])
        desk.apply(plan)
        assert invited(desk) == ["ben", "dai"]
        assert [event[1] for event in events(desk)] == ["user_created", "user_created"]

    def test_courses_invite_nobody(self, desk: Desk) -> None:
        with database.transaction() as connection, pytest.raises(Invalid) as refused:
            service.start_import(connection, desk.caller, "courses", "x.csv", "apply", invite=True)
        assert refused.value.errors[0][:2] == ("invite", "unknown_field")


class TestPlans:
    @pytest.fixture
    def plan(self, desk: Desk) -> Ended:
        desk.import_(file(BEN))
        return desk.import_(
            file(
                ["BEN", BEN[1], "Ben O.", "registrar", "no"],
                DAI,
                ["dаi", "other@x.yz", "", "", ""],
                ["amara", "", "", "student", ""],
                ["chloe", "chloe@x.yz", "", "", ""],
            ),
            "plan",
        )

    def test_a_plan_tells_each_row(self, desk: Desk, plan: Ended) -> None:
        assert plan.counts == (2, 1, 0, 2)
        ben, dai, alike, amara, chloe = plan_rows(desk, plan)
        assert ben["changes"] == {
            "full_name": {"from": "Ben Okafor", "to": "Ben O."},
            "role": {"from": "teacher", "to": "registrar"},
            "active": {"from": True, "to": False},
        }
        assert dai["changes"]["email"] == {"from": None, "to": DAI[1]}
        assert (alike["changes"], alike["errors"][0]["code"]) == ({}, "look_alike")
        assert [error["code"] for error in amara["errors"]] == ["required"]
        assert chloe["changes"]["role"] == {"from": None, "to": "student"}
        assert chloe["changes"]["active"] == {"from": None, "to": True}

    def test_applied_it_does_what_it_said(self, desk: Desk, plan: Ended) -> None:
        applied = desk.apply(plan)
        assert applied.counts == plan.counts
        assert desk.problems(applied) == desk.problems(plan)
        assert users(desk) == [
            ("ben", BEN[1], "Ben O.", "registrar", "false"),
            ("chloe", "chloe@x.yz", "", "student", "true"),
            DAI,
        ]
        assert [event[:2] for event in events(desk)] == [
            ("ben", "authz_change"),
            ("ben", "user_archived"),
            ("ben", "user_created"),
            ("ben", "user_updated"),
            ("chloe", "user_created"),
            ("dai", "user_created"),
        ]

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE users SET full_name = 'B', version = version + 1 WHERE username = 'ben'",
            "INSERT INTO users (username, email, role) VALUES ('dai', 'd@x.yz', 'student')",
        ],
    )
    def test_what_it_touches_must_not_have_changed(
        self, desk: Desk, plan: Ended, change: str
    ) -> None:
        desk.write(change)
        with pytest.raises(PlanStale):
            desk.apply(plan)

    @pytest.mark.parametrize(
        ("username", "email"), [("dal", "dal@x.yz"), ("other", "DAI@rollcall.example")]
    )
    def test_a_name_or_address_that_was_taken_meanwhile_makes_it_stale(
        self, desk: Desk, plan: Ended, username: str, email: str
    ) -> None:
        desk.write(
            "INSERT INTO users (username, email, role) VALUES (:username, :email, 'student')",
            username=username,
            email=email,
        )
        stale = desk.apply(plan)
        if username == "dal":
            # Looks like nobody of the plan, so it is none of its business.
            assert stale.state == "SUCCESS"
        else:
            assert stale.code == "plan_stale"
            assert ("ben", "user_updated") not in [event[:2] for event in events(desk)]
            assert users(desk)[0] == BEN


def test_an_export_goes_in_again_without_a_change(desk: Desk) -> None:
    desk.import_(
        file(
            ["李小龙", "li@rollcall.example", "李小龙", "teacher", "true"],
            ["quo.te", "o'neill@rollcall.example", 'Tom "Q" O\'Neill, Jr.', "student", "false"],
            ["formula", "'=f@rollcall.example", "'=1+1", "registrar", "1"],
            ["at", "'+at@rollcall.example", "''@x", "manager", "yes"],
            ["null", "null@rollcall.example", "NULL", "student", ""],
        )
    )
    assert ("formula", "=f@rollcall.example", "=1+1", "registrar", "true") in users(desk)
    before = desk.read("SELECT username, version FROM users ORDER BY 1")
    content = desk.export()
    assert content.startswith(b"\xef\xbb\xbfusername,email,full_name,role,active\n")
    assert b"password" not in content
    assert desk.import_(content).counts == (0, 0, 6, 0)
    assert desk.read("SELECT username, version FROM users ORDER BY 1") == before


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"role": "teacher"}, ["ben"]),
        ({"active": False}, ["dai"]),
        ({"active": True}, ["amara", "ben"]),
        ({"q": "NGUYEN"}, ["dai"]),
        ({"q": "rollcall", "role": "manager", "active": True}, ["amara"]),
        ({"q": "'; DROP TABLE users; --"}, []),
    ],
)
def test_the_filters_of_an_export_are_the_lists(
    desk: Desk, filters: dict[str, Any], names: list[str]
) -> None:
    desk.import_(file(BEN, [*DAI[:4], "false"]))
    assert [row["username"] for row in parsed(desk.export(**filters))] == names


def test_twenty_thousand_users_in_one_import(desk: Desk) -> None:
    rows = [
        [f"学生{n:05}", f"s{n:05}@rollcall.example", f"Student {n}", "", ""] for n in range(20_000)
    ]
    ended = desk.import_(file(*rows), invite=True)
    assert ended.counts == (20_000, 0, 0, 0)
    counts = desk.read(
        "SELECT (SELECT count(*) FROM mails), (SELECT count(*) FROM outbox WHERE queue = 'mail'),"
        " (SELECT count(*) FROM audit_events WHERE action = 'user_created')"
    )
    assert tuple(counts[0]) == (20_000, 20_000, 20_000)
    assert desk.import_(file(*rows)).counts == (0, 0, 20_000, 0)


class TestWhoMay:
    REGISTRAR = Caller(1, "rosa", "registrar")

    def test_a_registrar_may_not(self, desk: Desk) -> None:
        plan = desk.import_(file(BEN), "plan")
        demoted = desk.caller._replace(role="registrar")
        for ask in (
            lambda c: service.start_import(c, self.REGISTRAR, "users", "x.csv", "apply"),
            lambda c: service.start_import_of(c, self.REGISTRAR, "users", "x.csv", "plan", b"x"),
            lambda c: service.start_export(c, self.REGISTRAR, "users", {}),
            lambda c: service.apply_plan(c, demoted, plan.id, plan.result["plan_hash"]),
            lambda c: service.list_plan_for(c, demoted, plan.id, PlanQuery()),
            lambda c: service.hand_out_report(c, demoted, plan.id),
        ):
            with database.transaction() as connection, pytest.raises(Forbidden):
                ask(connection)

    @pytest.mark.parametrize("change", ["role = 'registrar'", "active = false"])
    def test_who_may_not_any_more_when_the_file_comes_is_refused(
        self, desk: Desk, change: str
    ) -> None:
        desk.import_(file(["max", "max@x.yz", "", "manager", ""]))
        task_id = desk.upload(file(BEN))
        with database.transaction() as connection:
            export_id = service.start_export(connection, desk.caller, "users", {})
        desk.write(f"UPDATE users SET {change} WHERE username = 'amara'")
        assert desk.deliver(uploaded(task_id)) == []
        assert desk.deliver({"task_id": str(export_id)}, function="export") == []
        assert desk.task(task_id).code == "forbidden"
        assert desk.task(export_id).code == "forbidden"
        assert [user[0] for user in users(desk)] == ["max"]

    def test_courses_are_still_the_registrars(self, desk: Desk) -> None:
        desk.write("UPDATE users SET role = 'registrar' WHERE username = 'nobody'")
        with database.transaction() as connection:
            task_id, _ = service.start_import(
                connection, desk.caller._replace(role="registrar"), "courses", "x.csv", "apply"
            )
        assert isinstance(task_id, uuid.UUID)
