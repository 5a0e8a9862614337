import { describe, expect, it } from "vitest";

import type { Channel } from "../../api/types";
import { asked, missing, NEW_CHANNEL, outcomeOf, placeOf } from "./rules";

const relay = {
  ...NEW_CHANNEL,
  kind: "smtp" as const,
  name: " Staff ",
  host: "smtp.school.example",
  sender: "a@school.example",
  to: "b@school.example",
};

describe("what is asked for", () => {
  it("is the fields of the kind and no others", () => {
    const fields = { ...relay, kind: "webhook" as const, url: "https://a.example/x", secret: "s" };
    expect(asked(fields)).toEqual({
      kind: "webhook",
      name: "Staff",
      active: true,
      url: "https://a.example/x",
      secret: "s",
    });
  });

  it("has a login only where there is a name to log in by", () => {
    expect(asked({ ...relay, secret: "left over" })).not.toHaveProperty("secret");
    expect(asked({ ...relay, username: "u", secret: "s" })).toMatchObject({
      port: 587,
      username: "u",
      secret: "s",
    });
  });
});

describe("what is missing", () => {
  it("depends on the kind", () => {
    expect(missing(NEW_CHANNEL)).toEqual(["name", "url", "secret"]);
    expect(missing(relay)).toEqual([]);
    expect(missing({ ...relay, kind: "telegram" })).toEqual(["chat_id", "secret"]);
  });
});

describe("where a channel leads", () => {
  it("is said without what an URL may hide in its path", () => {
    const hook = { kind: "webhook", url: "https://hooks.example/services/T0/secret" } as Channel;
    expect(placeOf(hook)).toBe("hooks.example");
    expect(placeOf({ kind: "telegram", chat_id: "-100" } as Channel)).toBe("-100");
    expect(placeOf({ kind: "smtp", to: "b@school.example" } as Channel)).toBe("b@school.example");
  });
});

describe("how a post went", () => {
  it.each([
    ["queued", null, "queued"],
    ["queued", "busy", "again"],
    ["failed", "busy", "failed"],
    ["sent", null, "sent"],
    ["skipped", "inactive", "skipped"],
  ] as const)("%s with the code %s is %s", (state, code, outcome) => {
    expect(outcomeOf(state, code)).toBe(outcome);
  });
});
