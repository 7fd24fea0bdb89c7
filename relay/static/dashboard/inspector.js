/** The messages that a room's log holds: size, text or hexadecimal bytes, JSON, time. */

import { make } from "../shared/dom.js";
import { size } from "../shared/units.js";
import { Question } from "./ask.js";

const SHOWN = 100; // messages
const PREVIEW = 120; // characters
const WIDTH = 8; // bytes in a line of a dump, which fits a phone

/**
 * @typedef {object} Held
 * @property {number} at ms since 1970
 * @property {string | null} user
 * @property {number} size bytes
 * @property {string} [text]
 * @property {string} [hex]
 * @property {boolean} [truncated]
 */

export class Inspector {
  isPaused = false; // what is shown stays
  isElsewhere = false; // the room has members, and all of them are at other relays
  #list;
  #note;
  #said;
  #cursor = "";
  #question = new Question();

  /** @param {HTMLOListElement} list @param {HTMLElement} note */
  constructor(list, note) {
    this.#list = list;
    this.#note = note;
    this.#said = note.textContent ?? "";
  }

  /**
   * Add what has come since.
   *
   * @param {string} path
   * @param {string} token "": none
   */
  async look(path, token) {
    if (this.isPaused) return;
    const query = new URLSearchParams({ limit: `${SHOWN}` });
    const cursor = this.#cursor;
    if (cursor) query.set("after", cursor);
    let answer;
    try {
      answer = await this.#question.ask(`${path}?${query}`, token);
    } catch {
      return; // the page says so
    }
    if (!answer) return; // the note says why
    const said = await answer.json();
    if (this.isPaused || this.#cursor !== cursor) return; // somebody paused it, or it was asked twice
    if (!answer.ok) {
      this.#note.textContent = `Not shown: ${said.error}.`;
      this.#list.replaceChildren();
      this.#cursor = "";
      return;
    }
    this.#note.textContent = this.#noteOn(said);
    this.#cursor = said.cursor ?? "";
    const messages = /** @type {Held[]} */ (said.messages);
    this.#list.prepend(...messages.reverse().map(item));
    for (const extra of [...this.#list.children].slice(SHOWN)) extra.remove();
  }

  /** @param {{ kept: boolean, cursor: string | null }} said */
  #noteOn({ kept, cursor }) {
    if (!kept) return "This relay keeps no history: HISTORY_SIZE or HISTORY_AGE is 0.";
    if (cursor) return this.#said;
    const where = this.isElsewhere ? ": its members are at other relays. Open this page there" : "";
    return `This relay holds no messages of this room${where}.`;
  }
}

/** @param {Held} message */
function item({ at, user, size: bytes, text, hex = "", truncated }) {
  const time = new Date(at);
  const clock = time.toLocaleTimeString([], { hourCycle: "h23" });
  const summary = make(
    "summary",
    "",
    make("time", "number", `${clock}.${`${time.getMilliseconds()}`.padStart(3, "0")}`),
    make("strong", "", user ?? "published by POST"),
    make("span", "preview", (text ?? hex).slice(0, PREVIEW)),
    make("span", "quiet number", `${text === undefined ? "binary, " : ""}${size(bytes)}`),
  );
  const body = make("pre", text === undefined ? "dump" : "");
  body.tabIndex = 0;
  body.textContent = (text === undefined ? dump(hex) : pretty(text)) + (truncated ? "\n…" : "");
  return make("li", "", make("details", "", summary, body));
}

/** Return JSON with line breaks, and anything else as it is. @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Return eight bytes in a line, with their offsets and letters. @param {string} hex */
function dump(hex) {
  const bytes = hex.match(/../g) ?? [];
  const lines = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const line = bytes.slice(at, at + WIDTH);
    const letters = line.map((byte) => {
      const code = parseInt(byte, 16);
      return code >= 32 && code < 127 ? String.fromCharCode(code) : ".";
    });
    const offset = at.toString(16).padStart(4, "0");
    lines.push(`${offset}  ${line.join(" ").padEnd(3 * WIDTH - 1)}  ${letters.join("")}`);
  }
  return lines.join("\n");
}
