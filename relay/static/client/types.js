/** Types that applications use. Nothing of this file is loaded. */

/**
 * @typedef {string | ArrayBuffer | ArrayBufferView | Blob} Sendable
 *
 * @typedef {"connecting" | "open" | "waiting" | "closed"} State
 *   `waiting` is the time between two attempts; `closed` is for good.
 *
 * @typedef {object} Options
 * @property {string} [room] "lobby" if left out
 * @property {string} [user] name in the room; that of a guest if left out
 * @property {string | (() => string | Promise<string>)} [token] JSON Web Token, where the relay
 *   asks for one; a function is asked anew before each connection, before the token that the relay
 *   has expires, and after it has
 * @property {boolean} [echo] also receive what you send
 * @property {number} [history] receive the last so many messages before the live ones
 * @property {"close" | "skip"} [lag] what the relay does when this client reads too slowly: close
 *   the connection (if left out), or skip messages and tell a `gap`
 * @property {number} [queueLimit] bytes that may wait until the relay holds them, each message
 *   counting 64 more than it has; 1 MiB if left out
 * @property {"relay.v1" | "raw"} [protocol] "raw" is for other servers, and promises nothing
 * @property {AbortSignal} [signal] closes the client when it is aborted
 * @property {typeof WebSocket} [WebSocket] an implementation to use in place of the global one
 *
 * @typedef {object} Message
 * @property {string | ArrayBuffer} data text or binary
 * @property {string | null} from who sent it; null: published by POST, or the protocol is raw
 * @property {number | null} at when the relay took it in, ms since 1970 by its clock; null: raw
 *
 * @typedef {object} Events
 * @property {{}} open connected, for the first time or again
 * @property {Message} message
 * @property {{ user: string }} join somebody has come
 * @property {{ user: string }} leave somebody has gone
 * @property {{ members: string[] | null, count: number }} members who is here, where single comings
 *   and goings were not told; null: too many for a list
 * @property {{ missed: number | null }} gap so many messages were left out for a slow reader; null:
 *   some are lost, nobody knows how many
 * @property {{ state: State, reason: string, retryIn: number | null }} state the state has changed:
 *   why, in words, and in how many milliseconds the next attempt comes (null: none is planned)
 * @property {{ code: number | null, reason: string }} close closed for good: the close code (null
 *   where there was no connection to close), and why
 */

/**
 * And those of the client's own parts.
 *
 * @typedef {Options & { room: string, user: string, queueLimit: number }} Complete
 * @typedef {string | ArrayBuffer | Blob} Kept a message that its sender cannot change any more
 *
 * @typedef {object} Waiting
 * @property {Kept} data
 * @property {number} size what it counts, in bytes
 * @property {() => void} resolve
 * @property {(error: Error) => void} reject
 *
 * @typedef {[type: string, event: any]} Happened an event of the client, or `welcome`, `drain` or
 *   `stranger` (this is no relay)
 *
 * @typedef {object} Refusal
 * @property {string} reason in words
 * @property {number} after ms to wait at least
 * @property {boolean} isFinal trying again would be refused again
 * @property {number} status 0: no answer
 *
 * @typedef {object} Told what becomes of a link; nothing more is told of one that was dropped
 * @property {() => void} upgraded
 * @property {(data: string | ArrayBuffer) => void} read
 * @property {(code: number, reason: string) => void} lost
 * @property {(refusal: Refusal) => void} refused
 */

export {};
