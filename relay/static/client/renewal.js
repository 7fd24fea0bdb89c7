/** A fresh token for a connection that stays open, before its old one expires (close code 4401). */

import { LONGEST_TIMER } from "./delays.js";

const EARLY = 60_000; // ms before the end; at half of the time where less than twice that is left
const RETRY = 1_000; // ms at least until it is asked for again, where there was none

export class Renewal {
  #ask;
  #put;
  #held = ""; // the token that the relay has
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => Promise<string>} ask for a token
   * @param {(token: string) => void} put it to the relay
   */
  constructor(ask, put) {
    this.#ask = ask;
    this.#put = put;
  }

  /** A connection with this token is open. @param {string} token */
  start(token) {
    this.stop();
    this.#held = token;
    const left = expiry(token) - Date.now();
    if (left > 0) this.#wait(left > 2 * EARLY ? left - EARLY : left / 2);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** @param {number} delay ms */
  #wait(delay) {
    const timer = setTimeout(
      () => {
        if (delay > LONGEST_TIMER) this.#wait(delay - LONGEST_TIMER);
        else this.#renew(timer);
      },
      Math.min(delay, LONGEST_TIMER),
    );
    this.#timer = timer;
  }

  /** @param {ReturnType<typeof setTimeout>} turn */
  async #renew(turn) {
    const fresh = await this.#ask().catch(() => ""); // it is asked for again
    if (turn !== this.#timer) return; // the connection has ended
    if (expiry(fresh) > expiry(this.#held)) {
      this.#put(fresh);
      this.start(fresh);
    } else {
      const left = expiry(this.#held) - Date.now();
      if (left > RETRY) this.#wait(Math.max(RETRY, left / 2));
    }
  }
}

/**
 * Return when a JSON Web Token expires, in ms since 1970; 0: it does not say.
 *
 * @param {string} token
 */
function expiry(token) {
  try {
    const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return 1000 * (Number(JSON.parse(atob(payload)).exp) || 0);
  } catch {
    return 0;
  }
}
