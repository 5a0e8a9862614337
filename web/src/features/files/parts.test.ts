import { describe, expect, it } from "vitest";

import { Problem } from "../../api/problem";
import type { Part } from "../../api/types";
import { sendParts } from "./parts";

const SIZE = 8;

/** A file of that many parts, and a storage that may fail; `sent` is what arrived, in order. */
function storage(count: number, fails: (part: Part, tries: number) => Problem | null = () => null) {
  const sent: number[] = [];
  const tries = new Map<number, number>();
  const state = { underWay: 0, most: 0, progress: 0, sent, tries };
  const stopping = new AbortController();
  const way = {
    ask: (numbers: number[]) =>
      Promise.resolve({
        part_size: SIZE,
        count,
        parts: numbers.map((number) => ({ number, size: SIZE, url: `part-${number}` })),
        expires_at: "2026-11-26T14:30:00Z",
      }),
    put: async (part: Part, from: number, onProgress: (bytes: number) => void) => {
      expect(from).toBe((part.number - 1) * SIZE);
      const time = (tries.get(part.number) ?? 0) + 1;
      tries.set(part.number, time);
      state.underWay += 1;
      state.most = Math.max(state.most, state.underWay);
      onProgress(SIZE / 2);
      await new Promise((resolve) => setTimeout(resolve, 1));
      state.underWay -= 1;
      const failure = fails(part, time);
      if (failure) throw failure;
      onProgress(SIZE);
      sent.push(part.number);
    },
    onProgress: (bytes: number) => (state.progress = bytes),
    signal: stopping.signal,
    pause: () => Promise.resolve(),
  };
  return { way, state, stopping };
}

describe("a file in parts", () => {
  it("is sent whole, ten parts at once at most", async () => {
    const { way, state } = storage(25);
    await sendParts(way);
    expect([...state.sent].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 25 }, (_, index) => index + 1),
    );
    expect(state.most).toBe(10);
    expect(state.progress).toBe(25 * SIZE);
  });

  it("has a part that failed sent again, and counts it once", async () => {
    const { way, state } = storage(3, (part, time) =>
      part.number === 2 && time < 3 ? new Problem(0, "upload_failed") : null,
    );
    await sendParts(way);
    expect(state.tries.get(2)).toBe(3);
    expect(state.progress).toBe(3 * SIZE);
  });

  it("fails when a part keeps failing, and begins no more parts", async () => {
    const { way, state } = storage(40, (part) =>
      part.number === 1 ? new Problem(0, "upload_failed") : null,
    );
    await expect(sendParts(way)).rejects.toMatchObject({ code: "upload_failed" });
    expect(state.tries.get(1)).toBe(4);
    const begun = state.tries.size;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(state.tries.size).toBe(begun);
  });

  it("is not tried again where that is no help", async () => {
    const { way, state } = storage(1, () => new Problem(0, "upload_aborted"));
    await expect(sendParts(way)).rejects.toMatchObject({ code: "upload_aborted" });
    expect(state.tries.get(1)).toBe(1);
  });

  it("ends when it is stopped between two tries", async () => {
    const { way, stopping, state } = storage(1, () => new Problem(0, "upload_failed"));
    way.pause = () => Promise.resolve(stopping.abort());
    await expect(sendParts(way)).rejects.toMatchObject({ code: "upload_aborted" });
    expect(state.tries.get(1)).toBe(1);
  });
});
