/** The list of messages: who said what and when, and whether the relay holds what you said. */

import { Undelivered } from "../relay-client.js";
import { make } from "../shared/dom.js";

const KEPT = 500; // messages
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

export class Messages {
  #list;
  #view; // what scrolls
  /** @type {string | null} */
  #speaker = null; // of the message above

  /** @param {HTMLOListElement} list */
  constructor(list) {
    this.#list = list;
    this.#view = list.parentElement ?? list;
  }

  /**
   * Show what this page sends, as not yet sure; `delivered` is what the client promised.
   *
   * @param {string} user
   * @param {string} text
   * @param {Promise<void>} delivered
   */
  send(user, text, delivered) {
    const item = this.#item(user, new Date(), text, "own");
    item.classList.add("unsure");
    const sent = performance.now();
    this.#add(item);
    delivered.then(
      () => {
        item.classList.remove("unsure");
        item.title = `the relay had it after ${(performance.now() - sent).toFixed(1)} ms`;
      },
      (error) => {
        const isUnknown = error instanceof Undelivered && error.fate === "unknown";
        const said = isUnknown ? "perhaps not delivered" : "not delivered";
        item.append(make("p", "small quiet", said));
      },
    );
  }

  /**
   * Show what the room received.
   *
   * @param {import("../relay-client.js").Message} message
   * @param {string} user the name of this page
   */
  receive({ data, from, at }, user) {
    const isText = typeof data === "string";
    const text = isText ? data : `${data.byteLength.toLocaleString()} bytes of binary`;
    const kind = `${from === user ? "own" : ""} ${isText ? "" : "event"}`;
    this.#add(this.#item(from, new Date(at ?? Date.now()), text, kind));
  }

  /** Say something that nobody sent. @param {string} text */
  say(text) {
    this.#speaker = null;
    this.#add(make("li", "message event", text));
  }

  /** @param {string | null} from @param {Date} at @param {string} text @param {string} kind */
  #item(from, at, text, kind) {
    const item = make("li", `message ${kind}`);
    const name = from ?? "published by POST";
    if (name !== this.#speaker) {
      item.append(make("p", "who", make("strong", "", name), make("time", "", clock.format(at))));
    }
    this.#speaker = name;
    item.append(make("p", "text", text));
    return item;
  }

  /** @param {HTMLElement} item */
  #add(item) {
    const list = this.#list;
    const view = this.#view;
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 48; // px
    list.querySelector(".empty")?.remove();
    list.append(item);
    while (list.children.length > KEPT) list.children[0].remove();
    if (atEnd || item.classList.contains("own")) view.scrollTop = view.scrollHeight;
  }
}
