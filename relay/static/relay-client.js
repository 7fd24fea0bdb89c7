/**
 * A client of the relay for browsers and Node 20+, without dependencies.
 *
 *     const relay = new RelayClient("https://relay.example", { room: "lobby", user: "alice" });
 *     relay.on("state", ({ state, reason }) => console.log(state, reason));
 *     relay.on("message", ({ data }) => console.log(data));
 *     relay.send("hello");
 *
 * It comes back by itself after whatever may pass, and stops with a reason where trying again would
 * be of no use. What is sent while it is away waits in a queue. It speaks the raw protocol, which
 * promises no more than a WebSocket does: what the room said while the client was away is missed,
 * and what was on its way when the connection broke may be lost, in either direction.
 */

/**
 * @typedef {string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob} Sendable
 *
 * @typedef {"connecting" | "open" | "waiting" | "closed"} State
 *   `waiting` is the time between two attempts; `closed` is for good.
 *
 * @typedef {object} Options
 * @property {string} [room] "lobby" if left out
 * @property {string} [user] name in the room; that of a guest if left out
 * @property {string} [token] JSON Web Token, where the relay asks for one
 * @property {boolean} [echo] also receive what you send
 * @property {number} [history] receive the last so many messages before the live ones; only when
 *   connecting for the first time, because raw messages carry no number to tell repeats by
 * @property {"close" | "skip"} [lag] what the relay does when this client reads too slowly: close
 *   the connection (if left out), or skip messages
 * @property {number} [queueLimit] bytes that may wait to be sent; 1 MiB if left out
 * @property {typeof WebSocket} [WebSocket] an implementation to use in place of the global one
 *
 * @typedef {object} Events
 * @property {{}} open connected, for the first time or again
 * @property {{ data: string | ArrayBuffer }} message one message, text or binary
 * @property {{ state: State, reason: string, retryIn: number | null }} state the state has changed:
 *   why, in words, and in how many milliseconds the next attempt comes (null: none is planned)
 * @property {{ code: number | null, reason: string }} close closed for good: the close code (null
 *   where there was no connection to close), and why
 */

const CONNECT_TIMEOUT = 10_000; // ms for the handshake
const ASK_TIMEOUT = 5_000; // ms; the relay itself takes up to 2 s to see whether a name is in use
const STABLE = 10_000; // ms after which a connection counts as a success
const FIRST_DELAY = 500; // ms
const LONGEST_DELAY = 30_000; // ms
const QUEUE_LIMIT = 1024 * 1024; // bytes
const READ_LIMIT = 10_000; // messages that may wait for a `for await` loop

/** Close codes after which the same client would only be closed again (docs/protocol.md). */
export const TERMINAL_CODES = new Set([1000, 1002, 1007, 1008, 1009, 4000, 4401, 4403]);

/** HTTP answers of the 400s that may be another one next time. */
const PASSING = new Set([408, 425, 426, 429]);

/** A message that was not taken, because too much waits to be sent already. */
export class QueueFull extends Error {
  /**
   * @param {number} size bytes
   * @param {number} queued bytes
   * @param {number} limit bytes
   */
  constructor(size, queued, limit) {
    super(
      `message of ${size} bytes was not taken: ${queued} bytes wait, and the limit is ${limit}`,
    );
    this.name = "QueueFull";
    this.size = size;
    this.queued = queued;
    this.limit = limit;
  }
}

/**
 * Return how long to wait after so many failures in a row: full jitter, so that clients that were
 * cut off together do not come back together.
 *
 * @param {number} failures from 0
 * @param {() => number} [random] from 0 to 1
 * @returns {number} milliseconds, at most 500 after the first failure and never above 30,000
 */
export function backoff(failures, random = Math.random) {
  return random() * Math.min(FIRST_DELAY * 2 ** failures, LONGEST_DELAY);
}

/** One member of one room, for as long as it is wanted. */
export class RelayClient {
  /** @type {Options & { room: string, user: string, queueLimit: number }} */
  #options;
  #base;
  #WebSocket;
  /** @type {{ [T in keyof Events]: Set<(event: Events[T]) => void> }} */
  #listeners = { open: new Set(), message: new Set(), state: new Set(), close: new Set() };
  /** @type {State} */
  #state = "connecting";
  #reason = "";
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0; // what an earlier attempt still has to say does not count
  #failures = 0; // in a row
  #opened = 0; // when the connection was opened last, ms; 0 is never
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {{ data: Sendable, size: number }[]} */
  #queue = [];
  #queueSize = 0; // bytes

