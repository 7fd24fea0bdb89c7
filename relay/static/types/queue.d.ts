/**
 * Return how many bytes a message has, and a copy that the caller cannot change.
 *
 * @param {import("./types.js").Sendable} data
 * @returns {{ size: number, kept: Kept }}
 */
export function keep(data: import("./types.js").Sendable): {
    size: number;
    kept: Kept;
};
/**
 * @typedef {import("./types.js").Kept} Kept
 * @typedef {import("./types.js").Waiting} Waiting
 */
/** What a message counts beside its own bytes: also empty ones take memory. */
export const COST: 64;
/** The first `sent` messages may have arrived, those behind have not. */
export class Queue {
    size: number;
    sent: number;
    get length(): number;
    /**
     * Keep a message; the promise is kept when the relay has it.
     *
     * @param {Kept} data
     * @param {number} size bytes, `COST` among them
     * @returns {Promise<void>}
     */
    add(data: Kept, size: number): Promise<void>;
    /** Send what has not been sent. @param {(data: Kept) => void} write */
    flush(write: (data: Kept) => void): void;
    /** The relay has the first so many. @param {number} count */
    settle(count: number): void;
    /** Nobody knows what became of those that were sent. @param {string} reason */
    doubt(reason: string): void;
    /** Nothing will be sent any more. @param {string} reason */
    abandon(reason: string): void;
    #private;
}
export type Kept = import("./types.js").Kept;
export type Waiting = import("./types.js").Waiting;
