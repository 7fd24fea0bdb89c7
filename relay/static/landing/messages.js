/** The list of messages: who said what, and whether what you said has come through. */

import { make } from "../shared/dom.js";

const KEPT = 500; // messages
const NAMED = /^([^\s:][^:\n]{0,63}): ([^]*)$/;
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** Raw messages carry no sender, so this page writes the name in front, for people to read. */
export class Messages {
  #list;
  #view; // what scrolls
  #speaker = ""; // of the message above
  /** @type {{ wire: string, item: HTMLElement, sent: number }[]} */
  #unconfirmed = [];

  /** @param {HTMLOListElement} list */
  constructor(list) {
    this.#list = list;
    this.#view = list.parentElement ?? list;
  }

  /**
   * Show what this page sends, and return what goes over the wire.
   *
   * @param {string} user
   * @param {string} text
   */
  send(user, text) {
    const wire = `${user}: ${text}`;
    const item = this.#item(user, text, "own");
    item.classList.add("unsure");
    this.#unconfirmed.push({ wire, item, sent: performance.now() });
    this.#add(item);
    return wire;
  }

  /**
   * Show what the room received; our own comes back as an echo, in the place the room gave it.
   *
   * @param {string | ArrayBuffer} data
   * @param {string} user the name of this page
   */
  receive(data, user) {
    if (this.#unconfirmed[0]?.wire === data) {
      const [{ item, sent }] = this.#unconfirmed.splice(0, 1);
      item.classList.remove("unsure");
      item.title = `back from the relay after ${(performance.now() - sent).toFixed(1)} ms`;
      return;
    }
    if (typeof data !== "string") {
      this.say(`${data.byteLength.toLocaleString()} bytes of binary`);
      return;
    }
    const [, name = "", text = data] = NAMED.exec(data) ?? [];
    this.#add(this.#item(name, text, name === user ? "own" : ""));
  }

  /** The connection broke: what was not confirmed may or may not have reached the room. */
  doubt() {
    for (const { item } of this.#unconfirmed.splice(0)) {
      item.append(make("p", "small quiet", "perhaps not delivered"));
    }
  }

  /** Say something that nobody sent. @param {string} text */
  say(text) {
    this.#speaker = "";
    this.#add(make("li", "message event", text));
  }

  /** @param {string} name @param {string} text @param {string} kind */
  #item(name, text, kind) {
    const item = make("li", `message ${kind}`);
    if (name !== this.#speaker || !name) {
      const time = make("time", "", clock.format(new Date()));
      item.append(make("p", "who", make("strong", "", name || "no name"), time));
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
