/** The form: who joins which room, and what is wrong with it, said where it is wrong. */

import { find, make } from "../shared/dom.js";
import { freeName } from "../shared/names.js";
import { sentence } from "../shared/sentence.js";

/** @typedef {{ user: string, room: string, token: string }} Who */

export class Form {
  user = find("user", HTMLInputElement);
  room = find("room", HTMLInputElement);
  token = find("token", HTMLInputElement);
  isBegun; // somebody was quicker than the page's scripts
  #enter = find("enter", HTMLButtonElement);
  /** @type {Who | null} */
  #inside = null;

  /** @param {() => void} join @param {() => void} leave @param {() => void} changed */
  constructor(join, leave, changed) {
    const fields = [this.user, this.room, this.token];
    this.isBegun = fields.some(({ value, defaultValue }) => value !== defaultValue);
    // The second click of a double one was not meant for what the first has made of the button.
    this.#enter.addEventListener("click", (event) => event.detail > 1 && event.preventDefault());
    find("join", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#clear();
      if (this.#inside && this.says(this.#inside)) leave();
      else join();
    });
    for (const field of fields) {
      field.addEventListener("input", () => {
        this.#clear();
        this.#show();
        changed();
      });
    }
  }

  /** @returns {Who} */
  get who() {
    const asks = document.documentElement.dataset.tokens === "on";
    return {
      user: this.user.value.trim(),
      room: this.room.value.trim(),
      token: asks ? this.token.value.trim() : "",
    };
  }

  /** The form can be used; this is who is inside, or null. @param {Who | null} who */
  set inside(who) {
    this.#inside = who;
    this.#enter.disabled = false;
    this.#show();
  }

  get inside() {
    return this.#inside;
  }

  /** Whether the fields say the same. @param {Who} who */
  says({ user, room, token }) {
    const { who } = this;
    return who.user === user && who.room === room && who.token === token;
  }

  /**
   * Say what the relay said against it, at the field that it is about; return whether there is one.
   *
   * @param {string} reason
   * @param {string[]} taken names in the room
   */
  refuse(reason, taken) {
    const field = this.#fieldOf(reason);
    if (!field) return false;
    const error = find(`${field.id}-error`, HTMLElement);
    error.replaceChildren(sentence(reason));
    error.hidden = false;
    field.ariaInvalid = "true";
    if (/ is in use /.test(reason)) {
      const free = freeName(this.user.value, taken);
      const use = make("button", "plain slim", `Use ${free}`);
      use.addEventListener("click", () => {
        this.user.value = free;
        this.#clear();
      }); // it submits the form behind this
      error.append(" ", use);
    }
    field.focus();
    return true;
  }

  /** @param {string} reason */
  #fieldOf(reason) {
    if (/^room\b/.test(reason)) return this.room;
    if (/^(user|name)\b/.test(reason)) return this.user;
    if (/\btoken\b/.test(reason)) return this.token;
    return null;
  }

  #clear() {
    for (const field of [this.user, this.room, this.token]) {
      find(`${field.id}-error`, HTMLElement).hidden = true;
      field.ariaInvalid = null;
    }
  }

  #show() {
    const isSame = this.#inside !== null && this.says(this.#inside);
    this.#enter.textContent = isSame ? "Leave" : "Join";
    this.#enter.classList.toggle("plain", isSame);
  }
}
