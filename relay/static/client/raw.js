/** The raw protocol, for servers that are no relay: messages as they are, and no promise. */

/**
 * @typedef {import("./types.js").Kept} Kept
 * @typedef {import("./types.js").Happened} Happened
 */

/** What `Session` is for relay.v1. */
export class Raw {
  isRaw = true;
  members = null;
  count = null;
  #queue;

  /** @param {import("./queue.js").Queue} queue */
  constructor(queue) {
    this.#queue = queue;
  }

  /** @returns {[string, string][]} */
  connect() {
    return [];
  }

  /** @param {(data: Kept) => void} put @param {Kept} data */
  write(put, data) {
    put(data);
    this.#queue.settle(1); // there is no more to be known of it
  }

  ping() {}

  renew() {}

  /** @param {string | ArrayBuffer} data @returns {Happened[]} */
  read(data) {
    return [["message", { data, from: null, at: null }]];
  }
}
