/**
 * The access token of this tab, outside React so that the API client can read it.
 *
 * sessionStorage keeps it over a reload and drops it with the tab. Components watch it through
 * `useSignedIn` of the session feature.
 */

const KEY = "rollcall.token";

type Listener = () => void;
export type EndReason = "signed_out" | "expired";

const listeners = new Set<Listener>();
let token: string | null = window.sessionStorage.getItem(KEY);
let ended: EndReason | null = null;

export function accessToken(): string | null {
  return token;
}

/** Why the last session ended, or null while there is one or before the first. */
export function endReason(): EndReason | null {
  return ended;
}

export function beginSession(accessToken: string): void {
  token = accessToken;
  ended = null;
  window.sessionStorage.setItem(KEY, accessToken);
  tell();
}

export function endSession(reason: EndReason): void {
  if (token === null) return;
  token = null;
  ended = reason;
  window.sessionStorage.removeItem(KEY);
  tell();
}

export function watchToken(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}
