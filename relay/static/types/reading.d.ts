/**
 * @typedef {import("./types.js").Message} Message
 * @param {import("./relay-client.js").RelayClient} client
 * @returns {AsyncGenerator<Message, void, void>}
 */
export function iterate(client: import("./relay-client.js").RelayClient): AsyncGenerator<Message, void, void>;
export type Message = import("./types.js").Message;
