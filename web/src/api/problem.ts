/**
 * What went wrong with a call, as a code that the dictionary can translate.
 *
 * The server speaks RFC 9457 (application/problem+json). A gateway, a proxy or a dropped line may
 * answer with anything else or not at all: then the code is made up here from what is known.
 */

export interface FieldProblem {
  field: string;
  code: string;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly retryAfterSeconds: number | null;
  /** When the wait that the server asked for is over, in milliseconds since 1970. */
  readonly retryAt: number | null;
  readonly fields: FieldProblem[];
  /** The answer itself, for what some refusals say beyond this. */
  readonly body: Record<string, unknown>;

  constructor(
    status: number,
    code: string,
    more: {
      requestId?: string | null;
      retryAfterSeconds?: number | null;
      fields?: FieldProblem[];
      body?: Record<string, unknown>;
    } = {},
  ) {
    super(code);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.requestId = more.requestId ?? null;
    this.retryAfterSeconds = more.retryAfterSeconds ?? null;
    this.retryAt =
      this.retryAfterSeconds === null ? null : Date.now() + this.retryAfterSeconds * 1000;
    this.fields = more.fields ?? [];
    this.body = more.body ?? {};
  }

  /** Whether the same call may well succeed a moment later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const CODE_BY_STATUS: Record<number, string> = {
  400: "bad_request",
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  409: "conflict",
  412: "precondition_failed",
  413: "payload_too_large",
  415: "unsupported_media_type",
  422: "invalid",
  429: "too_many_requests",
};

/** Read an answer that was not a success; `body` is parsed JSON, or text where it was not JSON. */
export function problemFrom(status: number, headers: Headers, body: unknown): Problem {
  const said = isRecord(body) ? body : {};
  const fallback = CODE_BY_STATUS[status] ?? (status >= 500 ? "unavailable" : "unknown");
  return new Problem(status, typeof said.code === "string" ? said.code : fallback, {
    requestId: typeof said.request_id === "string" ? said.request_id : headers.get("X-Request-Id"),
    retryAfterSeconds: secondsOf(headers.get("Retry-After")),
    fields: fieldsOf(said.errors),
    body: said,
  });
}

/** Anything that was thrown, as a Problem: fetch throws a TypeError when there is no answer. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const noAnswer =
    thrown instanceof TypeError ||
    (thrown instanceof DOMException && thrown.name === "TimeoutError");
  return new Problem(0, noAnswer ? "network" : "unknown");
}

function fieldsOf(errors: unknown): FieldProblem[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((error: unknown) =>
    isRecord(error) && typeof error.field === "string" && typeof error.code === "string"
      ? [{ field: error.field, code: error.code }]
      : [],
  );
}

function secondsOf(header: string | null): number | null {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
