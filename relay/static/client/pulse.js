/** Whether an open connection lives: nothing else tells a page that its network has gone. */

const PERIOD = 10_000; // ms: it is asked after one to two of them in silence
const LIMIT = 5_000; // ms for an answer, or any other frame

/** Signs that somebody, or the network, is back; and that it has gone. */
const SIGNS = /** @type {[string, "window" | "document"][]} */ ([
  ["online", "window"],
  ["offline", "window"],
  ["pageshow", "window"],
  ["visibilitychange", "document"],
  ["resume", "document"],
]);

/** Asks the connection that is open; `stop` when it is not. */
export class Pulse {
  #ping;
  #dead;
  #isSilent = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #period;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #limit;

  /** @param {() => void} ping @param {() => void} dead */
  constructor(ping, dead) {
    this.#ping = ping;
    this.#dead = dead;
  }

  start() {
    this.stop();
    this.#isSilent = false;
    this.#period = setInterval(() => {
      if (this.#isSilent) this.ask();
      this.#isSilent = true;
    }, PERIOD);
  }

  stop() {
    clearInterval(this.#period);
    this.heard();
  }

  /** Something has come. */
  heard() {
    this.#isSilent = false;
    if (this.#limit === undefined) return;
    clearTimeout(this.#limit);
    this.#limit = undefined;
  }

  /** Ask now, unless it has been asked. */
  ask() {
    if (this.#limit !== undefined) return;
    this.#ping();
    this.#limit = setTimeout(this.#dead, LIMIT);
  }
}

/**
 * Call `back` at each sign of a page that somebody is back, until the returned function is called.
 *
 * @param {(sign: string) => void} back with the event's type
 * @returns {() => void}
 */
export function watchSigns(back) {
  const stop = new AbortController();
  for (const [type, where] of SIGNS) {
    const target = globalThis[where];
    target?.addEventListener?.(
      type,
      () => {
        if (type !== "visibilitychange" || document.visibilityState === "visible") back(type);
      },
      { signal: stop.signal },
    );
  }
  return () => stop.abort();
}
