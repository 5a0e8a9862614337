/**
 * One sign-in, shared by all tabs of the browser: it is kept in storage, so that it outlives a tab,
 * and gets new tokens by itself when the old ones no longer hold.
 *
 * A refresh token is good once; a second use ends the session. So only the tab that holds the lock
 * may use it, and whoever waited for the lock first looks whether there are new tokens already.
 * What this file needs of a browser is handed in.
 */
import { asProblem } from "./problem";

const KEY = "rollcall.session";
const LOCK = "rollcall.refresh";
const EARLY_MILLISECONDS = 10_000;
// Another tab may hold the lock some milliseconds before it sees what this one has stored.
const SETTLING_MILLISECONDS = 150;

export interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

interface Kept {
  /** Names the session, in this browser only: the same over every refresh. */
  id: string;
  access: string;
  refresh: string;
  expiresAt: number;
}

export type EndReason = "signed_out" | "expired";
type Listener = () => void;

interface Browser {
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  locks: { request(name: string, held: () => Promise<void>): Promise<unknown> };
  send(request: Request): Promise<Response>;
  /** Exchanges a refresh token for new tokens, or throws a Problem. */
  refresh(token: string): Promise<Tokens>;
  /** Ends the session of a refresh token. */
  logout(token: string): Promise<unknown>;
}

export class Session {
  readonly #browser: Browser;
  readonly #listeners = new Set<Listener>();
  #kept: Kept | null;
  #ended: EndReason | null = null;
  #renewing: Promise<string | null> | null = null;
  /** Cuts off what is on its way in the name of a session that ends. */
  #cutting = new AbortController();

  constructor(browser: Browser) {
    this.#browser = browser;
    this.#kept = parsed(browser.storage.getItem(KEY));
  }

  /** What tells this session from the next, or null when nobody is signed in. */
  get id(): string | null {
    return this.#kept?.id ?? null;
  }

  /** Why the last session ended, or null while there is one or before the first. */
  get endReason(): EndReason | null {
    return this.#ended;
  }

  /** Be told when a session begins, goes on with new tokens, or ends; in whichever tab. */
  watch = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  begin(tokens: Tokens): void {
    this.#keep(crypto.randomUUID(), tokens);
  }

  /** End the session in all tabs at once; the server is told, and needs not be waited for. */
  signOut(): void {
    const kept = this.look();
    this.#end("signed_out");
    if (kept) void this.#browser.logout(kept.refresh).catch(() => undefined);
  }

  /** Take over what another tab has stored: new tokens, another session, or that it is over. */
  look = (): Kept | null => {
    const stored = parsed(this.#browser.storage.getItem(KEY));
    if (stored?.id !== this.#kept?.id || stored?.access !== this.#kept?.access) {
      this.#ended = stored ? null : "expired";
      this.#kept = stored;
      if (!stored) this.#cutOff();
      this.#tell();
    }
    return this.#kept;
  };

  /**
   * Send a request in the name of whoever is signed in, and once more with a new token when the
   * server refuses the one that it had: it expired, or belongs to a role of the past.
   *
   * Without a session nothing is sent: the answer is known. Rejects with an AbortError when the
   * session ends meanwhile: nobody is there for the answer.
   */
  fetch = async (request: Request): Promise<Response> => {
    const token = await this.#token();
    if (token === null) return new Response(null, { status: 401 });
    const cutting = this.#cutting.signal;
    const answer = await this.#browser.send(signed(request.clone(), token, cutting));
    if (answer.status !== 401) return answer;
    const renewed = await this.#renew(token);
    return renewed === null ? answer : this.#browser.send(signed(request, renewed, cutting));
  };

  async #token(): Promise<string | null> {
    const kept = this.look();
    if (!kept) return null;
    return Date.now() < kept.expiresAt - EARLY_MILLISECONDS
      ? kept.access
      : this.#renew(kept.access);
  }

  /** Return a token in place of a stale one, or null when there is no session any more. */
  #renew(stale: string): Promise<string | null> {
    this.#renewing ??= this.#renewAlone(stale).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  #renewAlone(stale: string): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const alone = async () => {
        const kept = this.look();
        if (!kept || kept.access !== stale) return resolve(kept?.access ?? null);
        resolve(await this.#refreshed(kept));
        await new Promise((settled) => setTimeout(settled, SETTLING_MILLISECONDS));
      };
      this.#browser.locks.request(LOCK, alone).catch(reject);
    });
  }

  async #refreshed(spending: Kept): Promise<string | null> {
    try {
      const tokens = await this.#browser.refresh(spending.refresh);
      // Meanwhile somebody may have signed out, or in as somebody else.
      if (this.look()?.id === spending.id) this.#keep(spending.id, tokens);
    } catch (thrown) {
      // Without an answer the token may be spent or not: only another try can tell.
      if (asProblem(thrown).passing) throw thrown;
      if (this.look()?.refresh === spending.refresh) this.#end("expired");
    }
    return this.#kept?.access ?? null;
  }

  #keep(id: string, tokens: Tokens): void {
    this.#kept = {
      id,
      access: tokens.access_token,
      refresh: tokens.refresh_token,
      expiresAt: Date.now() + tokens.expires_in * 1000,
    };
    this.#ended = null;
    this.#browser.storage.setItem(KEY, JSON.stringify(this.#kept));
    this.#tell();
  }

  #end(reason: EndReason): void {
    if (!this.#kept) return;
    this.#kept = null;
    this.#ended = reason;
    this.#browser.storage.removeItem(KEY);
    this.#cutOff();
    this.#tell();
  }

  #cutOff(): void {
    this.#cutting.abort();
    this.#cutting = new AbortController();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function signed(request: Request, token: string, cutting: AbortSignal): Request {
  request.headers.set("Authorization", `Bearer ${token}`);
  return new Request(request, { signal: AbortSignal.any([request.signal, cutting]) });
}

function parsed(stored: string | null): Kept | null {
  if (stored === null) return null;
  try {
    const kept = JSON.parse(stored) as Partial<Kept> | null;
    const whole = [kept?.id, kept?.access, kept?.refresh].every((part) => typeof part === "string");
    return whole && typeof kept?.expiresAt === "number" ? (kept as Kept) : null;
  } catch {
    return null;
  }
}
