/** A member that sends each line of its input (a string in JSON), and prints what it is told. */

import { createInterface } from "node:readline";
import { RelayClient } from "../../relay/static/relay-client.js";

const [url, user, room] = process.argv.slice(2);
const relay = new RelayClient(url, { room, user });
const tell = (/** @type {object} */ event) => console.log(JSON.stringify(event));

relay.on("state", ({ state }) => tell({ type: "state", state }));
relay.on("message", ({ data, from }) => {
  const held =
    typeof data === "string" ? { text: data } : { base64: Buffer.from(data).toString("base64") };
  tell({ type: "message", ...held, from });
});
for (const type of /** @type {const} */ (["join", "leave", "members", "gap"])) {
  relay.on(type, (event) => tell({ type, ...event }));
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const text = JSON.parse(line);
  relay.send(text).then(
    () => tell({ type: "acknowledged", text }),
    (error) => tell({ type: error.fate, text }),
  );
});
lines.on("close", () => {
  if (relay.state !== "closed") relay.close();
});
