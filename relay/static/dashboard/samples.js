/** The last ten minutes of `/live`, as columns of rates for the charts. */

const KEPT = 600; // seconds

/**
 * @typedef {object} Live what `/live` answers
 * @property {"healthy" | "draining"} status
 * @property {string} version
 * @property {string} commit
 * @property {string} deployed_at
 * @property {number} uptime_seconds of this process
 * @property {number} service_uptime_seconds of all that have taken over from each other
 * @property {{ connections: number, frozen_seconds: number, from_commit: string } | null} handover
 *   how this process took over; null: it began anew
 * @property {Record<string, number>} closed connections ended so far, by reason
 * @property {string} life of one service: its counters begin at 0, and go on when another process takes over
 * @property {number} taken samples so far
 * @property {string[]} fields
 * @property {number[][]} samples
 *
 * @typedef {object} Row one second
 * @property {number} time Unix time, seconds
 * @property {number} connections
 * @property {number} rooms
 * @property {number | null} messages per second, from senders; null where there is none to compare
 * @property {number | null} bytes per second, from senders
 * @property {number | null} deliveries per second, to members
 * @property {number | null} deliveredBytes per second, to members
 * @property {number | null} perBatch deliveries that one batch became
 * @property {number} delay of the event loop, ms
 */

export class Samples {
  /** @type {(Row | { time: number })[]} a row without figures is a gap in the charts */
  rows = [];
  taken = 0;
  #life = "";
  /** @type {Record<string, number> | null} */
  #last = null;

  /** @returns {Row | null} the latest figures */
  get latest() {
    const row = this.rows.at(-1);
    return row && "connections" in row ? row : null;
  }

  /**
   * Add what is new; return false when it comes from another relay than before: ask it for all.
   *
   * @param {Live} live
   */
  add(live) {
    if (this.#life && live.life !== this.#life) {
      this.#life = "";
      this.#last = null;
      this.taken = 0;
      this.gap();
      return false;
    }
    this.#life = live.life;
    this.taken = live.taken;
    for (const values of live.samples) {
      this.#append(Object.fromEntries(live.fields.map((field, at) => [field, values[at]])));
    }
    const oldest = (this.rows.at(-1)?.time ?? 0) - KEPT;
    const keep = this.rows.findIndex(({ time }) => time >= oldest);
    if (keep > 0) this.rows.splice(0, keep);
    return true;
  }

  /** Let the charts show that nothing is known about this time. */
  gap() {
    const row = this.rows.at(-1);
    if (row && "connections" in row) this.rows.push({ time: row.time + 0.001 });
  }

  /** @param {Record<string, number>} sample */
  #append(sample) {
    const last = this.#last;
    this.#last = sample;
    const time = sample.time - (last?.time ?? sample.time);
    const rate = (/** @type {string} */ field) =>
      last ? (sample[field] - last[field]) / time : null;
    const batches = last ? sample.batches - last.batches : 0;
    this.rows.push({
      time: sample.time,
      connections: sample.connections,
      rooms: sample.rooms,
      messages: rate("messages"),
      bytes: rate("bytes"),
      deliveries: rate("deliveries"),
      deliveredBytes: rate("delivered_bytes"),
      perBatch: last && batches ? (sample.deliveries - last.deliveries) / batches : null,
      delay: sample.loop_delay * 1000,
    });
  }
}
