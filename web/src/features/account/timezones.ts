/** The names of time zones, and which one to propose. */

/** What the server says for whoever never chose. */
const UNCHOSEN = "UTC";

/** Return the names to choose from, with those that must be among them. */
export function timezones(known: readonly string[], ...needed: string[]): string[] {
  return [...new Set([...known, UNCHOSEN, ...needed])].sort();
}

/** Return the zone to start with: the one that was chosen, else where the browser is. */
export function proposedTimezone(kept: string, browsers: string | undefined): string {
  return kept === UNCHOSEN && browsers ? browsers : kept;
}
