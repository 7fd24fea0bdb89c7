/** The raw protocol, for servers that are no relay: messages as they are, and no promise. */
/**
 * @typedef {import("./types.js").Kept} Kept
 * @typedef {import("./types.js").Happened} Happened
 */
/** What `Session` is for relay.v1. */
export class Raw {
    /** @param {import("./queue.js").Queue} queue */
    constructor(queue: import("./queue.js").Queue);
    isRaw: boolean;
    members: null;
    count: null;
    /** @returns {[string, string][]} */
    connect(): [string, string][];
    /** @param {(data: Kept) => void} put @param {Kept} data */
    write(put: (data: Kept) => void, data: Kept): void;
    ping(): void;
    renew(): void;
    /** @param {string | ArrayBuffer} data @returns {Happened[]} */
    read(data: string | ArrayBuffer): Happened[];
    #private;
}
export type Kept = import("./types.js").Kept;
export type Happened = import("./types.js").Happened;
