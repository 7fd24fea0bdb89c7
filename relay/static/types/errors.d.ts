/** What `send` throws, and what its promise is rejected with. */
/** A message that was not taken, because too much waits already. */
export class QueueFull extends Error {
    /**
     * @param {number} size bytes
     * @param {number} queued bytes
     * @param {number} limit bytes
     */
    constructor(size: number, queued: number, limit: number);
    size: number;
    queued: number;
    limit: number;
}
/** A message of which nobody can say that the relay holds it. */
export class Undelivered extends Error {
    /**
     * @param {"unknown" | "unsent"} fate `unknown`: it was sent, and may have arrived or not;
     *   `unsent`: it has not
     * @param {string} reason
     */
    constructor(fate: "unknown" | "unsent", reason: string);
    fate: "unknown" | "unsent";
}
