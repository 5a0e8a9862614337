/**
 * The secret of a link that sets a password. It is taken out of the address at once, before anything
 * else of the page runs, so that neither the history nor a screenshot keeps it; it lives in memory
 * until it is used.
 */
const PATH = "/reset-password";

let token: string | null = null;

/** Take the token out of the page's address, if this is such a link. */
export function takeLinkToken(
  location: Pick<Location, "pathname" | "search">,
  history: Pick<History, "replaceState">,
): void {
  if (location.pathname.replace(/\/$/, "") !== PATH) return;
  const search = new URLSearchParams(location.search);
  if (!search.has("token")) return;
  token = search.get("token") || null;
  history.replaceState(null, "", PATH);
}

export function linkToken(): string | null {
  return token;
}

export function forgetLinkToken(): void {
  token = null;
}
