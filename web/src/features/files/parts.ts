/**
 * A large file in parts: at most ten on their way at once, and a part that fails is sent again.
 *
 * What talks to the server is passed in: `ask` for links, `put` for the bytes.
 */
import { asProblem, Problem } from "../../api/problem";
import type { Part, PartLinks } from "../../api/types";

const MOST_AT_ONCE = 10;
const MOST_TRIES = 4;
const FIRST_PAUSE_MILLISECONDS = 500;

interface Way {
  ask(numbers: number[]): Promise<PartLinks>;
  /** Resolves when the storage has the part; says meanwhile how much of it is sent. */
  put(part: Part, from: number, onProgress: (sentBytes: number) => void): Promise<void>;
  onProgress(sentBytes: number): void;
  signal: AbortSignal;
  pause?(milliseconds: number): Promise<void>;
}

/** Resolve when every part has arrived; the first that cannot be sent stops the others. */
export async function sendParts(way: Way): Promise<void> {
  const first = await way.ask([1]);
  const sent = new Map<number, number>();
  const tell = (number: number, bytes: number) => {
    sent.set(number, bytes);
    way.onProgress([...sent.values()].reduce((sum, part) => sum + part, 0));
  };
  let next = 1;
  let broken = false;

  const work = async () => {
    while (next <= first.count && !broken) {
      const number = next++;
      try {
        await sendPart(number);
      } catch (thrown) {
        broken = true;
        throw thrown;
      }
    }
  };

  // Links hold for 15 minutes only, so each is asked for when its turn has come.
  async function sendPart(number: number): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const { parts, part_size } = await way.ask([number]);
        await way.put(parts[0]!, (number - 1) * part_size, (bytes) => tell(number, bytes));
        return;
      } catch (thrown) {
        tell(number, 0);
        if (broken || tries === MOST_TRIES || !worthAnotherTry(thrown)) throw thrown;
        await (way.pause ?? sleep)(FIRST_PAUSE_MILLISECONDS * 2 ** (tries - 1));
        if (way.signal.aborted) throw new Problem(0, "upload_aborted");
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, first.count) }, work));
}

/** A refusal of the storage may be that of a link that has run out: the next try has a new one. */
function worthAnotherTry(thrown: unknown): boolean {
  const { code, passing } = asProblem(thrown);
  return code !== "upload_aborted" && (passing || code === "upload_refused");
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
