import { describe, expect, it } from "vitest";

import type { Announcement, Me } from "../../api/types";
import { moment } from "../../app/moments";
import {
  announcementDelay,
  audienceOf,
  audiencesFor,
  bodyOf,
  changes,
  channelOptions,
  channelsToTell,
  check,
  diffLines,
  fieldsOf,
  filtersOf,
  forSections,
  NEW_ANNOUNCEMENT,
  percent,
  recipientFilters,
  statsDelay,
  type AnnouncementFields,
} from "./rules";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const CHANNEL = { value: "9", label: "Staff room" };
const SECTION = { value: "12", label: "PHYS101 · 01" };
const written: AnnouncementFields = {
  ...NEW_ANNOUNCEMENT,
  title: " No class on Friday ",
  body: "Really.\n",
};
const kept: Announcement = {
  id: 7,
  title: "No class on Friday",
  body: "Really.",
  html: "<p>Really.</p>",
  publisher: { id: 3, username: "ben", full_name: "Ben Carter" },
  audience: { kind: "section", ids: [12] },
  status: "scheduled",
  requires_ack: true,
  publish_at: "2026-11-27T08:00:00Z",
  published_at: null,
  withdrawn_at: null,
  version: 1,
  reminders: 0,
  attachments: [],
  channels: [],
  created_at: "2026-11-26T08:00:00Z",
  updated_at: "2026-11-26T08:00:00Z",
};

describe("whom one may address", () => {
  it.each([
    ["teacher", ["all_students", "section", "course"]],
    ["registrar", ["all_students", "section", "course", "role", "users"]],
  ] as const)("as a %s: %s", (role, kinds) => {
    expect(audiencesFor({ role } as Me)).toEqual(kinds);
  });
});

describe("the fields", () => {
  it("of an announcement to a section name it", () => {
    expect(audienceOf(forSections([SECTION]))).toEqual({ kind: "section", ids: [12] });
    expect(NEW_ANNOUNCEMENT.chosen.section).toEqual([]);
  });

  it("need a title, a text and whom it is for", () => {
    expect(check(NEW_ANNOUNCEMENT, NOW)).toEqual({ title: "required", body: "required" });
    expect(check(written, NOW)).toEqual({});
    for (const audience of ["section", "role"] as const) {
      expect(check({ ...written, audience }, NOW)).toEqual({ audience: "required" });
    }
  });

  it("need a time that is still to come, if it is for later", () => {
    const later = { ...written, later: true };
    expect(check(later, NOW)).toEqual({ publish_at: "required" });
    expect(check({ ...later, publish_at: "2020-01-01T00:00" }, NOW)).toEqual({
      publish_at: "past",
    });
    expect(check({ ...later, publish_at: "2099-01-01T00:00" }, NOW)).toEqual({});
  });

  it("are sent as the API takes them", () => {
    expect(bodyOf(written)).toEqual({
      title: "No class on Friday",
      body: "Really.\n",
      audience: { kind: "all_students" },
      requires_ack: true,
    });
    expect(bodyOf({ ...written, later: true, publish_at: "2099-01-01T00:00" })).toMatchObject({
      publish_at: moment("2099-01-01T00:00"),
    });
  });

  it("send what is chosen of the kind of audience that is chosen", () => {
    const chosen = { section: [SECTION], course: [], users: [{ value: "3", label: "ben" }] };
    const fields = { ...written, chosen, roles: ["teacher" as const] };
    expect(audienceOf({ ...fields, audience: "section" })).toEqual({ kind: "section", ids: [12] });
    expect(audienceOf({ ...fields, audience: "users" })).toEqual({ kind: "users", ids: [3] });
    expect(audienceOf({ ...fields, audience: "role" })).toEqual({
      kind: "role",
      roles: ["teacher"],
    });
  });
});

