// The room on the landing page: the raw protocol, with nothing but the browser's WebSocket.

const element = (id) => document.getElementById(id);
const base = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`;
let socket = null;

element("user").value = `guest-${Math.floor(Math.random() * 10000)}`;
element("address").textContent = `${base}NAME?room=lobby`;

function say(state) {
  element("state").textContent = state;
  const open = socket !== null && socket.readyState === WebSocket.OPEN;
  element("text").disabled = element("submit").disabled = !open;
}

function show(text, own) {
  const line = document.createElement("li");
  line.textContent = text;
  line.className = own ? "own" : "";
  element("messages").append(line);
  line.scrollIntoView({ block: "nearest" });
}

// A browser cannot see why an upgrade was refused; a plain GET gets the same answer.
async function refusal(url) {
  const answer = await fetch(url.replace(/^ws/, "http"));
  return answer.status === 426 ? "connection lost" : (await answer.json()).error;
}

element("join").addEventListener("submit", (event) => {
  event.preventDefault();
  socket?.close();
  const room = element("room").value;
  const url = `${base}${encodeURIComponent(element("user").value)}?room=${encodeURIComponent(room)}`;
  const mine = (socket = new WebSocket(url));
  mine.binaryType = "arraybuffer";
  say("Connecting…");
  let opened = false;
  mine.onopen = () => {
    opened = true;
    say(`In room ${room}.`);
    element("text").focus();
  };
  mine.onmessage = ({ data }) =>
    show(typeof data === "string" ? data : `${data.byteLength} bytes of binary`, false);
  mine.onclose = async ({ code, reason }) => {
    const why = opened ? reason || `code ${code}` : await refusal(url).catch(() => "relay not reachable");
    if (socket === mine) say(`Not connected: ${why}.`);
  };
});

element("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("text").value;
  if (text) {
    socket.send(text);
    show(text, true);
    element("text").value = "";
  }
});
