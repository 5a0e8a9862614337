import { describe, expect, it } from "vitest";

import type { Delivery } from "../../api/types";
import { badge, standingOf, toldOnOpening, withState } from "./rules";

const delivery = (state: Delivery["state"], requires_ack = true, id = 1): Delivery => ({
  id,
  state,
  delivered_at: null,
  ack_at: null,
  version: 1,
  announcement: {
    id: 7,
    title: "No class on Friday",
    body: "Really.",
    html: "<p>Really.</p>",
    publisher: { id: 3, username: "ben", full_name: "Ben Carter" },
    published_at: "2026-11-26T08:00:00Z",
    requires_ack,
    version: 1,
    attachments: [],
  },
});

describe("the number at the bell", () => {
  it.each([
    [1, "1"],
    [99, "99"],
    [100, "99+"],
    [12_345, "99+"],
  ])("of %i is %s", (unread, shown) => {
    expect(badge(unread)).toBe(shown);
  });
});

describe("an announcement in the inbox", () => {
  it.each([
    ["queued", true, "new", "delivered"],
    ["delivered", true, "to_confirm", null],
    ["acknowledged", true, "confirmed", null],
    ["queued", false, "new", "ack"],
    // It was shown while it still asked for a confirmation.
    ["delivered", false, "new", "ack"],
    ["acknowledged", false, "read", null],
  ] as const)(
    "%s, which asks: %s, is %s and tells on opening %s",
    (state, asks, standing, told) => {
      expect(standingOf(delivery(state, asks))).toBe(standing);
      expect(toldOnOpening(delivery(state, asks))).toBe(told);
    },
  );

  it("goes on where it stands, and no other does", () => {
    const pages = [
      { items: [delivery("queued", true, 3)], next: "c" },
      { items: [delivery("queued", true, 2), delivery("queued", true, 1)], next: null },
    ];
    const said = {
      id: 2,
      state: "acknowledged" as const,
      delivered_at: "2026-11-26T08:05:00Z",
      ack_at: "2026-11-26T08:06:00Z",
      version: 1,
    };
    const after = withState(pages, said);
    expect(after.flatMap(({ items }) => items.map(({ state }) => state))).toEqual([
      "queued",
      "acknowledged",
      "queued",
    ]);
    expect(after[1]!.items[0]).toEqual({ ...delivery("queued", true, 2), ...said });
    expect(pages[1]!.items[0]!.state).toBe("queued");
  });
});
