/**
 * @param {string} url of the WebSocket
 * @param {string} token "": none
 * @returns {Promise<import("./types.js").Refusal>}
 */
export function ask(url: string, token: string): Promise<import("./types.js").Refusal>;
/** Return the reason, unless there is a simpler one. @param {string} reason */
export function lost(reason: string): string;
