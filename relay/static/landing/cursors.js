/**
 * Everybody's pointer over the room, and how long everybody's way to the relay is: a room of its
 * own beside the one that people write in, where only the latest message counts (`lag=skip`).
 *
 * A message is an object in JSON: `{"x":0.5,"y":0.1}` in parts of the surface, `{"away":true}` when
 * the pointer has left it, `{"ms":12}` for the round trip that its sender has measured last.
 */

import { RelayClient } from "../relay-client.js";
import { make } from "../shared/dom.js";

const PREFIX = "cursors of ";
const PERIOD = 50; // ms between two places
const BEAT = 2_000; // ms between two measurements
const SILENT = 4_000; // ms without an answer that are told
const MOST = 40; // pointers shown
const QUEUE = 8_000; // bytes: what waits is old, and not worth sending

/** Return the room of a room's pointers. @param {string} room */
export function roomOf(room) {
  return PREFIX + room;
}

export class Cursors {
  #surface;
  #layer = make("div", "cursors");
  #told;
  #client;
  /** @type {Map<string, HTMLElement>} */
  #cursors = new Map();
  #stop = new AbortController();
  #delay = 0; // ms of the last round trip
  #asked = 0; // when the last one began, ms; 0: it has ended
  #moved = 0; // when a place was sent last, ms

  /**
   * @param {HTMLElement} surface
   * @param {{ room: string, user: string, token: string | undefined }} who
   * @param {object} told
   * @param {(user: string, ms: number) => void} told.delay somebody's round trip
   * @param {(ms: number) => void} told.silent no answer for so long; 0: there is one again
   */
  constructor(surface, { room, user, token }, told) {
    this.#surface = surface;
    this.#told = told;
    this.#layer.ariaHidden = "true";
    surface.append(this.#layer);
    const client = new RelayClient("/", {
      room: roomOf(room),
      user,
      token,
      lag: "skip",
      queueLimit: QUEUE,
    });
    this.#client = client;
    client.on("message", ({ from, data }) => {
      if (from !== null && typeof data === "string") this.#read(from, data);
    });
    client.on("leave", ({ user }) => this.#remove(user));
    client.on("state", ({ state }) => {
      this.#asked = 0;
      if (state !== "open") this.#clear();
    });
    const { signal } = this.#stop;
    surface.addEventListener("pointermove", (event) => this.#move(event), { signal });
    surface.addEventListener("pointerleave", () => this.#send({ away: true }), { signal });
    const timer = setInterval(() => this.#beat(), BEAT);
    client.on("open", () => this.#beat());
    client.on("close", () => clearInterval(timer)); // a token may not be for this room
  }

  close() {
    this.#stop.abort();
    this.#client.close("you left");
    this.#layer.remove();
  }

  /** @param {PointerEvent} event */
  #move({ clientX, clientY }) {
    const now = performance.now();
    if (now - this.#moved < PERIOD || this.#client.count === 1) return;
    this.#moved = now;
    const { left, top, width, height } = this.#surface.getBoundingClientRect();
    const [x, y] = [(clientX - left) / width, (clientY - top) / height];
    this.#send({ x: Number(x.toFixed(4)), y: Number(y.toFixed(4)) });
  }

  /** @param {object} message */
  #send(message) {
    const client = this.#client;
    if (client.state !== "open" || client.queued > QUEUE / 2) return undefined;
    return client.send(JSON.stringify(message));
  }

  /** Measure a round trip: how long until the relay holds a message. */
  async #beat() {
    if (document.hidden || this.#client.state !== "open") return;
    const now = performance.now();
    if (this.#asked) {
      if (now - this.#asked >= SILENT) this.#told.silent(now - this.#asked);
      return;
    }
    const held = this.#send({ ms: Number(this.#delay.toFixed(1)) });
    if (!held) return;
    this.#asked = now;
    try {
      await held;
      if (this.#asked !== now) return; // the connection was another one meanwhile
      this.#delay = performance.now() - now;
      this.#told.silent(0);
      this.#told.delay(this.#client.user, this.#delay);
    } catch {
      // The room's own connection says what is wrong.
    }
    this.#asked = 0;
  }

  /** @param {string} from @param {string} data */
  #read(from, data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // somebody else uses this room, too
    }
    const { x, y, ms, away } = message ?? {};
    if (typeof ms === "number" && ms > 0) this.#told.delay(from, ms);
    else if (away) this.#remove(from);
    else if (isPart(x) && isPart(y)) this.#show(from, x, y);
  }

  /** @param {string} user @param {number} x @param {number} y */
  #show(user, x, y) {
    let cursor = this.#cursors.get(user);
    if (!cursor) {
      if (this.#cursors.size >= MOST) return;
      cursor = make("span", "cursor", make("span", "", user));
      cursor.style.setProperty("--hue", `${hue(user)}`);
      this.#cursors.set(user, cursor);
      this.#layer.append(cursor);
    }
    cursor.style.setProperty("--x", `${x}`);
    cursor.style.setProperty("--y", `${y}`);
  }

  /** @param {string} user */
  #remove(user) {
    this.#cursors.get(user)?.remove();
    this.#cursors.delete(user);
  }

  #clear() {
    this.#cursors.clear();
    this.#layer.replaceChildren();
  }
}

/** @param {unknown} value */
function isPart(value) {
  return typeof value === "number" && value >= 0 && value <= 1;
}

/** Return a colour's angle, the same for a name on every page. @param {string} name */
function hue(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return sum;
}
