/** Messages of one's own that the relay does not hold yet, in their order. */

import { Undelivered } from "./errors.js";

/**
 * @typedef {import("./types.js").Kept} Kept
 * @typedef {import("./types.js").Waiting} Waiting
 */

/** What a message counts beside its own bytes: also empty ones take memory. */
export const COST = 64; // bytes

/** The first `sent` messages may have arrived, those behind have not. */
export class Queue {
  size = 0; // bytes, and `COST` for each message
  sent = 0; // messages
  /** @type {Waiting[]} */
  #waiting = [];

  get length() {
    return this.#waiting.length;
  }

  /**
   * Keep a message; the promise is kept when the relay has it.
   *
   * @param {Kept} data
   * @param {number} size bytes, `COST` among them
   * @returns {Promise<void>}
   */
  add(data, size) {
    /** @type {Promise<void>} */
    const promise = new Promise((resolve, reject) => {
      this.#waiting.push({ data, size, resolve, reject });
    });
    promise.catch(() => {}); // whoever does not wait for it is not ended by it
    this.size += size;
    return promise;
  }

  /** Send what has not been sent. @param {(data: Kept) => void} write */
  flush(write) {
    while (this.sent < this.#waiting.length) write(this.#waiting[this.sent++].data);
  }

  /** The relay has the first so many. @param {number} count */
  settle(count) {
    for (const { size, resolve } of this.#waiting.splice(0, count)) {
      this.size -= size;
      resolve();
    }
    this.sent = Math.max(0, this.sent - count);
  }

  /** Nobody knows what became of those that were sent. @param {string} reason */
  doubt(reason) {
    for (const { size, reject } of this.#waiting.splice(0, this.sent)) {
      this.size -= size;
      reject(new Undelivered("unknown", reason));
    }
    this.sent = 0;
  }

  /** Nothing will be sent any more. @param {string} reason */
  abandon(reason) {
    this.doubt(reason);
    for (const { reject } of this.#waiting.splice(0)) reject(new Undelivered("unsent", reason));
    this.size = 0;
  }
}

/**
 * Return how many bytes a message has, and a copy that the caller cannot change.
 *
 * @param {import("./types.js").Sendable} data
 * @returns {{ size: number, kept: Kept }}
 */
export function keep(data) {
  if (typeof data === "string") return { size: new TextEncoder().encode(data).length, kept: data };
  if (data instanceof Blob) return { size: data.size, kept: data };
  if (data instanceof ArrayBuffer) return { size: data.byteLength, kept: data.slice(0) };
  if (ArrayBuffer.isView(data)) {
    const kept = new Uint8Array(data.byteLength);
    kept.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { size: data.byteLength, kept: kept.buffer };
  }
  const kind = data === null ? "null" : typeof data;
  throw new TypeError(
    `cannot send ${kind === "object" ? Object(data).constructor?.name ?? kind : kind}: ` +
      "expected a string, an ArrayBuffer, a view of one (such as Uint8Array), or a Blob",
  );
}
