/** Who is here: a few names, and how many more. */

import { arrange, make } from "../shared/dom.js";
import { perFrame } from "../shared/frame.js";
import { milliseconds } from "../shared/units.js";

const FEW = 8; // names shown at first

export class Members {
  #box;
  #title;
  #list;
  #isWhole = false;
  /** @type {string[]} */
  #names = [];
  #count = 0;
  #own = "";
  /** @type {Map<string, number>} */
  #delays = new Map(); // ms, by name
  /** @type {Map<string, HTMLElement>} */
  #items = new Map(); // by name
  #more = make("button", "plain slim");
  #moreItem = make("li", "more", this.#more);
  #plan = perFrame(() => this.#draw());

  /** @param {HTMLElement} box @param {HTMLElement} title @param {HTMLUListElement} list */
  constructor(box, title, list) {
    this.#box = box;
    this.#title = title;
    this.#list = list;
    this.#more.type = "button";
    this.#more.addEventListener("click", () => {
      this.#isWhole = !this.#isWhole;
      this.#draw();
    });
  }

  /** @param {string[] | null} names null: too many for a list @param {number} count @param {string} own */
  show(names, count, own) {
    this.#names = [...(names ?? [])].sort((one, other) => Number(other === own) - Number(one === own));
    this.#count = count;
    this.#own = own;
    this.#plan();
  }

  /** Somebody's round trip to the relay. @param {string} name @param {number} delay ms */
  time(name, delay) {
    this.#delays.set(name, delay);
    this.#plan();
  }

  /** Nothing is known. */
  hide() {
    this.#names = [];
    this.#count = 0;
    this.#delays.clear();
    this.#plan();
  }

  #draw() {
    const [names, count] = [this.#names, this.#count];
    this.#box.hidden = count === 0;
    this.#title.textContent = count === 1 ? "Only you" : `${count.toLocaleString("en")} here`;
    const shown = this.#isWhole ? names : names.slice(0, FEW);
    this.#items = new Map(shown.map((name) => [name, this.#item(name)]));
    const hidden = names.length - FEW;
    const isMore = hidden > 0;
    this.#more.textContent = this.#isWhole ? "Fewer" : `+${hidden}`;
    this.#more.ariaExpanded = `${this.#isWhole}`;
    this.#more.ariaLabel = this.#isWhole ? "Show fewer names" : `Show ${hidden} more names`;
    arrange(this.#list, [...this.#items.values(), ...(isMore ? [this.#moreItem] : [])]);
  }

  /** Return the item of this name: the one that is there, if any. @param {string} name */
  #item(name) {
    const item = this.#items.get(name) ?? make("li", "", make("span", "name", name));
    item.className = name === this.#own ? "self" : "";
    const delay = this.#delays.get(name);
    item.querySelector("small")?.remove();
    if (delay !== undefined) item.append(make("small", "number", ` ${milliseconds(delay)} ms`));
    return item;
  }
}
