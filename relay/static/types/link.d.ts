export class Link {
    /**
     * @param {WebSocket} socket that connects
     * @param {string} url
     * @param {string} token "": none
     * @param {import("./types.js").Told} told
     */
    constructor(socket: WebSocket, url: string, token: string, told: import("./types.js").Told);
    /** Bytes that the network has not taken. */
    get buffered(): number;
    /** It is in the room: the handshake is over. */
    welcome(): void;
    /** @param {import("./types.js").Kept} data */
    put(data: import("./types.js").Kept): void;
    /** Let go of it. @param {string} [reason] at most 123 bytes of it are told */
    drop(reason?: string): void;
    /**
     * Leave for good, as soon as `read`, which gets what comes, says that there is no more to hear.
     *
     * @param {string} reason at most 123 bytes of it are told
     * @param {(data: string | ArrayBuffer) => boolean} read
     * @returns {Promise<void>}
     */
    leave(reason: string, read: (data: string | ArrayBuffer) => boolean): Promise<void>;
    #private;
}
