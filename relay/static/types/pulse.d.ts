/**
 * Call `back` at each sign of a page that somebody is back, until the returned function is called.
 *
 * @param {(sign: string) => void} back with the event's type
 * @returns {() => void}
 */
export function watchSigns(back: (sign: string) => void): () => void;
/** Asks the connection that is open; `stop` when it is not. */
export class Pulse {
    /** @param {() => void} ping @param {() => void} dead */
    constructor(ping: () => void, dead: () => void);
    start(): void;
    stop(): void;
    /** Something has come. */
    heard(): void;
    /** Ask now, unless it has been asked. */
    ask(): void;
    #private;
}
