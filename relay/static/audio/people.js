/** The list of who is in the room: who speaks, how loud, and how well it comes through. */

import { make } from "../shared/dom.js";
import { Spark } from "../shared/spark.js";

const SPEAKING = 0.02; // level from which somebody is heard
const HOLD = 600; // ms that somebody counts as speaking after the last sound
const DRAWN = 1_000; // ms between two points of the delay over time
const UNKNOWN = "unknown";
const QUIET = 10_000; // ms after which somebody who has left the room is forgotten

/** @typedef {"delay" | "buffer" | "late" | "lost"} Fact */

export class People {
  #list;
  #nobody;
  #setVolume;
  /** @type {Map<string, Person>} */
  #people = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} nobody shown while the list is empty
   * @param {(name: string, volume: number) => void} setVolume from 0 to 1
   */
  constructor(list, nobody, setVolume) {
    this.#setVolume = setVolume;
    this.#list = list;
    this.#nobody = nobody;
  }

  /**
   * Return who has this name; a new line if it is a new name.
   *
   * @param {string} name
   */
  get(name) {
    let person = this.#people.get(name);
    if (!person) {
      person = new Person(name, (volume) => this.#setVolume(name, volume));
      this.#people.set(name, person);
      this.#list.append(person.element);
      this.#nobody.hidden = true;
    }
    return person;
  }

  /**
   * Show who is in the room; return those who left.
   *
   * @param {string[]} names
   */
  show(names) {
    for (const name of names) this.get(name).isKnown = true;
    const gone = [...this.#people].filter(
      ([name, { heard }]) => !names.includes(name) && performance.now() - heard > QUIET,
    );
    for (const [name, person] of gone) {
      person.element.remove();
      this.#people.delete(name);
    }
    this.#nobody.hidden = this.#people.size > 0;
    return gone.map(([name]) => name);
  }

  /** The page is not connected, and knows nothing of anybody. */
  forget() {
    for (const person of this.#people.values()) person.isKnown = false;
  }

  get size() {
    return this.#people.size;
  }

  /** @param {string} name */
  has(name) {
    return this.#people.has(name);
  }

  clear() {
    this.#people.clear();
    this.#list.replaceChildren();
    this.#nobody.hidden = false;
  }
}

class Person {
  heard = -Infinity; // when a frame came last, ms
  #loud = -Infinity; // when it was heard to speak last, ms
  /** @type {Record<Fact, HTMLElement>} */
  #facts;
  #badge = make("span", "badge", "listening");
  #level = make("div", "level", make("i", ""));
  #list = make("dl", "facts");
  #volume = make("label", "volume small", "Volume");
  #spark = new Spark("ms");
  #drawn = 0; // when the delay was drawn last, ms

  /** @param {string} name @param {(volume: number) => void} setVolume from 0 to 1 */
  constructor(name, setVolume) {
    const slider = make("input", "");
    slider.type = "range";
    slider.min = "0";
    slider.max = "100";
    slider.value = "100";
    slider.ariaLabel = `Volume of ${name}`;
    slider.addEventListener("input", () => setVolume(Number(slider.value) / 100));
    this.#volume.append(slider, this.#spark.element);
    this.#volume.hidden = true;
    this.#level.role = "meter";
    this.#level.ariaLabel = `Level of ${name}`;
    this.#level.ariaValueMin = "0";
    this.#level.ariaValueMax = "100";
    this.#level.ariaValueNow = "0";
    this.#facts = {
      delay: make("dd", ""),
      buffer: make("dd", ""),
      late: make("dd", ""),
      lost: make("dd", ""),
    };
    for (const [label, value] of Object.entries(this.#facts)) {
      value.dataset.fact = label;
      this.#list.append(
        make("div", "", make("dt", "", label[0].toUpperCase() + label.slice(1)), value),
      );
    }
    this.#list.hidden = this.#level.hidden = true;
    this.element = make(
      "li",
      "",
      make("p", "speaker-name", make("span", "", name), this.#badge),
      this.#level,
      this.#list,
      this.#volume,
    );
    this.element.dataset.name = name;
  }

  /** Whether this page knows how this one does. @param {boolean} isKnown */
  set isKnown(isKnown) {
    if (isKnown === (this.#badge.textContent !== UNKNOWN)) return;
    this.#badge.textContent = isKnown ? "listening" : UNKNOWN;
    this.#badge.classList.remove("live");
    showLevel(this.#level, 0);
  }

  /** Say why this one is not heard. @param {string} why */
  refuse(why) {
    this.heard = performance.now();
    this.#badge.textContent = why;
  }

  /** @param {import("./listener.js").Report} report @param {number} outputDelay ms */
  report({ level, delay, buffered, late, lost }, outputDelay) {
    const now = performance.now();
    if (level > SPEAKING) this.#loud = now;
    const isSpeaking = now - this.#loud < HOLD;
    this.#list.hidden = this.#level.hidden = this.#volume.hidden = false;
    if (now - this.#drawn >= DRAWN) {
      this.#drawn = now;
      this.#spark.add(delay + outputDelay);
    }
    this.#badge.textContent = isSpeaking
      ? "speaking"
      : now - this.heard < HOLD
        ? "silent"
        : "muted";
    this.#badge.classList.toggle("live", isSpeaking);
    showLevel(this.#level, level);
    this.#facts.delay.textContent = time(delay + outputDelay);
    this.#facts.buffer.textContent = `${Math.round(buffered)} ms`;
    this.#facts.late.textContent = late.toLocaleString();
    this.#facts.lost.textContent = lost.toLocaleString();
  }
}

/** Return a time in as few characters as there is room for. @param {number} ms */
function time(ms) {
  return ms < 9_999.5 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}

/**
 * Move a level meter; as loud sounds: half of its length is a tenth of the range.
 *
 * @param {HTMLElement} element
 * @param {number} level 0 to 1
 */
export function showLevel(element, level) {
  const share = Math.min(1, level) ** 0.3;
  element.style.setProperty("--level", share.toFixed(3));
  element.ariaValueNow = `${Math.round(share * 100)}`;
}
