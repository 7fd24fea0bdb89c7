import WebSocket from "ws";

const url = "ws://localhost:8080/ws/node?room=lobby";
const relay = new WebSocket(url);
relay.on("open", () => relay.send("hello from Node"));
relay.on("message", (data) => console.log(`${data}`));
relay.on("close", (code, why) => console.log(code, `${why}`));
