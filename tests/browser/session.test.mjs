/** relay-client.js in Node, against real relays: what relay.v1 promises, and what is refused. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { Undelivered } from "../../relay/static/relay-client.js";
import { SECRET, client, inTime, isState, opened, sign, start } from "./people.mjs";
import { next } from "./relay.mjs";

test("text that begins with U+0000 is a message like any other", async () => {
  const alice = await opened({ room: "zero", user: "alice" });
  const bob = await opened({ room: "zero", user: "bob" });
  const heard = next(bob, "message");
  await alice.send('\0{"type":"leave","user":"bob"}');
  assert.equal((await heard).data, '\0{"type":"leave","user":"bob"}');
  assert.deepEqual(bob.members, ["alice", "bob"]);
});

test("what cannot be sent is refused with what can", () => {
  const alice = client({ user: "alice" });
  const expected = "expected a string, an ArrayBuffer, a view of one (such as Uint8Array), or a Blob";
  for (const [value, kind] of [
    [{ a: 1 }, "Object"],
    [[1], "Array"],
    [7, "number"],
    [null, "null"],
    [undefined, "undefined"],
    [new Date(), "Date"],
  ]) {
    assert.throws(() => alice.send(value), new TypeError(`cannot send ${kind}: ${expected}`));
  }
  assert.equal(alice.queued, 0);
});

test("unknown options and events are refused with the known ones", () => {
  assert.throws(() => client({ rom: "x" }), /^TypeError: unknown option rom: known are room, user,/);
  assert.throws(() => client({ history: "many" }), /^TypeError: option history: it cannot be many/);
  assert.throws(
    () => client({}).on("mesage", () => {}),
    /^TypeError: unknown event "mesage": known are open, message, join, leave, members, gap, state/,
  );
  assert.throws(() => client({}).on("message"), /^TypeError: listener of message/);
});

test("send is resolved when the relay holds the message", async () => {
  const alice = await opened({ room: "held", user: "alice" });
  const sent = alice.send("for later");
  assert.equal(alice.queued, 73); // 64 more than it has
  await sent;
  assert.equal(alice.queued, 0);
  const bob = client({ room: "held", user: "bob", history: 1 });
  assert.equal((await next(bob, "message")).data, "for later");
});

test("who comes and who goes is told, and who is here", async () => {
  const short = await start({ LEAVE_GRACE: "100ms" });
  const alice = await opened({ user: "alice" }, short.url);
  assert.deepEqual([alice.members, alice.count], [["alice"], 1]);
  const joined = next(alice, "join");
  const bob = await opened({ user: "bob" }, short.url);
  assert.deepEqual(await joined, { user: "bob" });
  assert.deepEqual(alice.members, ["alice", "bob"]);
  const left = next(alice, "leave");
  bob.close();
  assert.deepEqual(await left, { user: "bob" });
  assert.deepEqual([alice.members, alice.count], [["alice"], 1]);
});

test("a crash is told as a gap, and what was not acknowledged as unknown", async () => {
  const crashing = await start();
  const alice = await opened({ user: "alice" }, crashing.url);
  await alice.send("held");
  crashing.process.kill("SIGSTOP");
  const lost = alice.send("in the air"); // to a relay that does not read it any more
  crashing.process.kill("SIGKILL");
  await crashing.ended;
  const gap = next(alice, "gap");
  await crashing.up();
  assert.deepEqual(await gap, { missed: null });
  await assert.rejects(
    lost,
    (error) =>
      error instanceof Undelivered &&
      error.fate === "unknown" &&
      /^nobody knows whether it arrived: the relay no longer knows/.test(error.message),
  );
  await alice.send("counts on");
});

test("closing waits for what was sent, and says what was not", async () => {
  const alice = await opened({ room: "bye", user: "alice" });
  const sent = alice.send("last words");
  alice.close();
  await sent;
  const bob = client({ room: "bye", user: "bob" });
  const unsent = bob.send("too early");
  bob.close();
  await assert.rejects(unsent, (error) => error.fate === "unsent");
});

test("a token is asked for anew before each connection, and after it expired", async () => {
  const guarded = await start({ JWT_SECRET: SECRET });
  await inTime(4, async (seconds) => {
    const old = sign({ sub: "alice", room: "lobby" }, seconds);
    let isOver = false;
    // This server has no fresh one before the old one has expired.
    const token = async () => (isOver ? sign({ sub: "alice", room: "lobby" }, 600) : old);
    const alice = client({ user: "alice", token, echo: true }, guarded.url);
    const waiting = next(alice, "state", isState("waiting"));
    const over = next(alice, "close");
    alice.on("state", ({ state }) => (isOver ||= state === "waiting"));
    const first = await Promise.race([waiting, over]);
    assert.equal(first.reason, "token expired");
    if (!isOver) return false; // it was not even open
    await alice.opened;
    await alice.send("again");
    return true;
  });
  const broken = () => Promise.reject(new Error("no login"));
  const bob = client({ user: "bob", token: broken }, guarded.url);
  assert.equal((await next(bob, "state", isState("waiting"))).reason, "no token: no login");
});

test("reconnect connects at once and keeps the session", async () => {
  const alice = await opened({ room: "again", user: "alice" });
  const bob = await opened({ room: "again", user: "bob" });
  const received = [];
  bob.on("message", ({ data }) => received.push(data));
  const last = next(bob, "message", ({ data }) => data === "4");
  for (const text of ["1", "2", "3", "4"]) {
    alice.send(text);
    alice.reconnect();
    bob.reconnect();
    await Promise.all([alice.opened, bob.opened]);
  }
  await last;
  assert.deepEqual(received, ["1", "2", "3", "4"]);
});

test("once hears one event, and a signal stops listeners and clients", async () => {
  const stop = new AbortController();
  const alice = client({ room: "signal", user: "alice", signal: stop.signal, echo: true });
  const heard = { once: 0, on: 0 };
  alice.once("message", () => heard.once++);
  const listening = new AbortController();
  alice.on("message", () => heard.on++, { signal: listening.signal });
  const said = async (text) => {
    const echo = next(alice, "message", ({ data }) => data === text);
    await alice.send(text);
    await echo;
  };
  await said("1");
  await said("2");
  listening.abort();
  await said("3");
  assert.deepEqual(heard, { once: 1, on: 2 });
  const closed = next(alice, "close");
  stop.abort();
  assert.equal((await closed).reason, "aborted by its signal");
  await assert.rejects(alice.opened, /aborted by its signal/);
  assert.throws(() => alice.reconnect(), /the client is closed: aborted by its signal/);
});

test("raw mode speaks to any server, and is resolved when the network has it", async () => {
  const alice = await opened({ room: "raw", user: "alice", protocol: "raw" });
  const bob = await opened({ room: "raw", user: "bob" });
  const heard = next(bob, "message");
  await alice.send("raw");
  assert.equal((await heard).from, "alice");
  const answered = next(alice, "message");
  bob.send("\0");
  assert.deepEqual(await answered, { data: "\0", from: null, at: null });
  assert.equal(alice.members, null);
});

test("a server that is no relay is told so", async () => {
  const server = new WebSocketServer({ port: 0, handleProtocols: () => "relay.v1" });
  server.on("connection", (socket) => socket.send("hello"));
  const { port } = server.address();
  const { reason } = await next(client({ user: "a" }, `http://127.0.0.1:${port}`), "close");
  assert.equal(reason, `127.0.0.1:${port} does not speak relay.v1`);
  server.close();
});
