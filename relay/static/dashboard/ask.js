/** What the pages ask each second, with the token that is typed in. */

export class Question {
  /** @type {string | null} */
  #refused = null; // the token that the relay has refused

  /**
   * Return the answer; null: the relay has refused this token before, and would count it again.
   *
   * @param {string} path
   * @param {string} token "": none
   */
  async ask(path, token) {
    if (token === this.#refused) return null;
    const answer = await fetch(path, { headers: headersOf(token), cache: "no-store" });
    this.#refused = answer.status === 401 || answer.status === 403 ? token : null;
    return answer;
  }
}

/** Return the header of a request with this token. @param {string} token "": none */
export function headersOf(token) {
  return token ? { Authorization: `Bearer ${token}` } : undefined;
}
