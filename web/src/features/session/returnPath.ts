/** Where to go after signing in: only ever a path of this app. */

export function loginPath(from: string): string {
  return from === "/" ? "/login" : `/login?next=${encodeURIComponent(from)}`;
}

/** Return the path that the login page may lead to; an address of elsewhere becomes the start. */
export function returnPath(next: string | null, origin: string): string {
  if (!next?.startsWith("/") || !URL.canParse(next, origin)) return "/";
  const url = new URL(next, origin);
  if (url.origin !== origin || url.pathname === "/login") return "/";
  return url.pathname + url.search + url.hash;
}
