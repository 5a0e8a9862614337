import { useSyncExternalStore } from "react";

const TICK_MILLISECONDS = 200;

/** Return the whole seconds that are left until a moment (milliseconds since 1970), as they go by. */
export function useSecondsUntil(moment: number | null): number {
  return useSyncExternalStore(moment === null ? never : eachTick, () =>
    moment === null ? 0 : Math.max(0, Math.ceil((moment - Date.now()) / 1000)),
  );
}

function eachTick(tick: () => void): () => void {
  const timer = window.setInterval(tick, TICK_MILLISECONDS);
  return () => window.clearInterval(timer);
}

function never(): () => void {
  return () => undefined;
}