  /**
   * Connect, once the code that runs now has had its chance to listen.
   *
   * @param {string | URL} url the relay's address: http, https, ws or wss; in a browser also "/"
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    const user = options.user ?? `guest-${Math.floor(Math.random() * 1e6)}`;
    if (/^\.*$/.test(user)) throw new TypeError(`user ${JSON.stringify(user)}: expected a name`);
    this.#options = { room: "lobby", queueLimit: QUEUE_LIMIT, ...options, user };
    this.#base = new URL(url, globalThis.location?.href);
    this.#base.protocol = this.#base.protocol.replace("http", "ws");
    if (!/^wss?:$/.test(this.#base.protocol)) {
      throw new TypeError(`${url}: expected an address that begins with http, https, ws or wss`);
    }
    const Implementation = options.WebSocket ?? globalThis.WebSocket;
    if (!Implementation) {
      throw new TypeError(
        "no WebSocket here: Node 22 has one, Node 20 with --experimental-websocket; " +
          "or pass that of the package ws as option WebSocket",
      );
    }
    this.#WebSocket = Implementation;
    this.#watchNetwork("addEventListener");
    queueMicrotask(() => this.#attempt || this.#connect(`connecting to ${this.#base.host}`));
  }

  get user() {
    return this.#options.user;
  }

  get room() {
    return this.#options.room;
  }

  get state() {
    return this.#state;
  }

  /** Why it is in this state, in words. */
  get reason() {
    return this.#reason;
  }

  /** Bytes that wait to be sent: for a connection, or for the network to take them. */
  get queued() {
    return this.#queueSize + (this.#socket?.bufferedAmount ?? 0);
  }

  /** Bytes that may wait to be sent; a single message may be longer than that. */
  get queueLimit() {
    return this.#options.queueLimit;
  }

