/** Close codes after which the same client would only be closed again (docs/protocol.md). */
export const TERMINAL_CODES: Set<number>;
export class Life {
    /**
     * Connect, once the code that runs now has had its chance to listen.
     *
     * @param {string | URL} url the relay's address
     * @param {import("./types.js").Complete} options
     * @param {import("./emitter.js").Emitter<import("./types.js").Events>} events
     */
    constructor(url: string | URL, options: import("./types.js").Complete, events: import("./emitter.js").Emitter<import("./types.js").Events>);
    /** @type {import("./types.js").State} */
    state: import("./types.js").State;
    reason: string;
    queue: Queue;
    session: Raw | Session;
    /** Bytes that the network has not taken. */
    get buffered(): number;
    /** Connect now, whatever there is. @param {string} why */
    connect(why: string): Promise<void>;
    /** Send what waits. */
    flush(): void;
    /** It is over for good. @param {number | null} code @param {string} reason */
    end(code: number | null, reason: string): void;
    #private;
}
import { Queue } from "./queue.js";
import { Raw } from "./raw.js";
import { Session } from "./session.js";
