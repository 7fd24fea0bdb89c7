/** The list of messages: who said what and when, and whether the relay holds what you said. */

import { Undelivered } from "../relay-client.js";
import { copies } from "../shared/copy.js";
import { make } from "../shared/dom.js";
import { perFrame } from "../shared/frame.js";
import { size } from "../shared/units.js";

const KEPT = 300; // messages; twice as many while somebody reads older ones
const GAP = 60; // ms between two changes of the list
const LONG = 2_000; // characters from which a message is folded
const SHOWN = 400; // characters of a folded one
const NEAR = 48; // px from the end that count as the end
const FLOOD = 10; // messages in two seconds above which no screen reader can read them out
const CALM = 2_000; // ms
const EMPTY = "Messages appear here. Everybody in the room reads yours at once.";
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** @typedef {{ name: string | null, at: Date, text: string, kind: string }} Said */

export class Messages {
  #list;
  #view; // what scrolls
  #jump;
  /** @type {HTMLElement[]} */
  #pending = [];
  /** @type {string | null} */
  #speaker = null; // of the message above
  #isAtEnd = true;
  #unseen = 0;
  #recent = 0; // messages of the last two seconds
  #plan = perFrame(() => this.#flush(), GAP);

  /**
   * @param {HTMLOListElement} list
   * @param {HTMLButtonElement} jump leads to the end, for who has scrolled up
   */
  constructor(list, jump) {
    this.#list = list;
    this.#view = list.parentElement ?? list;
    this.#jump = jump;
    this.#view.addEventListener("scroll", () => this.#look(), { passive: true });
    jump.addEventListener("click", () => this.#toEnd());
    // A phone that is turned: what was at the end stays there.
    new ResizeObserver(() => this.#isAtEnd && this.#toEnd()).observe(this.#view);
  }

  /** Another room. */
  clear() {
    this.#pending = [];
    this.#speaker = null;
    this.#list.replaceChildren(make("li", "empty", EMPTY));
    this.#toEnd();
  }

  /**
   * Show what this page sends, as not yet sure; `delivered` is what the client promised.
   *
   * @param {string} user
   * @param {string} text
   * @param {Promise<void>} delivered
   */
  send(user, text, delivered) {
    const item = this.#item({ name: user, at: new Date(), text, kind: "own" });
    item.classList.add("unsure");
    const sent = performance.now();
    this.#pending.push(item);
    this.#isAtEnd = true;
    this.#flush();
    delivered.then(
      () => {
        item.classList.remove("unsure");
        item.title = `the relay had it after ${(performance.now() - sent).toFixed(1)} ms`;
      },
      (error) => {
        const isUnknown = error instanceof Undelivered && error.fate === "unknown";
        const said = isUnknown ? "perhaps not delivered" : "not delivered";
        item.classList.remove("unsure");
        item.classList.add("failed");
        item.append(make("p", "small quiet", said));
      },
    );
  }

  /**
   * Show what the room received, with the next frame.
   *
   * @param {import("../relay-client.js").Message} message
   * @param {string} user the name of this page
   */
  receive({ data, from, at }, user) {
    const isText = typeof data === "string";
    const text = isText ? data : `${data.byteLength.toLocaleString("en")} bytes of binary`;
    const kind = `${from === user ? "own" : ""} ${isText ? "" : "event"}`;
    this.#add(this.#item({ name: from, at: new Date(at ?? Date.now()), text, kind }));
  }

  /** Say something that nobody sent. @param {string} text */
  say(text) {
    this.#speaker = null;
    this.#add(make("li", "message event", text));
  }

  /** @param {HTMLElement} item */
  #add(item) {
    this.#pending.push(item);
    // A page in the background gets no frames.
    if (this.#pending.length > 2 * KEPT) this.#pending.splice(0, KEPT);
    this.#hush();
    this.#plan();
  }

  #flush() {
    const list = this.#list;
    const items = this.#pending.splice(0).slice(-KEPT);
    if (!items.length) return;
    list.querySelector(".empty")?.remove();
    list.append(...items);
    const most = this.#isAtEnd ? KEPT : 2 * KEPT;
    for (let extra = list.children.length - most; extra > 0; extra--) list.children[0].remove();
    if (this.#isAtEnd) {
      this.#toEnd();
    } else {
      this.#unseen += items.length;
      this.#jump.textContent = `${this.#unseen} new`;
      this.#jump.hidden = false;
    }
  }

  #toEnd() {
    this.#isAtEnd = true;
    this.#unseen = 0;
    this.#jump.hidden = true;
    this.#view.scrollTop = this.#view.scrollHeight;
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#view;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#isAtEnd) {
      this.#unseen = 0;
      this.#jump.hidden = true;
    }
  }

  /** In a flood, a screen reader is left in peace. */
  #hush() {
    setTimeout(() => {
      if (--this.#recent <= FLOOD / 2) this.#view.ariaLive = "polite";
    }, CALM);
    if (++this.#recent > FLOOD) this.#view.ariaLive = "off";
  }

  /** @param {Said} said */
  #item({ name, at, text, kind }) {
    const item = make("li", `message ${kind}`);
    const who = name ?? "published by POST";
    if (who !== this.#speaker) {
      item.append(make("p", "who", make("strong", "", who), make("time", "", clock.format(at))));
    }
    this.#speaker = who;
    if (text.length > LONG) item.append(...folded(text));
    else item.append(make("p", "text", text));
    return item;
  }
}

/** Return the beginning of a long message, and buttons for the rest. @param {string} text */
function folded(text) {
  const shown = make("p", "text", `${text.slice(0, SHOWN)}…`);
  const all = make("button", "plain slim", `Show all ${size(new Blob([text]).size)}`);
  const copy = make("button", "plain slim", "Copy");
  all.type = copy.type = "button";
  all.addEventListener("click", () => {
    const isFolded = all.textContent !== "Fold";
    shown.textContent = isFolded ? text : `${text.slice(0, SHOWN)}…`;
    shown.classList.toggle("long", isFolded);
    all.textContent = isFolded ? "Fold" : "Show all";
  });
  copies(copy, () => text);
  return [shown, make("div", "row tools", all, copy)];
}
