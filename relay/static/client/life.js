/** The life of a client: connecting, open, waiting, closed; and why. */

import { LONGEST_TIMER, backoff } from "./delays.js";
import { Link } from "./link.js";
import { addressOf, urlOf } from "./options.js";
import { Pulse, watchSigns } from "./pulse.js";
import { Queue } from "./queue.js";
import { Raw } from "./raw.js";
import { lost } from "./refusal.js";
import { Renewal } from "./renewal.js";
import { Session } from "./session.js";

const STABLE = 10_000; // ms after which a connection counts as a success
const DRAINED = 2_000; // ms behind its time in which a relay that goes away closes by itself
const EXPIRED = 4401;
const NO_WEBSOCKET =
  "no WebSocket here: Node 22 has one, Node 20 with --experimental-websocket; " +
  "or pass that of the package ws as option WebSocket";

/** Close codes after which the same client would only be closed again (docs/protocol.md). */
export const TERMINAL_CODES = new Set([1000, 1002, 1007, 1008, 1009, 4000, EXPIRED, 4403]);

export class Life {
  /** @type {import("./types.js").State} */
  state = "connecting";
  reason = "";
  queue = new Queue();
  session;
  #options;
  #base;
  #WebSocket;
  #events;
  #pulse = new Pulse(
    () => this.session.ping(this.#put),
    () => this.connect(lost("the connection is silent")),
  );
  #renewal = new Renewal(
    () => this.#token(),
    (token) => this.session.renew(this.#put, token),
  );
  #stopWatching;
  /** @type {Link | null} */
  #link = null;
  #attempt = 0; // what an earlier attempt still has to say does not count
  #failures = 0; // in a row
  #opened = 0; // when it was opened last, ms; 0 is never
  #left = Date.now(); // when it began to be away, ms
  #drain = 0; // when the relay asked to be left, ms; 0: it did not
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * Connect, once the code that runs now has had its chance to listen.
   *
   * @param {string | URL} url the relay's address
   * @param {import("./types.js").Complete} options
   * @param {import("./emitter.js").Emitter<import("./types.js").Events>} events
   */
  constructor(url, options, events) {
    this.#options = options;
    this.#events = events;
    this.#base = addressOf(url);
    const Implementation = options.WebSocket ?? globalThis.WebSocket;
    if (!Implementation) throw new TypeError(NO_WEBSOCKET);
    this.#WebSocket = Implementation;
    this.session = options.protocol === "raw" ? new Raw(this.queue) : new Session(this.queue);
    this.#stopWatching = watchSigns((sign) => this.#back(sign));
    queueMicrotask(() => this.#attempt || this.connect(`connecting to ${this.#base.host}`));
  }

  /** Bytes that the network has not taken. */
  get buffered() {
    return this.#link?.buffered ?? 0;
  }

  /** Connect now, whatever there is. @param {string} why */
  async connect(why) {
    this.#drop();
    const attempt = ++this.#attempt;
    this.#become("connecting", why);
    let token;
    try {
      token = await this.#token();
    } catch (error) {
      if (attempt === this.#attempt) this.#wait(`no token: ${messageOf(error)}`);
      return;
    }
    if (attempt !== this.#attempt) return; // a listener closed it, or it began another one
    const { isRaw } = this.session;
    try {
      const withHistory = !isRaw || !this.#opened; // raw repeats could not be told
      const url = urlOf(this.#base, this.#options, this.session.connect(), withHistory);
      const protocols = isRaw ? [] : ["relay.v1"];
      if (token) protocols.push(`bearer.${token}`);
      this.#link = new Link(new this.#WebSocket(url, protocols), url, token, {
        upgraded: () => isRaw && this.#welcome(token),
        read: (data) => this.#read(data, attempt, token),
        lost: (code, reason) => this.#lost(code, reason),
        refused: (refusal) => this.#refused(refusal),
      });
    } catch (error) {
      // A name or token that cannot be sent, or ws: from a page that came over https.
      this.end(null, messageOf(error));
    }
  }

  async #token() {
    const { token } = this.#options;
    return typeof token === "function" ? token() : (token ?? "");
  }

  /**
   * The one place where frames are read.
   *
   * @param {string | ArrayBuffer} data
   * @param {number} attempt
   * @param {string} token of this connection
   */
  #read(data, attempt, token) {
    this.#pulse.heard();
    for (const [type, event] of this.session.read(data)) {
      if (attempt !== this.#attempt) return; // a listener has left
      if (type === "welcome") this.#welcome(token);
      else if (type === "drain") this.#drained(event.after);
      else if (type === "stranger") this.end(null, `${this.#base.host} does not speak relay.v1`);
      else this.#events.emit(/** @type {keyof import("./types.js").Events} */ (type), event);
    }
  }

  /** @param {string} token of this connection */
  #welcome(token) {
    this.#link?.welcome();
    this.#opened = Date.now();
    this.#drain = 0;
    const attempt = this.#attempt;
    const { room, user } = this.#options;
    if (!this.session.isRaw) {
      this.#pulse.start();
      if (typeof this.#options.token === "function") this.#renewal.start(token);
    }
    this.#become("open", `in room ${room} as ${user}`);
    if (this.#attempt !== attempt) return; // a listener closed it
    this.flush();
    this.#events.emit("open", {});
  }

  /** Send what waits. */
  flush() {
    this.queue.flush((data) => this.session.write(this.#put, data));
  }

  /** @param {import("./types.js").Kept} data */
  #put = (data) => this.#link?.put(data);

  /** The relay goes away, and closes after so many ms. @param {number} after */
  #drained(after) {
    this.#drain = Date.now() + after;
    const limit = Math.min(after + DRAINED, LONGEST_TIMER);
    this.#timer = setTimeout(() => this.connect("relay is going away"), limit);
  }

  /** A connection has ended. @param {number} code @param {string} reason */
  #lost(code, reason) {
    this.#drop();
    const isRenewed = code === EXPIRED && typeof this.#options.token === "function";
    if (TERMINAL_CODES.has(code) && !isRenewed) return this.end(code, reason);
    if (this.state === "open" && Date.now() - this.#opened >= STABLE) this.#failures = 0;
    // A relay that goes away has given each client a time of its own: it is spread already.
    const delay = this.#drain && Math.max(0, this.#drain - Date.now());
    if (this.#drain) this.#schedule(reason, delay);
    else this.#wait(reason);
    this.#drain = 0;
  }

  /** @param {import("./types.js").Refusal} refusal */
  #refused({ reason, after, isFinal, status }) {
    // Somebody has the name. Who was here before keeps trying: it may be its own ghost.
    if (isFinal && !(status === 409 && this.#opened)) this.end(null, reason);
    else this.#wait(reason, after);
  }

  /** @param {string} reason @param {number} [after] ms at least */
  #wait(reason, after = 0) {
    this.#schedule(reason, after + backoff(this.#failures++, Date.now() - this.#left));
  }

  /** @param {string} reason @param {number} delay ms */
  #schedule(reason, delay) {
    delay = Math.min(delay, LONGEST_TIMER);
    this.#timer = setTimeout(() => this.connect("trying again"), delay);
    this.#become("waiting", reason, delay);
  }

  /** It is over for good. @param {number | null} code @param {string} reason */
  end(code, reason) {
    if (this.state === "closed") return;
    this.#attempt++;
    this.#stopWatching();
    const link = this.#link;
    const isHeard = this.state === "open" && this.queue.sent > 0;
    this.#link = null;
    this.#drop();
    if (link && isHeard) {
      const read = (/** @type {string | ArrayBuffer} */ data) => {
        this.session.read(data);
        return this.queue.sent > 0;
      };
      link.leave(reason, read).then(() => this.queue.abandon(reason));
    } else {
      link?.drop(reason);
      this.queue.abandon(reason);
    }
    this.#become("closed", reason);
    this.#events.emit("close", { code, reason });
  }

  /** Let go of connection and timer. */
  #drop() {
    if (this.state === "open") this.#left = Date.now();
    clearTimeout(this.#timer);
    this.#pulse.stop();
    this.#renewal.stop();
    this.#link?.drop();
    this.#link = null;
  }

  /** Somebody, or the network, is back (or has gone). @param {string} sign */
  #back(sign) {
    const isOnline = sign === "online";
    const why = isOnline ? "the network is back" : "the page is back";
    if (this.state === "waiting" && sign !== "offline") this.connect(why);
    else if (this.state === "open" && !this.session.isRaw) this.#pulse.ask();
    else if (isOnline && this.#attempt) this.connect(why); // it could not be asked
  }

  /**
   * @param {import("./types.js").State} state
   * @param {string} reason
   * @param {number | null} [retryIn] ms
   */
  #become(state, reason, retryIn = null) {
    this.state = state;
    this.reason = reason;
    this.#events.emit("state", { state, reason, retryIn });
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : `${error}`;
}
