/** Relays and clients of a test file: all of them are ended in the end. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after } from "node:test";
import { RelayClient } from "../../relay/static/relay-client.js";
import { Relay, next } from "./relay.mjs";

export const SECRET = "0123456789abcdef0123456789abcdef";

const started = [];
const clients = [];

after(async () => {
  for (const client of clients) client.close();
  await Promise.all(started.map((each) => each.down()));
});

export async function start(settings) {
  const another = await Relay.start(settings);
  started.push(another);
  return another;
}

/** The relay with default settings that the tests of this file share: use rooms of your own. */
export const relay = await start();

export function client(options, url = relay.url) {
  const made = new RelayClient(url, options);
  clients.push(made);
  return made;
}

export async function opened(options, url) {
  const made = client(options, url);
  await next(made, "open");
  return made;
}

/** Return a token (RFC 7519, HS256) that expires in so many seconds. */
export function sign(claims, seconds) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, exp })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

/**
 * Try with a token of so many seconds, and of twice as many where the machine was too slow for it.
 *
 * @param {number} seconds
 * @param {(seconds: number) => Promise<boolean>} attempt whether it was fast enough
 */
export async function inTime(seconds, attempt) {
  while (!(await attempt(seconds))) {
    seconds *= 2;
    assert.ok(seconds < 100, `${seconds / 2} s were not enough`);
  }
}

export const isState =
  (wanted) =>
  ({ state }) =>
    state === wanted;
