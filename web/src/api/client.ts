/**
 * The one way to the API: typed by its own description, in the name of whoever is signed in.
 *
 * `answered` turns openapi-fetch's pair of data and error into a value or a thrown Problem, so that
 * queries and mutations see one kind of failure.
 */
import createClient from "openapi-fetch";

import { problemFrom } from "./problem";
import type { paths } from "./schema";
import { Session } from "./session";

const REFRESH_TIMEOUT_MILLISECONDS = 20_000;

const baseUrl = window.location.origin;

/** For what needs no sign-in: signing in itself, registering, the way back into an account. */
export const publicApi = createClient<paths>({ baseUrl });

export const session = new Session({
  storage: window.localStorage,
  locks: navigator.locks,
  send: (request) => fetch(request),
  refresh: (refresh_token) =>
    answered(
      publicApi.POST("/auth/refresh", {
        body: { refresh_token },
        // The other tabs wait for this one.
        signal: AbortSignal.timeout(REFRESH_TIMEOUT_MILLISECONDS),
      }),
    ),
  logout: (refresh_token) =>
    publicApi.POST("/auth/logout", { body: { refresh_token }, keepalive: true }),
});
window.addEventListener("storage", session.look);
// A page that comes back out of the browser's cache was told nothing meanwhile.
window.addEventListener("pageshow", session.look);

export const api = createClient<paths>({ baseUrl, fetch: session.fetch });

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** Return what a call answered, or throw its Problem. */
export async function answered<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  return (await answeredWithTag(call)).data;
}

/** The same, with the ETag that a later change of this resource has to name. */
export async function answeredWithTag<Data>(
  call: Promise<Answer<Data>>,
): Promise<{ data: Data; etag: string | null }> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemFrom(response.status, response.headers, error);
  return { data: data as Data, etag: response.headers.get("ETag") };
}

/** The same for who asks again by an ETag: null where nothing has changed since. */
export async function answeredAnew<Data>(
  call: Promise<Answer<Data>>,
): Promise<{ data: Data; etag: string | null } | null> {
  const answer = await call;
  return answer.response.status === 304 ? null : answeredWithTag(Promise.resolve(answer));
}

/**
 * Return the address behind a route that redirects to a presigned download.
 *
 * A link cannot carry the token, and a file of a million rows should not pass through the page's
 * memory: so the redirect is followed as far as its headers, and the browser downloads the rest.
 */
export async function redirectedTo(path: string): Promise<string> {
  const response = await session.fetch(new Request(path));
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => null);
    throw problemFrom(response.status, response.headers, body);
  }
  await response.body?.cancel();
  return response.url;
}
