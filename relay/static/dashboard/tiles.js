/** What the dashboard shows: one tile each, a figure over its chart. */

import { milliseconds, number, percent, size } from "../shared/units.js";

/**
 * @typedef {import("./samples.js").Row} Row
 * @typedef {"" | "high" | "too high"} Level
 *
 * @typedef {object} Series
 * @property {string} label
 * @property {(row: Row) => number | null} of
 * @property {boolean} [isLimit] a line that the figure should stay below
 *
 * @typedef {object} Tile
 * @property {string} title
 * @property {string} unit behind the figure
 * @property {(value: number) => string} format
 * @property {Series[]} series the first is the figure
 * @property {(row: Row) => Level} [level] how bad it is
 */

/**
 * @param {number | null} value
 * @param {number} high
 * @param {number} tooHigh
 * @returns {Level}
 */
function rate(value, high, tooHigh) {
  if (value === null || value < high) return "";
  return value < tooHigh ? "high" : "too high";
}

/** @type {Tile[]} */
export const TILES = [
  {
    title: "Deliveries",
    unit: "per second",
    format: number,
    series: [{ label: "to members", of: (row) => row.deliveries }],
  },
  {
    title: "Messages in",
    unit: "per second",
    format: number,
    series: [{ label: "from senders", of: (row) => row.messages }],
  },
  {
    title: "Bytes",
    unit: "per second out",
    format: size,
    series: [
      { label: "out", of: (row) => row.deliveredBytes },
      { label: "in", of: (row) => row.bytes },
    ],
  },
  {
    title: "Connections",
    unit: "",
    format: number,
    series: [
      { label: "connections", of: (row) => row.connections },
      { label: "rooms", of: (row) => row.rooms },
    ],
  },
  {
    title: "Refused requests",
    unit: "per second",
    format: number,
    series: [{ label: "refused", of: (row) => row.refused }],
  },
  {
    title: "Deliveries per batch",
    unit: "",
    format: number,
    series: [{ label: "per batch", of: (row) => row.perBatch }],
  },
  {
    title: "Event-loop delay",
    unit: "ms",
    format: milliseconds,
    series: [{ label: "ms late", of: (row) => row.delay }],
    level: (row) => rate(row.delay, 50, 250),
  },
  {
    title: "CPU",
    unit: "of one core",
    format: percent,
    series: [
      { label: "used", of: (row) => row.cpu },
      { label: "limit", of: () => 100, isLimit: true },
    ],
    level: (row) => rate(row.cpu, 75, 95),
  },
  {
    title: "Memory",
    unit: "",
    format: size,
    series: [
      { label: "used", of: (row) => row.memory },
      { label: "limit", of: (row) => row.memoryLimit, isLimit: true },
    ],
    level: (row) =>
      rate(row.memory && row.memoryLimit && (100 * row.memory) / row.memoryLimit, 60, 80),
  },
];

/** What the names in `closed` mean (relay/wire/closing.py). @type {Record<string, string>} */
export const MEANINGS = {
  left: "the client said goodbye",
  lost: "the stream ended without a close frame",
  cut_off: "it was closed, and did not read its backlog in time",
  restarting: "the relay was restarting",
  broken_frame: "a frame broke the WebSocket protocol",
  invalid_text: "a text message was not UTF-8",
  bad_option: "an option was not allowed",
  bad_note: "a note was not allowed",
  bad_skip: "skip was larger than what follows the cursor",
  too_early: "a message came before the welcome",
  bad_token: "a fresh token was not valid",
  not_allowed: "the token does not allow to publish",
  too_big: "a message was above MAX_MESSAGE_SIZE",
  failed: "the relay failed",
  overloaded: "the relay was out of memory, and this client held most of it",
  taken_over: "the same user connected again",
  too_slow: "the backlog was above WRITE_BUFFER_SIZE",
  stuck: "the backlog had not shrunk for 5 s",
  unfinished: "a message was begun and did not continue",
  no_pong: "nothing was heard for 1.5 times PING_INTERVAL",
  token_expired: "the token had expired",
  revoked: "the token was revoked",
  disconnected: "an administrator disconnected it",
  log_away: "the relay could not reach the log of its rooms",
  name_in_use: "the same user had come first, at another relay",
};

/** What the statuses mean (docs/protocol.md). @type {Record<string, string>} */
export const STATUSES = {
  400: "a name, an option or the request is not allowed",
  401: "no token, or one that is not valid",
  403: "the token or the origin does not allow this",
  404: "no such page or file",
  405: "the method is not allowed here",
  408: "a body did not arrive in time",
  409: "the name is in use in this room",
  413: "a message was above MAX_MESSAGE_SIZE",
  415: "the content type or encoding is not supported",
  417: "only Expect: 100-continue is known",
  426: "this was no WebSocket handshake",
  429: "too many connections from one address",
  431: "the URL or a header was too long",
  500: "the relay failed",
  503: "the relay was draining, full, or short of memory",
  507: "too many revocations are remembered",
};
