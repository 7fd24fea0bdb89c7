export type Sendable = string | ArrayBuffer | ArrayBufferView | Blob;
/**
 * `waiting` is the time between two attempts; `closed` is for good.
 */
export type State = "connecting" | "open" | "waiting" | "closed";
export type Options = {
    /**
     * "lobby" if left out
     */
    room?: string | undefined;
    /**
     * name in the room; that of a guest if left out
     */
    user?: string | undefined;
    /**
     * JSON Web Token, where the relay
     * asks for one; a function is asked anew before each connection, before the token that the relay
     * has expires, and after it has
     */
    token?: string | (() => string | Promise<string>) | undefined;
    /**
     * also receive what you send
     */
    echo?: boolean | undefined;
    /**
     * receive the last so many messages before the live ones
     */
    history?: number | undefined;
    /**
     * what the relay does when this client reads too slowly: close
     * the connection (if left out), or skip messages and tell a `gap`
     */
    lag?: "close" | "skip" | undefined;
    /**
     * bytes that may wait until the relay holds them, each message
     * counting 64 more than it has; 1 MiB if left out
     */
    queueLimit?: number | undefined;
    /**
     * "raw" is for other servers, and promises nothing
     */
    protocol?: "raw" | "relay.v1" | undefined;
    /**
     * closes the client when it is aborted
     */
    signal?: AbortSignal | undefined;
    /**
     * an implementation to use in place of the global one
     */
    WebSocket?: {
        new (url: string | URL, protocols?: string | string[]): WebSocket;
        prototype: WebSocket;
        readonly CONNECTING: 0;
        readonly OPEN: 1;
        readonly CLOSING: 2;
        readonly CLOSED: 3;
    } | undefined;
};
export type Message = {
    /**
     * text or binary
     */
    data: string | ArrayBuffer;
    /**
     * who sent it; null: published by POST, or the protocol is raw
     */
    from: string | null;
    /**
     * when the relay took it in, ms since 1970 by its clock; null: raw
     */
    at: number | null;
};
export type Events = {
    /**
     * connected, for the first time or again
     */
    open: {};
    message: Message;
    /**
     * somebody has come
     */
    join: {
        user: string;
    };
    /**
     * somebody has gone
     */
    leave: {
        user: string;
    };
    /**
     * who is here, where single comings
     * and goings were not told; null: too many for a list
     */
    members: {
        members: string[] | null;
        count: number;
    };
    /**
     * so many messages were left out for a slow reader; null:
     * some are lost, nobody knows how many
     */
    gap: {
        missed: number | null;
    };
    /**
     * the state has changed:
     * why, in words, and in how many milliseconds the next attempt comes (null: none is planned)
     */
    state: {
        state: State;
        reason: string;
        retryIn: number | null;
    };
    /**
     * closed for good: the close code (null
     * where there was no connection to close), and why
     */
    close: {
        code: number | null;
        reason: string;
    };
};
/**
 * And those of the client's own parts.
 */
export type Complete = Options & {
    room: string;
    user: string;
    queueLimit: number;
};
/**
 * a message that its sender cannot change any more
 */
export type Kept = string | ArrayBuffer | Blob;
/**
 * And those of the client's own parts.
 */
export type Waiting = {
    data: Kept;
    /**
     * what it counts, in bytes
     */
    size: number;
    resolve: () => void;
    reject: (error: Error) => void;
};
/**
 * an event of the client, or `welcome`, `drain` or
 * `stranger` (this is no relay)
 */
export type Happened = [type: string, event: any];
/**
 * And those of the client's own parts.
 */
export type Refusal = {
    /**
     * in words
     */
    reason: string;
    /**
     * ms to wait at least
     */
    after: number;
    /**
     * trying again would be refused again
     */
    isFinal: boolean;
    /**
     * 0: no answer
     */
    status: number;
};
/**
 * what becomes of a link; nothing more is told of one that was dropped
 */
export type Told = {
    upgraded: () => void;
    read: (data: string | ArrayBuffer) => void;
    lost: (code: number, reason: string) => void;
    refused: (refusal: Refusal) => void;
};
