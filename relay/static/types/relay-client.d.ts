export { backoff } from "./delays.js";
export { TERMINAL_CODES } from "./life.js";
/** One member of one room, for as long as it is wanted. */
export class RelayClient {
    /**
     * Connect, once the code that runs now has had its chance to listen.
     *
     * @param {string | URL} url the relay's address: http, https, ws or wss; in a browser also "/"
     * @param {Options} [options]
     */
    constructor(url: string | URL, options?: Options);
    get user(): string;
    get room(): string;
    get state(): import("./types.js").State;
    /** Why it is in this state, in words. */
    get reason(): string;
    /** Who is in the room, this client included; null: not known (yet), or too many for a list. */
    get members(): string[] | null;
    /** How many are in the room; null: not known. */
    get count(): number | null;
    /**
     * Bytes sent that the relay is not known to hold, and 64 for each such message; raw: that the
     * network has not taken.
     */
    get queued(): number;
    /** Bytes that may wait so; a single message may be longer than that. */
    get queueLimit(): number;
    /** Resolved as soon as it is open; rejected when it is closed for good. @type {Promise<void>} */
    get opened(): Promise<void>;
    /**
     * Call the listener at each event of this type; call what is returned to stop that.
     *
     * @template {keyof Events} T
     * @param {T} type
     * @param {(event: Events[T]) => void} listener
     * @param {{ signal?: AbortSignal, once?: boolean }} [options]
     * @returns {() => void}
     */
    on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void, options?: {
        signal?: AbortSignal;
        once?: boolean;
    }): () => void;
    /**
     * Call the listener at the next event of this type only.
     *
     * @template {keyof Events} T
     * @param {T} type
     * @param {(event: Events[T]) => void} listener
     * @param {{ signal?: AbortSignal }} [options]
     * @returns {() => void}
     */
    once<T extends keyof Events>(type: T, listener: (event: Events[T]) => void, options?: {
        signal?: AbortSignal;
    }): () => void;
    /**
     * Send to everybody else in the room, now or as soon as there is a connection.
     *
     * @param {Sendable} data
     * @returns {Promise<void>} resolved when the relay holds the message (raw: when the network has
     *   it); rejected with `Undelivered` when its fate is unknown, or it will never be sent
     * @throws {QueueFull} when the message was not taken; `queued` tells beforehand
     * @throws {TypeError} when it is nothing that can be sent
     */
    send(data: Sendable): Promise<void>;
    /** Connect now: sooner than planned, or anew where a connection is open. */
    reconnect(): void;
    /**
     * Leave the room for good, behind what the network has still to take.
     *
     * @param {string} [reason] at most 123 bytes
     */
    close(reason?: string): void;
    /**
     * Iterate over messages from now on, until the client is closed.
     *
     * @returns {AsyncGenerator<Events["message"], void, void>}
     */
    [Symbol.asyncIterator](): AsyncGenerator<Events["message"], void, void>;
    #private;
}
export type Options = import("./types.js").Options;
export type Sendable = import("./types.js").Sendable;
export type State = import("./types.js").State;
export type Message = import("./types.js").Message;
export type Events = import("./types.js").Events;
export { QueueFull, Undelivered } from "./errors.js";