describe("an edit", () => {
  const before = fieldsOf(kept, [SECTION]);

  it("starts from what is kept", () => {
    expect(bodyOf(before)).toMatchObject({
      audience: kept.audience,
      publish_at: new Date(kept.publish_at).toISOString(),
    });
  });

  it("names what differs, and whether everybody is asked again", () => {
    expect(changes(before, before, NOW)).toEqual({ material: false });
    const after = { ...before, body: "Really not.", requires_ack: false, material: true };
    expect(changes(before, after, NOW)).toEqual({
      body: "Really not.",
      requires_ack: false,
      material: true,
    });
  });

  it("takes files away, too", () => {
    const file = { id: 4, title: "Map", filename: "map.pdf", content_type: "a/b", size: 1 };
    const filed = { ...before, attachments: [file] };
    expect(changes(filed, before, NOW)).toEqual({ attachments: [], material: false });
    expect(changes(before, filed, NOW)).toEqual({ attachments: [4], material: false });
  });

  it("names channels where the choice differs, in whatever order it was made", () => {
    const [hook, bot] = [CHANNEL, { value: "11", label: "Bot" }];
    const chosen = { ...before, channels: [bot, hook] };
    expect(changes(before, chosen, NOW)).toEqual({ channels: [9, 11], material: false });
    expect(changes(chosen, { ...chosen, channels: [hook, bot] }, NOW)).toEqual({ material: false });
    expect(changes(chosen, before, NOW)).toEqual({ channels: [], material: false });
    const posted = { id: 9, name: "Staff room", state: "sent" as const, code: null };
    expect(fieldsOf({ ...kept, channels: [posted] }, [SECTION]).channels).toEqual([CHANNEL]);
  });

  it("publishes at once what was for later", () => {
    expect(changes(before, { ...before, later: false }, NOW)).toEqual({
      publish_at: "2026-11-26T12:00:00.000Z",
      material: false,
    });
  });
});

describe("channels", () => {
  const bot = { value: "11", label: "Bot" };
  const before = { ...written, channels: [CHANNEL] };
  const after = { ...written, channels: [CHANNEL, bot] };

  it("hear of what is published then, of what is new to them, and of what is news", () => {
    expect(channelsToTell(before, after, false)).toEqual([CHANNEL, bot]);
    expect(channelsToTell(before, after, true)).toEqual([bot]);
    expect(channelsToTell(before, before, true)).toEqual([]);
    expect(channelsToTell(before, { ...after, material: true }, true)).toEqual([CHANNEL, bot]);
    expect(channelsToTell(after, { ...before, material: true }, true)).toEqual([CHANNEL]);
  });

  it("can be chosen where they are usable, and stay where they were chosen", () => {
    expect(channelOptions([], [bot])).toEqual([bot]);
    expect(channelOptions([CHANNEL], [bot])).toEqual([bot, CHANNEL]);
    expect(channelOptions([bot], [bot])).toEqual([bot]);
    expect(channelOptions([], [])).toEqual([]);
  });
});

describe("filters", () => {
  it("leave out what the API would refuse", () => {
    expect(filtersOf({ q: "exam", status: "withdrawn" })).toEqual({
      q: "exam",
      status: "withdrawn",
    });
    expect(filtersOf({ q: "", status: "draft" })).toEqual({});
    expect(recipientFilters("delivered")).toEqual({ state: "delivered" });
    expect(recipientFilters("unacknowledged")).toEqual({ unacknowledged: true });
    expect(recipientFilters("mailed")).toEqual({});
  });
});

describe("figures", () => {
  it.each([
    [0, 0],
    [0.5, 50],
    [0.9999, 99],
    [1, 100],
  ])("a share of %d is %i percent", (share, shown) => {
    expect(percent(share)).toBe(shown);
  });

  it("are asked for again while they move by themselves", () => {
    const stats = { audience: 2, queued: 2, delivered: 0, acknowledged: 0, ack_rate: 0 };
    const fanout = { done: 0, total: 2 };
    const at = (state: "pending" | "running" | "done") =>
      statsDelay({ ...stats, reminders: 0, fanout: { ...fanout, state } });
    expect([at("pending"), at("running"), at("done")]).toEqual([1500, 1500, false]);
    expect(announcementDelay(kept)).toBe(15_000);
    expect(announcementDelay({ ...kept, status: "published" })).toBe(false);
    const posted = (code: "busy" | null) =>
      announcementDelay({
        ...kept,
        status: "published",
        channels: [{ id: 9, name: "Staff room", state: "queued", code }],
      });
    expect([posted(null), posted("busy")]).toEqual([1500, false]);
  });
});

describe("a diff", () => {
  it("is read line by line, with gaps between its parts", () => {
    const diff = "@@ -1,2 +1,2 @@\n-Friday\n+Thursday\n same\n@@ -9 +9 @@\n+-- a line";
    expect(diffLines(diff)).toEqual([
      { kind: "removed", text: "Friday" },
      { kind: "added", text: "Thursday" },
      { kind: "same", text: "same" },
      { kind: "gap", text: "" },
      { kind: "added", text: "-- a line" },
    ]);
  });
});
