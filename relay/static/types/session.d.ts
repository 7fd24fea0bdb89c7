export class Session {
    /** @param {import("./queue.js").Queue} queue */
    constructor(queue: import("./queue.js").Queue);
    isRaw: boolean;
    /** @type {string[] | null} who is in the room; null: unknown, or too many */
    members: string[] | null;
    /** @type {number | null} */
    count: number | null;
    /** Begin another connection: return what its address has to say. @returns {[string, string][]} */
    connect(): [string, string][];
    /**
     * Send a message.
     *
     * @param {(data: Kept) => void} put
     * @param {Kept} data
     */
    write(put: (data: Kept) => void, data: Kept): void;
    /** Ask whether the connection lives. @param {(data: Kept) => void} put */
    ping(put: (data: Kept) => void): void;
    /** Give the relay a fresh token. @param {(data: Kept) => void} put @param {string} token */
    renew(put: (data: Kept) => void, token: string): void;
    /**
     * Take a frame, and return what it says, in order.
     *
     * @param {string | ArrayBuffer} data
     * @returns {Happened[]}
     */
    read(data: string | ArrayBuffer): Happened[];
    #private;
}
export type Kept = import("./types.js").Kept;
export type Happened = import("./types.js").Happened;
