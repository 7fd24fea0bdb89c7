/** What `send` throws, and what its promise is rejected with. */

/** A message that was not taken, because too much waits already. */
export class QueueFull extends Error {
  /**
   * @param {number} size bytes
   * @param {number} queued bytes
   * @param {number} limit bytes
   */
  constructor(size, queued, limit) {
    super(
      `message of ${size} bytes was not taken: ${queued} bytes wait, and the limit is ${limit}`,
    );
    this.name = "QueueFull";
    this.size = size;
    this.queued = queued;
    this.limit = limit;
  }
}

/** A message of which nobody can say that the relay holds it. */
export class Undelivered extends Error {
  /**
   * @param {"unknown" | "unsent"} fate `unknown`: it was sent, and may have arrived or not;
   *   `unsent`: it has not
   * @param {string} reason
   */
  constructor(fate, reason) {
    const said = fate === "unknown" ? "nobody knows whether it arrived" : "not sent";
    super(`${said}: ${reason}`);
    this.name = "Undelivered";
    this.fate = fate;
  }
}
