/**
 * The one way to the API: typed by its own description, signed with the session's token.
 *
 * `answered` turns openapi-fetch's pair of data and error into a value or a thrown Problem, so that
 * queries and mutations see one kind of failure.
 */
import createClient, { type Middleware } from "openapi-fetch";

import { endSession, accessToken } from "./token";
import { problemFrom } from "./problem";
import type { paths } from "./schema";

const signed: Middleware = {
  onRequest({ request }) {
    const token = accessToken();
    if (token) request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
  onResponse({ request, response }) {
    const sent = request.headers.get("Authorization");
    // An answer to an older token must not end the session that was begun since.
    if (response.status === 401 && sent === `Bearer ${accessToken()}`) endSession("expired");
  },
};

export const api = createClient<paths>({ baseUrl: window.location.origin });
api.use(signed);

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

/**
 * Return the address behind a route that redirects to a presigned download.
 *
 * A link cannot carry the token, and a file of a million rows should not pass through the page's
 * memory: so the redirect is followed as far as its headers, and the browser downloads the rest.
 */
export async function redirectedTo(path: string): Promise<string> {
  const response = await fetch(path, { headers: { Authorization: `Bearer ${accessToken()}` } });
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => null);
    if (response.status === 401) endSession("expired");
    throw problemFrom(response.status, response.headers, body);
  }
  await response.body?.cancel();
  return response.url;
}
