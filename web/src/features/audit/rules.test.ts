import { describe, expect, it } from "vitest";

import type { AuditEvent } from "../../api/types";
import { differences, filtersOf, pathOf } from "./rules";

const nothing = { actor: "", action: "", object_kind: "", object_id: "", since: "", until: "" };
const event: AuditEvent = {
  id: 1,
  at: "2026-11-26T14:30:00.000Z",
  actor: { id: 1, username: "amara" },
  action: "authz_change",
  object: { kind: "user", id: "7" },
  before: { role: "student" },
  after: { role: "teacher" },
  ip: "127.0.0.1",
  request_id: "r-1",
};

describe("the filters", () => {
  it("are what the address says", () => {
    expect(filtersOf({ ...nothing, actor: "amara", action: "user_created" })).toEqual({
      actor: "amara",
      action: "user_created",
    });
    expect(filtersOf(nothing)).toEqual({});
  });

  it("leave out what the API would refuse", () => {
    expect(filtersOf({ ...nothing, action: "made_up", since: "yesterday" })).toEqual({});
  });

  it("read times as those of this place", () => {
    const local = new Date(2026, 10, 26, 14, 30);
    expect(filtersOf({ ...nothing, since: "2026-11-26T14:30" })).toEqual({
      since: local.toISOString(),
    });
  });
});

describe("an event", () => {
  it("says what differs, with what was not there as null", () => {
    expect(differences(event)).toEqual([{ name: "role", before: "student", after: "teacher" }]);
    expect(differences({ ...event, before: null })).toEqual([
      { name: "role", before: null, after: "teacher" },
    ]);
    expect(differences({ ...event, before: null, after: null })).toEqual([]);
  });

  it.each([
    [{ kind: "user", id: "7" }, "/users/7"],
    [{ kind: "task", id: "7b0e8a52" }, "/tasks/7b0e8a52"],
    [{ kind: "user", id: null }, null],
    [{ kind: "toString", id: "1" }, null],
  ])("about %o leads to %s", (object, path) => {
    expect(pathOf(object)).toBe(path);
  });
});
