import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Problem } from "./problem";
import { Session, type Tokens } from "./session";

/** A server that knows one session: its access tokens hold or not, a refresh token is good once. */
class Server {
  refreshes = 0;
  ended = false;
  role = "student";
  #access = "";
  #refresh = "";
  #number = 0;
  #spent = new Set<string>();
  /** Loses the next answer to a refresh; what was asked for is done all the same. */
  losesAnswer = false;
  isAway = false;
  seen: (string | null)[] = [];

  login(): Tokens {
    return this.#issue();
  }

  changeRole(role: string): void {
    this.role = role;
    this.#access = "";
  }

  refresh = async (token: string): Promise<Tokens> => {
    await pause(20);
    if (this.isAway) throw new TypeError("Failed to fetch");
    this.refreshes += 1;
    if (this.#spent.has(token)) this.ended = true;
    if (this.ended || token !== this.#refresh) throw new Problem(401, "invalid_token");
    this.#spent.add(token);
    const tokens = this.#issue();
    if (this.losesAnswer) {
      this.losesAnswer = false;
      throw new TypeError("Failed to fetch");
    }
    return tokens;
  };

  logout = async (token: string): Promise<void> => {
    await pause(5);
    if (token === this.#refresh || this.#spent.has(token)) this.ended = true;
  };

  send = async (request: Request): Promise<Response> => {
    const authorization = request.headers.get("Authorization");
    this.seen.push(authorization);
    const body = await request.text();
    await pause(5);
    const holds = !this.ended && authorization === `Bearer ${this.#access}`;
    return holds ? new Response(`${this.role}:${body}`) : new Response(null, { status: 401 });
  };

  #issue(): Tokens {
    this.#number += 1;
    this.#access = `access-${this.#number}`;
    this.#refresh = `refresh-${this.#number}`;
    return { access_token: this.#access, refresh_token: this.#refresh, expires_in: 900 };
  }
}

/** A browser with tabs: each sees what another one stores a little later, and is told then. */
class FakeBrowser {
  #tabs: { values: Map<string, string>; session: Session }[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  readonly #server: Server;
  readonly #delay: number;

  constructor(server: Server, delay = 30) {
    this.#server = server;
    this.#delay = delay;
  }

  open(): Session {
    const values = new Map(this.#tabs[0]?.values);
    const write = (key: string, value: string | null) => {
      set(values, key, value);
      for (const tab of this.#tabs.filter((other) => other.values !== values)) {
        setTimeout(() => {
          set(tab.values, key, value);
          tab.session.look();
        }, this.#delay);
      }
    };
    const session = new Session({
      storage: {
        getItem: (key) => values.get(key) ?? null,
        setItem: write,
        removeItem: (key) => write(key, null),
      },
      locks: {
        request: (_name, held) => {
          const done = this.#queue.then(held);
          this.#queue = done.catch(() => undefined);
          return done;
        },
      },
      send: this.#server.send,
      refresh: this.#server.refresh,
      logout: this.#server.logout,
    });
    this.#tabs.push({ values, session });
    return session;
  }
}

function set(values: Map<string, string>, key: string, value: string | null): void {
  if (value === null) values.delete(key);
  else values.set(key, value);
}

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));
const anHour = 3_600_000;

let server: Server;
let browser: FakeBrowser;
let tab: Session;
let other: Session;

const get = (session: Session) => session.fetch(new Request("https://school.example/api/courses"));
const later = <T>(happening: Promise<T>) =>
  vi.advanceTimersByTimeAsync(2_000).then(() => happening);

beforeEach(async () => {
  vi.useFakeTimers();
  server = new Server();
  browser = new FakeBrowser(server);
  tab = browser.open();
  tab.begin(server.login());
  other = browser.open();
  await vi.advanceTimersByTimeAsync(100);
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a session", () => {
  it("is there in every tab, and in one that is opened later", async () => {
    expect(other.id).toBe(tab.id);
    const third = browser.open();
    expect(await later(get(third))).toMatchObject({ status: 200 });
    expect(server.refreshes).toBe(0);
  });

  it("begins in the tabs that wait at the sign-in", async () => {
    const another = new FakeBrowser(server);
    const [here, there] = [another.open(), another.open()];
    here.begin(server.login());
    expect(there.id).toBeNull();
    await vi.advanceTimersByTimeAsync(100);
    expect(there.id).toBe(here.id);
  });

  it("sends nothing of itself when there is none", async () => {
    const nobody = new FakeBrowser(server).open();
    expect(await later(get(nobody))).toMatchObject({ status: 401 });
    expect(server.seen).toEqual([]);
    expect(server.refreshes).toBe(0);
  });

  it.each(["", "{", "null", "[]", '{"id":1}', '{"id":"a","access":"b","refresh":"c"}'])(
    "is none when what is stored is %s",
    (stored) => {
      const locks = { request: () => Promise.resolve() };
      const storage = { getItem: () => stored, setItem: vi.fn(), removeItem: vi.fn() };
      expect(new Session({ storage, locks, ...server }).id).toBeNull();
    },
  );
});

describe("an access token that has expired", () => {
  beforeEach(() => vi.advanceTimersByTimeAsync(anHour));

  it("is renewed before a request is sent", async () => {
    const answer = await later(get(tab));
    expect(answer.status).toBe(200);
    expect(server.seen).toEqual(["Bearer access-2"]);
  });

  it("is renewed once for all requests of two tabs", async () => {
    const answers = await later(Promise.all([get(tab), get(other), get(tab), get(other)]));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(server.refreshes).toBe(1);
    expect(server.ended).toBe(false);
  });

  it("is not renewed again by a tab that asks just after", async () => {
    const first = get(tab);
    await vi.advanceTimersByTimeAsync(21);
    const second = get(other);
    await later(Promise.all([first, second]));
    expect(server.refreshes).toBe(1);
  });

  it("lets the other requests go on before the lock is free", async () => {
    const answer = get(tab);
    await vi.advanceTimersByTimeAsync(40);
    expect((await answer).status).toBe(200);
  });
});

describe("a token that the server refuses", () => {
  it("is renewed, and the request is sent once more with its body", async () => {
    server.changeRole("manager");
    const request = new Request("https://school.example/api/courses", {
      method: "POST",
      body: "the body",
    });
    const answer = await later(tab.fetch(request));
    expect(await answer.text()).toBe("manager:the body");
    expect(server.seen).toEqual(["Bearer access-1", "Bearer access-2"]);
  });

  it("tells the watchers of every tab that the role may be another", async () => {
    const told = { here: vi.fn(), there: vi.fn() };
    tab.watch(told.here);
    other.watch(told.there);
    const before = tab.id;
    server.changeRole("teacher");
    await later(get(tab));
    expect(told.here).toHaveBeenCalledTimes(1);
    expect(told.there).toHaveBeenCalledTimes(1);
    expect([tab.id, other.id]).toEqual([before, before]);
    expect(await (await later(get(other))).text()).toBe("teacher:");
    expect(server.refreshes).toBe(1);
  });

  it("costs one refresh when two tabs find out at once", async () => {
    server.changeRole("teacher");
    const answers = await later(Promise.all([get(tab), get(other)]));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(server.refreshes).toBe(1);
  });
});

describe("a refresh whose answer is lost", () => {
  beforeEach(() => vi.advanceTimersByTimeAsync(anHour));

  it("on its way there is tried again", async () => {
    server.isAway = true;
    const lost = expect(get(tab)).rejects.toThrow("Failed to fetch");
    await later(lost);
    expect(tab.id).not.toBeNull();
    server.isAway = false;
    expect((await later(get(tab))).status).toBe(200);
  });

  it("on its way back ends the session, in all tabs, with the next try", async () => {
    server.losesAnswer = true;
    const lost = expect(get(tab)).rejects.toThrow("Failed to fetch");
    await later(lost);
    expect([tab.id, other.id]).not.toContain(null);
    expect((await later(get(other))).status).toBe(401);
    expect([tab.id, other.id]).toEqual([null, null]);
    expect(tab.endReason).toBe("expired");
  });

  it("is no reason to end while the server is only overloaded", async () => {
    vi.spyOn(server, "refresh").mockRejectedValueOnce(new Problem(503, "pool_exhausted"));
    const busy = browser.open();
    const refused = expect(get(busy)).rejects.toMatchObject({ code: "pool_exhausted" });
    await later(refused);
    expect(busy.id).not.toBeNull();
    expect((await later(get(busy))).status).toBe(200);
  });
});

describe("a refresh that is refused", () => {
  it("ends the session in all tabs, and says why", async () => {
    server.ended = true;
    expect((await later(get(tab))).status).toBe(401);
    expect([tab.id, other.id]).toEqual([null, null]);
    expect([tab.endReason, other.endReason]).toEqual(["expired", "expired"]);
    expect(server.refreshes).toBe(1);
    expect((await later(get(other))).status).toBe(401);
    expect(server.refreshes).toBe(1);
  });

  it("does not end the session that was begun meanwhile", async () => {
    server.ended = true;
    const old = get(tab);
    await vi.advanceTimersByTimeAsync(10);
    server.ended = false;
    tab.begin(server.login());
    const begun = tab.id;
    await later(old);
    expect(tab.id).toBe(begun);
  });
});

describe("signing out", () => {
  it("ends the session here, in the other tabs and on the server", async () => {
    tab.signOut();
    expect(tab.id).toBeNull();
    await vi.advanceTimersByTimeAsync(100);
    expect(other.id).toBeNull();
    expect(server.ended).toBe(true);
    expect([tab.endReason, other.endReason]).toEqual(["signed_out", "expired"]);
  });

  it("while a refresh is on its way stays signed out", async () => {
    await vi.advanceTimersByTimeAsync(anHour);
    const answer = get(tab);
    await vi.advanceTimersByTimeAsync(10);
    other.signOut();
    await later(answer);
    expect([tab.id, other.id]).toEqual([null, null]);
    expect(server.ended).toBe(true);
  });

  it("cuts off what is on its way in any tab, and nothing after it", async () => {
    const send = vi.spyOn(server, "send");
    const here = browser.open();
    const late = get(here);
    await vi.advanceTimersByTimeAsync(1);
    tab.signOut();
    await vi.advanceTimersByTimeAsync(100);
    server.ended = false;
    here.begin(server.login());
    await later(Promise.all([late, get(here)]));
    expect(send.mock.calls.map(([request]) => request.signal.aborted)).toEqual([true, false]);
  });

  it("needs no server", () => {
    const logout = () => Promise.reject(new TypeError("Failed to fetch"));
    const storage = { getItem: () => null, setItem: vi.fn(), removeItem: vi.fn() };
    const alone = new Session({ ...server, storage, logout, locks: { request: vi.fn() } });
    alone.begin(server.login());
    alone.signOut();
    expect(alone.id).toBeNull();
  });
});