  /**
   * Call the listener at each event of this type; call what is returned to stop that.
   *
   * @template {keyof Events} T
   * @param {T} type
   * @param {(event: Events[T]) => void} listener
   * @returns {() => void}
   */
  on(type, listener) {
    const listeners = this.#listeners[type];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /**
   * Send to everybody else in the room, or queue until there is a connection.
   *
   * @param {Sendable} data
   * @throws {QueueFull} when the message was not taken; `queued` tells beforehand
   */
  send(data) {
    if (this.#state === "closed") {
      throw new Error(`not sent, the client is closed: ${this.#reason}`);
    }
    if (typeof data === "string" && data.startsWith("\0")) {
      throw new TypeError("not sent: text that begins with U+0000 is reserved");
    }
    const size = sizeOf(data);
    const { queued } = this;
    if (queued && queued + size > this.queueLimit) {
      throw new QueueFull(size, queued, this.queueLimit);
    }
    if (this.#state === "open") {
      this.#socket?.send(data);
    } else {
      this.#queue.push({ data: snapshot(data), size });
      this.#queueSize += size;
    }
  }

  /**
   * Leave the room for good, behind what the network has still to take.
   *
   * @param {string} [reason] at most 123 bytes
   */
  close(reason = "closed by this client") {
    const unsent = this.#queue.length;
    this.#end(1000, unsent ? `${reason}; messages that were never sent: ${unsent}` : reason);
  }

  /**
   * Iterate over messages from now on, until the client is closed.
   *
   * @returns {AsyncGenerator<Events["message"], void, void>}
   */
  async *[Symbol.asyncIterator]() {
    /** @type {Events["message"][]} */
    const waiting = [];
    let wake = () => {};
    const stopMessages = this.on("message", (message) => {
      waiting.push(message);
      wake();
    });
    const stopClose = this.on("close", () => wake());
    try {
      for (;;) {
        // A browser's WebSocket cannot be paused: memory is bounded here or nowhere.
        if (waiting.length > READ_LIMIT) {
          throw new RangeError(
            `loop is ${waiting.length} messages behind, the limit is ${READ_LIMIT}`,
          );
        }
        const message = waiting.shift();
        if (message) yield message;
        else if (this.#state === "closed") return;
        else await new Promise((/** @type {(value: void) => void} */ resolve) => (wake = resolve));
      }
    } finally {
      stopMessages();
      stopClose();
    }
  }

  /** The one place where frames are read. @param {string | ArrayBuffer} data */
  #read(data) {
    this.#emit("message", { data });
  }

  /** @param {string} why */
  #connect(why) {
    this.#drop();
    const attempt = ++this.#attempt;
    this.#become("connecting", why);
    if (this.#state !== "connecting" || this.#attempt !== attempt) return; // a listener closed it
    const { token } = this.#options;
    let url, socket;
    try {
      url = this.#url();
      socket = new this.#WebSocket(url, token ? [`bearer.${token}`] : []);
    } catch (error) {
      // A name or token that cannot be sent, or ws: from a page that came over https.
      return this.#end(null, error instanceof Error ? error.message : `${error}`);
    }
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const fail = () => {
      this.#drop();
      this.#ask(url, attempt);
    };
    this.#timer = setTimeout(fail, CONNECT_TIMEOUT);
    socket.onopen = () => this.#open(socket);
    socket.onmessage = ({ data }) => this.#read(data);
    // Browsers send a close event after each error; Node 20 does not when a handshake fails.
    socket.onerror = () => this.#state === "connecting" && fail();
    socket.onclose = ({ code, reason }) => {
      if (this.#state === "connecting") return fail();
      this.#drop();
      this.#lost(
        code,
        reason || lost(code === 1006 ? "connection lost" : `closed with code ${code}`),
      );
    };
  }

  /** @param {WebSocket} socket */
  #open(socket) {
    clearTimeout(this.#timer);
    this.#opened = Date.now();
    const queue = this.#queue;
    this.#queue = [];
    this.#queueSize = 0;
    for (const { data } of queue) socket.send(data);
    this.#become("open", `in room ${this.room} as ${this.user}`);
    if (this.#state === "open") this.#emit("open", {}); // unless a listener closed it
  }

  /** An open connection has ended. @param {number} code @param {string} reason */
  #lost(code, reason) {
    if (TERMINAL_CODES.has(code)) return this.#end(code, reason);
    if (Date.now() - this.#opened >= STABLE) this.#failures = 0;
    this.#wait(reason);
  }

  /**
   * Ask why the upgrade failed: a browser does not tell, but a plain GET gets the same answer.
   *
   * @param {string} url
   * @param {number} attempt
   */
  async #ask(url, attempt) {
    const { token } = this.#options;
    let reason = lost(`${this.#base.host} does not answer`);
    let after = 0;
    let isFinal = false;
    try {
      const answer = await fetch(url.replace(/^ws/, "http"), {
        headers: token ? { Authorization: `Bearer ${token}` } : {},
        cache: "no-store",
        signal: AbortSignal.timeout(ASK_TIMEOUT),
      });
      const { status } = answer;
      const said = await answer.json().catch(() => ({}));
      reason = status === 426 ? "connecting failed, and would succeed now" : said.error;
      reason ??= `${this.#base.host} answers ${status} instead of a WebSocket`;
      after = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
      isFinal = status >= 400 && status < 500 && !PASSING.has(status);
      // Somebody has the name. Who was here before keeps trying: it may be its own ghost.
      if (status === 409 && this.#opened) isFinal = false;
    } catch {
      // A page from elsewhere is not told which of the two it is.
      const { location } = globalThis;
      if (location && location.host !== this.#base.host) {
        reason += `, or does not admit pages of ${location.origin}`;
      }
    }
    if (attempt !== this.#attempt) return;
    if (isFinal) this.#end(null, reason);
    else this.#wait(reason, after);
  }

  /** @param {string} reason @param {number} [after] ms at least */
  #wait(reason, after = 0) {
    const delay = after + backoff(this.#failures++);
    this.#timer = setTimeout(() => this.#connect("trying again"), delay);
    this.#become("waiting", reason, delay);
  }

  /** @param {number | null} code @param {string} reason */
  #end(code, reason) {
    if (this.#state === "closed") return;
    this.#drop(reason);
    this.#attempt++;
    this.#queue = [];
    this.#queueSize = 0;
    this.#watchNetwork("removeEventListener");
    this.#become("closed", reason);
    this.#emit("close", { code, reason });
  }

  /** Let go of the socket and the timer. @param {string} [reason] */
  #drop(reason = "") {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {}; // the package ws throws what nobody listens to
    if (socket.readyState <= 1) socket.close(1000, cut(reason));
  }

  /** @param {"addEventListener" | "removeEventListener"} change */
  #watchNetwork(change) {
    if (typeof globalThis.window !== "undefined") {
      globalThis.window[change]("online", this.#onOnline);
    }
  }

  // A connection from before may be dead without anybody knowing: only the relay pings, and it
  // cannot say so. A new one is safe, because the relay asks the old one whether it is alive.
  #onOnline = () => {
    if (this.#attempt) this.#connect("the network is back");
  };

  /** @param {State} state @param {string} reason @param {number | null} [retryIn] ms */
  #become(state, reason, retryIn = null) {
    this.#state = state;
    this.#reason = reason;
    this.#emit("state", { state, reason, retryIn });
  }

  /**
   * @template {keyof Events} T
   * @param {T} type
   * @param {Events[T]} event
   */
  #emit(type, event) {
    for (const listener of [...this.#listeners[type]]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // theirs to see; it must not stop us
        });
      }
    }
  }

  #url() {
    const { room, user, echo, history, lag } = this.#options;
    const query = new URLSearchParams({ room });
    if (echo) query.set("echo", "1");
    if (history && !this.#opened) query.set("history", `${history}`);
    if (lag === "skip") query.set("lag", "skip");
    const path = this.#base.pathname.replace(/\/+$/, "");
    return `${this.#base.origin}${path}/ws/${encodeURIComponent(user)}?${query}`;
  }
}

/** Return the bytes that this takes on the wire. @param {Sendable} data */
function sizeOf(data) {
  if (typeof data === "string") return new TextEncoder().encode(data).length;
  return data instanceof Blob ? data.size : data.byteLength;
}

/** Return what the caller can no longer change. @param {Sendable} data @returns {Sendable} */
function snapshot(data) {
  if (data instanceof ArrayBuffer) return data.slice(0);
  if (ArrayBuffer.isView(data)) {
    return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  }
  return data;
}

/** Return at most 123 bytes of UTF-8 (RFC 6455 §5.5). @param {string} text */
function cut(text) {
  while (new TextEncoder().encode(text).length > 123) text = text.slice(0, -1);
  return text;
}

/** Return the reason, unless there is a simpler one. @param {string} reason */
function lost(reason) {
  return globalThis.navigator?.onLine === false ? "this device is offline" : reason;
}
