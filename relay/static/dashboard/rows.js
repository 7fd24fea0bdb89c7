/** The rows of a table that changes each second. */

import { arrange, make } from "../shared/dom.js";

/**
 * A row stays the same element for as long as its key is shown: no click and no focus on what it
 * holds is lost.
 *
 * @template T
 */
export class Rows {
  #body;
  #begin;
  #write;
  /** @type {Map<string, HTMLTableRowElement>} */
  #rows = new Map();
  #note = make("td", "quiet");
  #noteRow = make("tr", "", this.#note);

  /**
   * @param {HTMLTableSectionElement} body
   * @param {number} columns
   * @param {(item: T) => HTMLTableRowElement} begin makes the row of a new key
   * @param {(item: T, row: HTMLTableRowElement) => void} write what changes into it
   */
  constructor(body, columns, begin, write) {
    this.#body = body;
    this.#note.colSpan = columns;
    this.#begin = begin;
    this.#write = write;
  }

  /**
   * Show these items, by key.
   *
   * @param {Map<string, T>} items
   * @param {string} none said where there are none
   */
  show(items, none) {
    if (!items.size) return this.say(none);
    const before = this.#rows;
    this.#rows = new Map();
    for (const [key, item] of items) {
      const row = before.get(key) ?? this.#begin(item);
      this.#write(item, row);
      this.#rows.set(key, row);
    }
    return arrange(this.#body, [...this.#rows.values()]);
  }

  /** Say something instead of rows. @param {string} text */
  say(text) {
    if (this.#rows.size) this.#body.closest(".wide-table")?.scrollTo(0, 0); // it is at the left
    this.#rows.clear();
    this.#note.textContent = text;
    arrange(this.#body, [this.#noteRow]);
  }
}

/**
 * Write the texts into the row's cells, from the first on; null leaves a cell as it is.
 *
 * @param {HTMLTableRowElement} row
 * @param {(string | null)[]} texts
 */
export function write(row, texts) {
  texts.forEach((text, at) => {
    if (text !== null && row.cells[at].textContent !== text) row.cells[at].textContent = text;
  });
}
