/** Messages one by one, for a `for await` loop. */

const LIMIT = 10_000; // messages that may wait for the loop

/**
 * @typedef {import("./types.js").Message} Message
 * @param {import("./relay-client.js").RelayClient} client
 * @returns {AsyncGenerator<Message, void, void>}
 */
export async function* iterate(client) {
  /** @type {Message[]} */
  const waiting = [];
  let wake = () => {};
  const stopMessages = client.on("message", (message) => {
    waiting.push(message);
    wake();
  });
  const stopClose = client.on("close", () => wake());
  try {
    for (;;) {
      // A browser's WebSocket cannot be paused: memory is bounded here or nowhere.
      if (waiting.length > LIMIT) {
        throw new RangeError(`loop is ${waiting.length} messages behind, the limit is ${LIMIT}`);
      }
      const message = waiting.shift();
      if (message) yield message;
      else if (client.state === "closed") return;
      else await new Promise((/** @type {(value: void) => void} */ resolve) => (wake = resolve));
    }
  } finally {
    stopMessages();
    stopClose();
  }
}
