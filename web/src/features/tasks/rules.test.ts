import { describe, expect, it } from "vitest";

import type { Task } from "../../api/types";
import { importCounts, pollDelay, tookMilliseconds, watched } from "./rules";

const task: Task = {
  id: "7b0e8a52-58f5-4f0e-9c9f-0a52d1d0a001",
  kind: "courses",
  job: "import",
  mode: "apply",
  filename: "courses.csv",
  plan_of: null,
  created_by: 1,
  state: "PENDING",
  progress: { done: 0, total: null },
  result: null,
  error: null,
  created_at: "2026-11-20T12:00:00Z",
  started_at: null,
  finished_at: null,
};
const at = (done: number): Task => ({ ...task, state: "PROGRESS", progress: { done, total: 100 } });

describe("watching a task", () => {
  it("asks soon at first, then ever more rarely while nothing moves", () => {
    let now = watched(undefined, task);
    const delays = [pollDelay(now)];
    for (let answer = 0; answer < 12; answer++) {
      now = watched(now, task);
      delays.push(pollDelay(now));
    }
    expect(delays[0]).toBe(300);
    expect(delays[1]).toBe(450);
    expect(delays).toEqual([...delays].sort((a, b) => Number(a) - Number(b)));
    expect(delays.at(-1)).toBe(5_000);
  });

  it("asks soon again when the state or the progress moves", () => {
    const idle = watched(watched(watched(undefined, task), task), task);
    expect(idle.unchanged).toBe(2);
    const begun = watched(idle, at(0));
    expect(begun.unchanged).toBe(0);
    expect(watched(begun, at(0)).unchanged).toBe(1);
    expect(watched(begun, at(50)).unchanged).toBe(0);
  });

  it.each(["SUCCESS", "FAILURE"] as const)("stops at %s", (state) => {
    expect(pollDelay(watched(undefined, { ...task, state }))).toBe(false);
  });

  it("goes on when there was no answer yet", () => {
    expect(pollDelay(undefined)).toBeGreaterThan(0);
  });
});

describe("a result", () => {
  const result = { status: "ok", total: 3, created: 1, updated: 1, unchanged: 0, failed: 1 };

  it("is read with its counts", () => {
    expect(importCounts({ ...result, warnings: 2, error_report: true })).toMatchObject({
      total: 3,
      failed: 1,
      warnings: 2,
      errorReport: true,
    });
  });

  it("has no warnings and no report unless it says so", () => {
    expect(importCounts(result)).toMatchObject({ warnings: 0, waitlisted: 0, errorReport: false });
  });

  it("is none when a count is missing", () => {
    expect(importCounts({ total: 3 })).toBeNull();
    expect(importCounts(null)).toBeNull();
  });
});

describe("how long a task took", () => {
  it("is known at its end", () => {
    const times = { started_at: "2026-11-20T12:00:01Z", finished_at: "2026-11-20T12:00:03.5Z" };
    expect(tookMilliseconds({ ...task, ...times })).toBe(2_500);
    expect(tookMilliseconds({ ...task, started_at: times.started_at })).toBeNull();
  });
});
