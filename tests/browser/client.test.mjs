/** relay-client.js in Node, against real relays: connecting, states, refusals. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { WebSocket as WsWebSocket } from "ws";
import { QueueFull, backoff } from "../../relay/static/relay-client.js";
import { SECRET, client, inTime, isState, opened, relay, sign, start } from "./people.mjs";
import { Relay, next } from "./relay.mjs";

test("text, binary and blobs reach everybody else, as what they are and in order", async () => {
  const alice = await opened({ room: "types", user: "alice" });
  const bob = await opened({ room: "types", user: "bob" });
  alice.send("grüß dich");
  alice.send(new Uint8Array([1, 2, 3]).buffer);
  alice.send(new Uint8Array([0, 4, 5, 0]).subarray(1, 3));
  alice.send(new Blob(["blob"]));
  const received = [];
  for await (const { data } of bob) {
    received.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
    if (received.length === 4) break;
  }
  assert.deepEqual(received, ["grüß dich", [1, 2, 3], [4, 5], [98, 108, 111, 98]]);
});

test("names of any script and with spaces arrive as they are", async () => {
  const one = await opened({ room: "Küche & Flur", user: "Zoë + 李" });
  const { users } = await (await fetch(`${relay.url}/rooms/K%C3%BCche%20%26%20Flur`)).json();
  assert.deepEqual(users, ["Zoë + 李"]);
  assert.equal(one.reason, "in room Küche & Flur as Zoë + 李");
});

test("echo returns what was sent", async () => {
  const alice = await opened({ room: "echo", user: "alice", echo: true });
  const echoed = next(alice, "message");
  alice.send("hello?");
  const { data, from, at } = await echoed;
  assert.deepEqual([data, from], ["hello?", "alice"]);
  assert.ok(Math.abs(at - Date.now()) < 3_600_000, `${at} is a time of now`);
});

test("each state says why, in words", async () => {
  const states = [];
  const alice = client({ room: "words", user: "alice" });
  alice.on("state", ({ state, reason }) => states.push([state, reason]));
  await next(alice, "open");
  alice.close();
  assert.deepEqual(states, [
    ["connecting", `connecting to ${new URL(relay.url).host}`],
    ["open", "in room words as alice"],
    ["closed", "closed by this client"],
  ]);
});

test("after a restart it comes back by itself and sends what waited", async () => {
  const restarting = await start();
  const alice = await opened({ user: "alice", echo: true }, restarting.url);
  const bob = await opened({ user: "bob" }, restarting.url);
  const away = [next(alice, "state"), next(bob, "state")];
  await restarting.down();
  for (const { state, reason, retryIn } of await Promise.all(away)) {
    assert.equal(state, "waiting");
    assert.equal(reason, "relay is restarting");
    assert.ok(retryIn >= 0 && retryIn <= 500, `${retryIn} ms`);
  }
  const buffer = new Uint8Array([1, 2]).buffer;
  alice.send(buffer);
  assert.equal(alice.queued, 66); // 64 more than it has
  new Uint8Array(buffer).fill(9); // the caller may use it again at once
  const back = [next(alice, "message"), next(bob, "open")];
  await restarting.up();
  const [{ data }] = await Promise.all(back);
  assert.deepEqual([...new Uint8Array(data)], [1, 2]);
});

test("history comes with the first connection and is not repeated by the next", async () => {
  const restarting = await start();
  for (const text of ["one", "two", "three"]) {
    await fetch(`${restarting.url}/rooms/lobby/messages`, {
      method: "POST",
      headers: { "Content-Type": "text/plain" },
      body: text,
    });
  }
  const alice = client({ user: "alice", history: 2 }, restarting.url);
  const received = [];
  alice.on("message", ({ data }) => received.push(data));
  await next(alice, "message", ({ data }) => data === "three");
  const back = next(alice, "open"); // it may be there before this test goes on
  await restarting.down();
  await restarting.up();
  await back;
  await fetch(`${restarting.url}/rooms/lobby/messages`, {
    method: "POST",
    headers: { "Content-Type": "text/plain" },
    body: "four",
  });
  await next(alice, "message", ({ data }) => data === "four");
  assert.deepEqual(received, ["two", "three", "four"]);
});

test("delays are fully jittered, from 0.5 s up to 30 s", () => {
  const longest = (away) => [0, 1, 2, 3, 4, 60, 2000].map((many) => backoff(many, away, () => 1));
  assert.deepEqual(longest(0), [500, 1000, 2000, 4000, 5000, 5000, 5000]); // in the first minute
  assert.deepEqual(longest(60_000), [500, 1000, 2000, 4000, 8000, 30_000, 30_000]);
  assert.equal(
    backoff(5, 0, () => 0),
    0,
  );
  const drawn = Array.from({ length: 2000 }, () => backoff(1, 0));
  assert.ok(Math.min(...drawn) < 100 && Math.max(...drawn) > 900, "spread over the whole range");
});

test("an address that does not answer is tried again, after growing delays", async () => {
  const gone = await Relay.start();
  await gone.down();
  const alice = client({ user: "alice" }, gone.url);
  for (const longest of [500, 1000]) {
    const { reason, retryIn } = await next(alice, "state", isState("waiting"));
    assert.equal(reason, `${new URL(gone.url).host} does not answer`);
    assert.ok(retryIn <= longest, `${retryIn} ms`);
  }
  alice.close();
});

test("a name in use is refused for good, with the relay's own words", async () => {
  await opened({ room: "names", user: "alice" });
  const other = client({ room: "names", user: "alice" });
  assert.deepEqual(await next(other, "close"), {
    code: null,
    reason: "name 'alice' is in use in room 'names'",
  });
});

test("names that break the rules end the client with the rule", async () => {
  const { reason } = await next(client({ user: "a/b" }), "close");
  assert.equal(reason, "user name contains '/'; / \\ ? # are not allowed");
  assert.throws(() => client({ user: ".." }), /user "..": expected a name/);
});

test("a full relay is tried again, not before the time it asks for", async () => {
  const small = await start({ MAX_CONNECTIONS: "1" });
  await opened({ user: "alice" }, small.url);
  const bob = client({ user: "bob" }, small.url);
  const { reason, retryIn } = await next(bob, "state", isState("waiting"));
  assert.equal(reason, "relay has 1 connections, its limit");
  assert.ok(retryIn >= 5000 && retryIn <= 5500, `${retryIn} ms`);
});

test("a stranger's answer neither hurries nor holds up a client", async (context) => {
  let status = 503;
  let asked = 0;
  const server = createServer((request, answer) => {
    asked++;
    answer.writeHead(status, { "Retry-After": `${30 * 86_400}` });
    answer.end(JSON.stringify({ error: "x".repeat(1_000_000) }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}`;
  const patient = client({ user: "alice" }, url);
  const { retryIn } = await next(patient, "state", isState("waiting"));
  assert.ok(retryIn > 20 * 86_400_000, `${retryIn} ms`);
  const before = asked;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(asked, before); // a timer cannot wait for so long, and would not wait at all
  status = 400;
  const refused = client({ user: "bob" }, url);
  const { reason } = await next(refused, "close");
  assert.equal(reason.length, 1_000_000);
});

test("tokens admit, and terminal close codes end the client", async () => {
  const guarded = await start({ JWT_SECRET: SECRET });
  const refused = await next(client({ user: "alice" }, guarded.url), "close");
  assert.deepEqual(refused, { code: null, reason: "token required" });
  const wrong = client({ user: "eve", token: guarded.token("alice", "lobby") }, guarded.url);
  assert.equal((await next(wrong, "close")).reason, "token is for user 'alice', not 'eve'");

  const token = guarded.token("alice", "lobby");
  const alice = await opened({ user: "alice", token }, guarded.url);
  const taken = next(alice, "close");
  await opened({ user: "alice", token }, guarded.url);
  assert.deepEqual(await taken, { code: 4000, reason: "alice connected again from elsewhere" });

  // Signed here: the relay's own command takes a second or more to end on a busy machine.
  await inTime(3, async (seconds) => {
    const short = sign({ sub: "bob", room: "lobby" }, seconds);
    const { code, reason } = await next(client({ user: "bob", token: short }, guarded.url), "close");
    assert.equal(reason, "token expired");
    return code === 4401; // null: before it was open
  });
});

test("a fresh token is given before the old one expires, and the connection stays", async () => {
  const guarded = await start({ JWT_SECRET: SECRET });
  await inTime(8, async (seconds) => {
    let asked = 0;
    const token = async () => {
      if (++asked === 2) throw new Error("the login server is away"); // it is asked again
      return sign({ sub: "alice", room: "lobby" }, asked === 1 ? seconds : 600);
    };
    const states = [];
    let last = Date.now();
    let longest = 0; // that everything stood still, ms
    const end = last + 1000 * (seconds + 2); // the first has expired by then
    const alice = client({ user: "alice", token, echo: true }, guarded.url);
    alice.on("state", ({ state }) => states.push(state));
    await alice.opened;
    while (last < end) {
      await alice.send("still here");
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = Date.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    alice.close();
    if (longest > (1000 * seconds) / 8) return false;
    assert.deepEqual(states, ["connecting", "open", "closed"]);
    assert.equal(asked, 3);
    return true;
  });
});

test("a message that the relay does not take ends the client and says the limit", async () => {
  const small = await start({ MAX_MESSAGE_SIZE: "100" });
  const alice = await opened({ user: "alice" }, small.url);
  const closed = next(alice, "close");
  alice.send("x".repeat(101));
  assert.deepEqual(await closed, {
    code: 1009,
    reason: "message of 101 bytes exceeds limit of 100",
  });
  assert.throws(() => alice.send("again"), /not sent, the client is closed: message of 101 bytes/);
});

test("a full queue refuses a message and says how full it is", () => {
  const alice = client({ user: "alice", queueLimit: 150 });
  alice.send("ä234567"); // 8 bytes, and 64 for each message; there is no connection yet
  assert.equal(alice.queued, 72);
  assert.throws(
    () => alice.send("x".repeat(15)),
    (error) =>
      error instanceof QueueFull &&
      error.message === "message of 15 bytes was not taken: 72 bytes wait, and the limit is 150",
  );
  alice.send("x".repeat(14));
  assert.equal(alice.queued, 150);
  alice.close();
  assert.equal(alice.reason, "closed by this client; messages that were never sent: 2");
});

test("empty messages are bounded too", () => {
  const alice = client({ user: "alice", queueLimit: 6400 });
  for (let number = 0; number < 100; number++) alice.send("");
  assert.throws(
    () => alice.send(new ArrayBuffer(0)),
    /^QueueFull: message of 0 bytes was not taken: 6400 bytes wait, and the limit is 6400$/,
  );
  alice.close();
});

test("addresses that are no relay's are refused with what is expected", async () => {
  assert.throws(
    () => client({}, "ftp://x"),
    /expected an address that begins with http, https, ws/,
  );
  const { reason } = await next(client({ user: "a" }, `${relay.url}/elsewhere`), "close");
  assert.equal(reason, "not found");
});

test("closing ends a for-await loop", async () => {
  const alice = await opened({ user: "loop" });
  const looping = (async () => {
    for await (const message of alice) assert.fail(`${message}`);
  })();
  alice.close();
  await looping;
});

test("a loop that falls too far behind ends with an error, not in a full memory", async () => {
  const slow = await opened({ room: "slow", user: "slow" });
  const fast = await opened({ room: "slow", user: "fast", queueLimit: 2e6 });
  const loop = slow[Symbol.asyncIterator]();
  const first = loop.next();
  const last = next(slow, "message", ({ data }) => data === "10001");
  for (let number = 0; number <= 10_001; number++) fast.send(`${number}`);
  await last;
  // Whether the loop got its first message before all the others came is up to the machine.
  await assert.rejects(
    first.then(() => loop.next()),
    /loop is 1000[12] messages behind, the limit is 10000/,
  );
});

test("the WebSocket of the package ws does as well", async () => {
  const alice = await opened({ room: "ws", user: "alice" });
  const bob = await opened({ room: "ws", user: "bob", WebSocket: WsWebSocket });
  const heard = next(alice, "message");
  bob.send("from ws");
  assert.equal((await heard).data, "from ws");
  const binary = next(bob, "message");
  alice.send(new ArrayBuffer(3));
  assert.equal((await binary).data.byteLength, 3);
});
