/** The last ten minutes of `/live`, as rows of rates for the charts. */

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
 * @property {Record<string, number>} refused requests refused so far, by HTTP status
 * @property {{ memory: number, connections: number }} limits of this process; bytes, and how many
 * @property {Nats | null} nats null: no NATS_URL
 * @property {string} life of one service: its counters begin at 0, and go on when another process takes over
 * @property {number} taken samples so far
 * @property {string[]} fields
 * @property {(number | null)[][]} samples null: not known by the process that took it
 *
 * @typedef {object} Nats what relays share their rooms by
 * @property {boolean} up
 * @property {{ p50: number, p99: number }} latency of the last appends to rooms' logs, seconds
 * @property {number} unacknowledged batches whose place in their log is not known yet
 * @property {Record<string, number>} relays connections of each relay, this one first
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
 * @property {number | null} refused requests per second
 * @property {number | null} cpu percent of one core
 * @property {number | null} memory bytes
 * @property {number | null} memoryLimit bytes
 */

export class Samples {
  /** @type {(Row | { time: number })[]} a row without figures is a gap in the charts */
  rows = [];
  taken = 0;
  #life = "";
  /** @type {Record<string, number> | null} */
  #last = null;
  #memoryLimit = 0; // bytes

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
    this.#memoryLimit = live.limits.memory;
    for (const values of live.samples) {
      const sample = live.fields.map((field, at) => [field, values[at]]);
      this.#append(Object.fromEntries(sample));
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
    // Null where there is nothing to compare, or another process has begun to count.
    const rate = (/** @type {string} */ field) => {
      if (!last || last[field] === null || sample[field] === null) return null;
      const grown = sample[field] - last[field];
      return grown < 0 ? null : grown / time;
    };
    const cpu = rate("cpu");
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
      refused: rate("refused"),
      cpu: cpu === null ? null : 100 * cpu,
      memory: sample.memory,
      memoryLimit: this.#memoryLimit,
    });
  }
}
