// A member that nobody here wrote: joins a room with npm's `ws` and sends everything back, until it
// is told "stop". Prints one line when it is in, and one for why it left. CONNECT_TO is the address
// that every name leads to.
import WebSocket from "ws";

const address = process.env.CONNECT_TO;
const lookup = address && ((name, options, found) => found(null, [{ address, family: 4 }]));
const socket = new WebSocket(process.argv[2], { maxPayload: 0, lookup });
socket.on("open", () => console.log("open"));
socket.on("message", (data, isBinary) => {
  if (!isBinary && data.toString() === "stop") socket.close(1000, "done");
  else socket.send(data, { binary: isBinary });
});
socket.on("unexpected-response", (request, answer) => {
  console.log(`refused ${answer.statusCode}`);
  process.exit(1);
});
socket.on("close", (code, reason) => console.log(`close ${code} ${reason}`));
