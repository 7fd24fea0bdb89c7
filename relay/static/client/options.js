/** What a client may be told. */

/**
 * @typedef {import("./types.js").Options} Options
 * @typedef {import("./types.js").Complete} Complete
 */

const KINDS = /** @type {Record<keyof Options, (value: any) => boolean>} */ ({
  room: isText,
  user: isText,
  token: (value) => isText(value) || typeof value === "function",
  echo: (value) => typeof value === "boolean",
  history: isCount,
  lag: (value) => value === "close" || value === "skip",
  queueLimit: isCount,
  protocol: (value) => value === "relay.v1" || value === "raw",
  signal: (value) => value instanceof AbortSignal,
  WebSocket: (value) => typeof value === "function",
});

const QUEUE_LIMIT = 1024 * 1024; // bytes

/** Return them with what was left out, or throw a TypeError. @param {Options} given */
export function complete(given) {
  for (const [name, value] of Object.entries(given)) {
    const fits = Object.hasOwn(KINDS, name) && KINDS[/** @type {keyof Options} */ (name)];
    if (!fits) {
      throw new TypeError(`unknown option ${name}: known are ${Object.keys(KINDS).join(", ")}`);
    }
    if (value !== undefined && !fits(value)) {
      throw new TypeError(`option ${name}: it cannot be ${String(value)}; see docs/client.md`);
    }
  }
  const user = given.user ?? `guest-${Math.floor(Math.random() * 1e6)}`;
  if (/^\.*$/.test(user)) throw new TypeError(`user ${JSON.stringify(user)}: expected a name`);
  const { room = "lobby", queueLimit = QUEUE_LIMIT } = given;
  return /** @type {Complete} */ ({ ...given, room, user, queueLimit });
}

/**
 * @param {string | URL} url the relay's address
 * @returns {URL} with ws or wss
 */
export function addressOf(url) {
  const base = new URL(url, globalThis.location?.href);
  base.protocol = base.protocol.replace("http", "ws");
  if (!/^wss?:$/.test(base.protocol)) {
    throw new TypeError(`${url}: expected an address that begins with http, https, ws or wss`);
  }
  return base;
}

/**
 * Return where to connect, with what the session adds.
 *
 * @param {URL} base
 * @param {Complete} options
 * @param {[string, string][]} session
 * @param {boolean} withHistory
 */
export function urlOf(base, { room, user, echo, history, lag }, session, withHistory) {
  const query = new URLSearchParams({ room });
  if (echo) query.set("echo", "1");
  if (history && withHistory) query.set("history", `${history}`);
  if (lag === "skip") query.set("lag", "skip");
  for (const [name, value] of session) query.set(name, value);
  const path = base.pathname.replace(/\/+$/, "");
  return `${base.origin}${path}/ws/${encodeURIComponent(user)}?${query}`;
}

/** @param {unknown} value */
function isText(value) {
  return typeof value === "string";
}

/** @param {any} value */
function isCount(value) {
  return Number.isInteger(value) && value >= 0;
}
