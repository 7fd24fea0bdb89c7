/** One WebSocket, from its handshake to its end. */

import { ask, lost } from "./refusal.js";

const HANDSHAKE = 10_000; // ms until it is welcome
const FAREWELL = 5_000; // ms in which the relay may still acknowledge what was sent

export class Link {
  #socket;
  #timer;
  #isUpgraded = false;
  #isOver = false;

  /**
   * @param {WebSocket} socket that connects
   * @param {string} url
   * @param {string} token "": none
   * @param {import("./types.js").Told} told
   */
  constructor(socket, url, token, told) {
    this.#socket = socket;
    const fail = async () => {
      this.#close();
      const refusal = await ask(url, token);
      if (!this.#isOver) told.refused(refusal);
    };
    this.#timer = setTimeout(fail, HANDSHAKE);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#isUpgraded = true;
      told.upgraded();
    };
    socket.onmessage = ({ data }) => told.read(data);
    // Browsers send a close event after each error; Node 20 does not when a handshake fails.
    socket.onerror = () => this.#isUpgraded || fail();
    socket.onclose = ({ code, reason }) => {
      if (!this.#isUpgraded) return fail();
      this.drop();
      told.lost(code, reason || lost(code === 1006 ? "connection lost" : `closed with ${code}`));
    };
  }

  /** Bytes that the network has not taken. */
  get buffered() {
    return this.#socket.bufferedAmount;
  }

  /** It is in the room: the handshake is over. */
  welcome() {
    clearTimeout(this.#timer);
  }

  /** @param {import("./types.js").Kept} data */
  put(data) {
    this.#socket.send(data);
  }

  /** Let go of it. @param {string} [reason] at most 123 bytes of it are told */
  drop(reason = "") {
    this.#isOver = true;
    this.#close(reason);
  }

  /**
   * Leave for good, as soon as `read`, which gets what comes, says that there is no more to hear.
   *
   * @param {string} reason at most 123 bytes of it are told
   * @param {(data: string | ArrayBuffer) => boolean} read
   * @returns {Promise<void>}
   */
  leave(reason, read) {
    this.#isOver = true;
    // Not closed before: what comes to a WebSocket that is closing is told to nobody.
    return new Promise((resolve) => {
      const finish = () => {
        this.drop(reason);
        resolve();
      };
      this.#timer = setTimeout(finish, FAREWELL);
      this.#socket.onmessage = ({ data }) => read(data) || finish();
      this.#socket.onclose = finish;
    });
  }

  #close(reason = "") {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {}; // the package ws throws what nobody listens to
    reason = reason.slice(0, 123); // it may be megabytes of a stranger's
    while (new TextEncoder().encode(reason).length > 123) reason = reason.slice(0, -1);
    if (socket.readyState <= 1) socket.close(1000, reason); // RFC 6455 §5.5
  }
}
