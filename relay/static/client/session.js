/**
 * A session of relay.v1 (docs/protocol.md): it reads frames and keeps its place, and does no I/O.
 *
 * What it reads it answers with what happened; the client tells that to the application.
 */

import { parse } from "./notes.js";

/**
 * @typedef {import("./types.js").Kept} Kept
 * @typedef {import("./types.js").Happened} Happened
 */

const MARK = "\0"; // what the text of a note begins with
/** @type {Happened[]} */
const STRANGER = [["stranger", {}]];

export class Session {
  isRaw = false;
  /** @type {string[] | null} who is in the room; null: unknown, or too many */
  members = null;
  /** @type {number | null} */
  count = null;
  #id = newId();
  #attempt = 0;
  #cursor = "";
  #skip = 0; // data frames behind the cursor
  #acked = 0; // messages of one's own that the log holds
  #queue;
  /** @type {string | null} who the next data frames are from */
  #user = null;
  /** @type {number | null} */
  #at = null;
  #isAnnounced = false; // the next frame is data, whatever it looks like
  #isWelcome = false; // on this connection

  /** @param {import("./queue.js").Queue} queue */
  constructor(queue) {
    this.#queue = queue;
  }

  /** Begin another connection: return what its address has to say. @returns {[string, string][]} */
  connect() {
    this.#isAnnounced = this.#isWelcome = false;
    const query = [
      ["session", this.#id],
      ["attempt", `${++this.#attempt}`],
    ];
    if (this.#cursor) {
      query.push(["cursor", this.#cursor], ["skip", `${this.#skip}`], ["acked", `${this.#acked}`]);
    }
    return /** @type {[string, string][]} */ (query);
  }

  /**
   * Send a message.
   *
   * @param {(data: Kept) => void} put
   * @param {Kept} data
   */
  write(put, data) {
    if (typeof data === "string" && data.startsWith(MARK)) put(`${MARK}{"type":"data"}`);
    put(data);
  }

  /** Ask whether the connection lives. @param {(data: Kept) => void} put */
  ping(put) {
    put(`${MARK}{"type":"ping"}`);
  }

  /** Give the relay a fresh token. @param {(data: Kept) => void} put @param {string} token */
  renew(put, token) {
    put(MARK + JSON.stringify({ type: "token", token }));
  }

  /**
   * Take a frame, and return what it says, in order.
   *
   * @param {string | ArrayBuffer} data
   * @returns {Happened[]}
   */
  read(data) {
    if (this.#isAnnounced || typeof data !== "string" || !data.startsWith(MARK)) {
      if (!this.#isWelcome) return STRANGER;
      this.#isAnnounced = false;
      this.#skip++;
      return [["message", { data, from: this.#user, at: this.#at }]];
    }
    const note = parse(data.slice(MARK.length));
    if (!note) return STRANGER;
    switch (note.type) {
      case "welcome":
        return this.#welcome(note);
      case "from":
        this.#user = note.user;
        this.#at = note.at;
        return [];
      case "data":
        this.#isAnnounced = true;
        return [];
      case "cursor":
        this.#move(note.cursor);
        return [];
      case "ack":
        this.#acknowledge(note.received);
        return [];
      case "gap":
        this.#move(note.cursor);
        return [["gap", { missed: note.missed }]];
      case "join":
        return this.#come(note.user);
      case "leave":
        return this.#go(note.user);
      case "members":
        return this.#replace(note);
      case "drain":
        return [["drain", { after: note.retry_after_ms }]];
      default:
        return []; // a pong is a sign of life, as everything is; others are of a later version
    }
  }

  /** @param {any} note @returns {Happened[]} */
  #welcome(note) {
    /** @type {Happened[]} */
    const happened = [];
    this.#isWelcome = true;
    if (note.gap) {
      this.#skip = 0;
      happened.push(["gap", { missed: null }]);
    }
    this.#cursor = note.cursor;
    if (note.received === null) {
      this.#queue.doubt("the relay no longer knows what it received before the connection broke");
    } else {
      this.#acknowledge(note.received);
    }
    this.#queue.sent = 0; // what is left is sent again
    happened.push(["welcome", {}], ...this.#replace(note));
    return happened;
  }

  /** @param {string} cursor */
  #move(cursor) {
    this.#cursor = cursor;
    this.#skip = 0;
  }

  /** @param {number} received */
  #acknowledge(received) {
    const count = Math.min(received - this.#acked, this.#queue.length);
    if (count > 0) this.#queue.settle(count);
    this.#acked = Math.max(this.#acked, received);
  }

  /** @param {string} user @returns {Happened[]} */
  #come(user) {
    if (this.members?.includes(user)) return [];
    this.members?.push(user);
    if (this.count !== null) this.count++;
    return [["join", { user }]];
  }

  /** @param {string} user @returns {Happened[]} */
  #go(user) {
    const place = this.members?.indexOf(user) ?? -1;
    if (this.members && place < 0) return [];
    this.members?.splice(place, 1);
    if (this.count !== null) this.count--;
    return [["leave", { user }]];
  }

  /**
   * Somebody else is told who is here: joins and leaves are derived where both lists are known.
   *
   * @param {{ type: string, members: string[] | null, count: number }} note
   * @returns {Happened[]}
   */
  #replace({ type, members, count }) {
    const { members: before, count: counted } = this;
    this.members = members && [...members];
    this.count = count;
    if (type === "welcome" && counted === null) return []; // for the first time: `open` tells it
    if (type === "members" || !before || !members) {
      return [["members", { members: this.members && [...this.members], count }]];
    }
    const gone = before.filter((user) => !members.includes(user));
    const come = members.filter((user) => !before.includes(user));
    return [
      ...gone.map((user) => /** @type {Happened} */ (["leave", { user }])),
      ...come.map((user) => /** @type {Happened} */ (["join", { user }])),
    ];
  }
}

/** Return an ID that nobody can guess; `randomUUID` is only there where a page came by https. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
