/** Return them with what was left out, or throw a TypeError. @param {Options} given */
export function complete(given: Options): Complete;
/**
 * @param {string | URL} url the relay's address
 * @returns {URL} with ws or wss
 */
export function addressOf(url: string | URL): URL;
/**
 * Return where to connect, with what the session adds.
 *
 * @param {URL} base
 * @param {Complete} options
 * @param {[string, string][]} session
 * @param {boolean} withHistory
 */
export function urlOf(base: URL, { room, user, echo, history, lag }: Complete, session: [string, string][], withHistory: boolean): string;
export type Options = import("./types.js").Options;
export type Complete = import("./types.js").Complete;
