/** Who is here: a few names, and how many more. */

import { make } from "../shared/dom.js";
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
  #plan = perFrame(() => this.#draw());

  /** @param {HTMLElement} box @param {HTMLElement} title @param {HTMLUListElement} list */
  constructor(box, title, list) {
    this.#box = box;
    this.#title = title;
    this.#list = list;
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
    const items = shown.map((name) => this.#item(name));
    if (names.length > FEW) {
      const hidden = names.length - FEW;
      const more = make("button", "plain slim", this.#isWhole ? "Fewer" : `+${hidden}`);
      more.type = "button";
      more.ariaExpanded = `${this.#isWhole}`;
      more.ariaLabel = this.#isWhole ? "Show fewer names" : `Show ${hidden} more names`;
      more.addEventListener("click", () => {
        this.#isWhole = !this.#isWhole;
        this.#draw();
        this.#list.querySelector("button")?.focus();
      });
      items.push(make("li", "more", more));
    }
    const isFocused = document.activeElement === this.#list.querySelector("button");
    this.#list.replaceChildren(...items);
    if (isFocused) this.#list.querySelector("button")?.focus();
  }

  /** @param {string} name */
  #item(name) {
    const item = make("li", name === this.#own ? "self" : "", make("span", "name", name));
    const delay = this.#delays.get(name);
    if (delay !== undefined) item.append(make("small", "number", ` ${milliseconds(delay)} ms`));
    return item;
  }
}
