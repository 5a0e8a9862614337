import { describe, expect, it } from "vitest";

import { asProblem, Problem, problemFrom } from "./problem";

const plain = new Headers();

describe("a problem of the API", () => {
  it("keeps the code, the fields and the request's id", () => {
    const problem = problemFrom(422, plain, {
      code: "invalid",
      detail: "Some fields are not valid.",
      request_id: "r-1",
      errors: [{ field: "title", code: "required", message: "A title is needed." }],
    });
    expect(problem).toMatchObject({
      status: 422,
      code: "invalid",
      requestId: "r-1",
      fields: [{ field: "title", code: "required" }],
      passing: false,
    });
  });

  it("takes the wait from the header", () => {
    const problem = problemFrom(503, new Headers({ "Retry-After": "2" }), {
      code: "database_away",
    });
    expect(problem.retryAfterSeconds).toBe(2);
    expect(problem.passing).toBe(true);
  });

  it("ignores a wait that is a date", () => {
    const headers = new Headers({ "Retry-After": "Fri, 20 Nov 2026 12:00:00 GMT" });
    expect(problemFrom(503, headers, null).retryAfterSeconds).toBeNull();
  });

  it("leaves out what is no field error", () => {
    const problem = problemFrom(422, plain, { code: "invalid", errors: [null, "x", { field: 1 }] });
    expect(problem.fields).toEqual([]);
  });
});

describe("an answer that is no problem of ours", () => {
  it.each([
    [404, "<html>", "not_found"],
    [413, undefined, "payload_too_large"],
    [502, "Bad gateway", "unavailable"],
    [418, { code: 7 }, "unknown"],
  ])("%i becomes a code", (status, body, code) => {
    expect(problemFrom(status, plain, body).code).toBe(code);
  });

  it("finds the request's id in the header", () => {
    const headers = new Headers({ "X-Request-Id": "r-2" });
    expect(problemFrom(500, headers, "").requestId).toBe("r-2");
  });
});

describe("what was thrown", () => {
  it("is kept when it is a problem", () => {
    const problem = new Problem(409, "conflict");
    expect(asProblem(problem)).toBe(problem);
  });

  it("is a lost connection when fetch threw it, and may pass", () => {
    expect(asProblem(new TypeError("Failed to fetch"))).toMatchObject({
      code: "network",
      passing: true,
    });
  });

  it("is unknown otherwise", () => {
    expect(asProblem(new SyntaxError("Unexpected token")).code).toBe("unknown");
  });
});
