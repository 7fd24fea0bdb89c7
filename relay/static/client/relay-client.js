/**
 * A client of the relay for browsers and Node 20+, without dependencies.
 *
 *     const relay = new RelayClient("https://relay.example", { room: "lobby", user: "alice" });
 *     relay.on("state", ({ state, reason }) => console.log(state, reason));
 *     relay.on("message", ({ from, data }) => console.log(from, data));
 *     await relay.send("hello");
 *
 * It speaks relay.v1 (docs/protocol.md) and comes back by itself after whatever may pass: it reads
 * every message of the room once and in order, and what it sends is in the room once; or it is told
 * exactly what it missed. It stops with a reason where trying again would be of no use.
 */

import { Emitter } from "./emitter.js";
import { QueueFull } from "./errors.js";
import { Life } from "./life.js";
import { complete } from "./options.js";
import { COST, keep } from "./queue.js";
import { iterate } from "./reading.js";

export { backoff } from "./delays.js";
export { QueueFull, Undelivered } from "./errors.js";
export { TERMINAL_CODES } from "./life.js";

/**
 * @typedef {import("./types.js").Options} Options
 * @typedef {import("./types.js").Sendable} Sendable
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Events} Events
 */

const TYPES = /** @type {(keyof Events)[]} */ (
  "open message join leave members gap state close".split(" ")
);

/** One member of one room, for as long as it is wanted. */
export class RelayClient {
  #options;
  /** @type {Emitter<Events>} */
  #events = new Emitter(TYPES);
  #life;

  /**
   * Connect, once the code that runs now has had its chance to listen.
   *
   * @param {string | URL} url the relay's address: http, https, ws or wss; in a browser also "/"
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    this.#options = complete(options);
    this.#life = new Life(url, this.#options, this.#events);
    const { signal } = options;
    const abort = () => this.close("aborted by its signal");
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) queueMicrotask(abort);
  }

  get user() {
    return this.#options.user;
  }

  get room() {
    return this.#options.room;
  }

  get state() {
    return this.#life.state;
  }

  /** Why it is in this state, in words. */
  get reason() {
    return this.#life.reason;
  }

  /** Who is in the room, this client included; null: not known (yet), or too many for a list. */
  get members() {
    return this.#life.session.members && [...this.#life.session.members];
  }

  /** How many are in the room; null: not known. */
  get count() {
    return this.#life.session.count;
  }

  /**
   * Bytes sent that the relay is not known to hold, and 64 for each such message; raw: that the
   * network has not taken.
   */
  get queued() {
    const { queue, session, buffered } = this.#life;
    return queue.size + (session.isRaw ? buffered : 0);
  }

  /** Bytes that may wait so; a single message may be longer than that. */
  get queueLimit() {
    return this.#options.queueLimit;
  }

  /** Resolved as soon as it is open; rejected when it is closed for good. @type {Promise<void>} */
  get opened() {
    if (this.state === "open") return Promise.resolve();
    const done = new AbortController();
    /** @type {Promise<void>} */
    const promise = new Promise((resolve, reject) => {
      const { signal } = done;
      if (this.state === "closed") reject(new Error(this.reason));
      this.on("open", () => resolve(), { signal });
      this.on("close", ({ reason }) => reject(new Error(reason)), { signal });
    });
    promise.catch(() => {}).finally(() => done.abort());
    return promise;
  }

  /**
   * Call the listener at each event of this type; call what is returned to stop that.
   *
   * @template {keyof Events} T
   * @param {T} type
   * @param {(event: Events[T]) => void} listener
   * @param {{ signal?: AbortSignal, once?: boolean }} [options]
   * @returns {() => void}
   */
  on(type, listener, options) {
    return this.#events.on(type, listener, options);
  }

  /**
   * Call the listener at the next event of this type only.
   *
   * @template {keyof Events} T
   * @param {T} type
   * @param {(event: Events[T]) => void} listener
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void}
   */
  once(type, listener, options) {
    return this.#events.on(type, listener, { ...options, once: true });
  }

  /**
   * Send to everybody else in the room, now or as soon as there is a connection.
   *
   * @param {Sendable} data
   * @returns {Promise<void>} resolved when the relay holds the message (raw: when the network has
   *   it); rejected with `Undelivered` when its fate is unknown, or it will never be sent
   * @throws {QueueFull} when the message was not taken; `queued` tells beforehand
   * @throws {TypeError} when it is nothing that can be sent
   */
  send(data) {
    const { size, kept } = keep(data);
    if (this.state === "closed") {
      throw new Error(`not sent, the client is closed: ${this.reason}`);
    }
    const { queued, queueLimit } = this;
    const cost = size + COST;
    if (queued && queued + cost > queueLimit) throw new QueueFull(size, queued, queueLimit);
    const promise = this.#life.queue.add(kept, cost);
    if (this.state === "open") this.#life.flush();
    return promise;
  }

  /** Connect now: sooner than planned, or anew where a connection is open. */
  reconnect() {
    if (this.state === "closed") throw new Error(`the client is closed: ${this.reason}`);
    this.#life.connect("reconnecting, as asked");
  }

  /**
   * Leave the room for good, behind what the network has still to take.
   *
   * @param {string} [reason] at most 123 bytes
   */
  close(reason = "closed by this client") {
    const { queue } = this.#life;
    const unsent = queue.length - queue.sent;
    this.#life.end(1000, unsent ? `${reason}; messages that were never sent: ${unsent}` : reason);
  }

  /**
   * Iterate over messages from now on, until the client is closed.
   *
   * @returns {AsyncGenerator<Events["message"], void, void>}
   */
  [Symbol.asyncIterator]() {
    return iterate(this);
  }
}
