/** Moments of the API, and the local time that a form has for them. */

/** Return a local time as a form has it (`2026-11-26T14:30`) as a moment of the API, or null. */
export function moment(local: string): string | null {
  const time = Date.parse(local);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/** Return a moment of the API as the local time that a form has for it, to the minute. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
