/** The dashboard: asks `/live` each second, and goes on when the relay does not answer. */

import { find, make } from "../shared/dom.js";
import { duration } from "../shared/release.js";
import { keepToken } from "../shared/token.js";
import { milliseconds } from "../shared/units.js";
import { clock, makeChart } from "./chart.js";
import { watchRooms } from "./rooms.js";
import { Samples } from "./samples.js";
import { MEANINGS, STATUSES, TILES } from "./tiles.js";

const PERIOD = 1000; // ms
const TIMEOUT = 3000; // ms for an answer
const HINT = "Point at a chart, or select it and press the arrow keys, to read its values.";
const STEPS = /** @type {Record<string, number>} */ ({
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -10,
  PageDown: 10,
  Home: -Infinity,
  End: Infinity,
});

const state = find("state", HTMLElement);
const samples = new Samples();
let silent = 0; // since when the relay has not answered, ms; 0 while it does
let shown = 60; // seconds
/** @type {number | null} */
let pointed = null; // Unix time that the charts' cursor is on, seconds
let isByKey = false; // it was put there by a key, and stays

const tiles = TILES.map((tile) => {
  const figure = make("strong", "", "–");
  const unit = make("small", "", tile.unit);
  const level = make("span", "level-word", "");
  const chart = make("div", "chart");
  chart.role = "slider";
  chart.tabIndex = 0;
  chart.ariaLabel = `${tile.title} over time`;
  const section = make("section", "card tile", make("h2", "", tile.title));
  section.append(make("p", "figure", figure, unit, level), chart);
  const keys = tile.series.map(() => make("li", ""));
  if (keys.length > 1) section.append(make("ul", "keys", ...keys));
  tile.series.forEach(({ isLimit }, at) => keys[at].classList.toggle("limit", isLimit === true));
  find("tiles", HTMLElement).append(section);
  chart.addEventListener("keydown", move);
  chart.addEventListener("blur", () => isByKey && point(null, false));
  const drawn = makeChart(chart, tile, () => shown, (index) => {
    if (!isByKey) point(index === null ? null : (samples.rows[index]?.time ?? null), false);
  });
  return { tile, figure, unit, level, keys, section, target: chart, chart: drawn };
});

/** Read the values of this time; null: the latest. @param {number | null} time @param {boolean} byKey */
function point(time, byKey) {
  if (time === pointed && byKey === isByKey) return;
  const wasByKey = isByKey;
  [pointed, isByKey] = [time, byKey];
  if (byKey || wasByKey) for (const { chart } of tiles) chart.show(time);
  showValues();
}

/** @param {KeyboardEvent} event */
function move(event) {
  if (event.key === "Escape") return point(null, false);
  const step = STEPS[event.key];
  if (step === undefined) return undefined;
  event.preventDefault();
  const oldest = (samples.rows.at(-1)?.time ?? 0) - shown;
  const rows = samples.rows.filter((row) => "connections" in row && row.time >= oldest);
  if (!rows.length) return undefined;
  const at = pointed === null ? rows.length - 1 : rows.findIndex(({ time }) => time === pointed);
  const next = Math.min(rows.length - 1, Math.max(0, (at < 0 ? 0 : at) + step));
  return point(rows[next].time, true);
}

async function look() {
  let why = "It does not answer";
  try {
    const answer = await fetch(`/live?since=${samples.taken}`, {
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (!answer.ok) why = `Something else answers, with ${answer.status}`; // a proxy
    const live = /** @type {import("./samples.js").Live} */ (await answer.json());
    silent = 0;
    if (samples.add(live)) show(live);
    else return look();
  } catch {
    silent ||= Date.now();
    samples.gap();
    const seconds = Math.round((Date.now() - silent) / 1000);
    say(
      "waiting",
      "The relay cannot be reached",
      `${why}. These are its last figures; trying again for ${duration(seconds)}.`,
    );
  }
  document.body.classList.toggle("is-stale", silent > 0);
  setTimeout(look, PERIOD);
}

/**
 * @param {string} kind
 * @param {string} heading
 * @param {string} [rest] changes each second, and is not announced
 */
function say(kind, heading, rest = "") {
  if (state.dataset.said !== heading) {
    state.dataset.said = heading;
    state.dataset.state = kind;
    const more = make("span", "quiet");
    more.ariaHidden = "true";
    state.replaceChildren(make("span", "", `${heading}.`, " ", more));
  }
  const more = state.querySelector(".quiet");
  if (more) more.textContent = rest;
}

/** @param {import("./samples.js").Live} live */
function show(live) {
  if (live.status === "draining") say("waiting", "Draining: members are asked to leave");
  else if (live.nats?.up === false)
    say("waiting", "The relay cannot reach NATS", "It refuses new clients, and senders wait.");
  else say("open", "The relay is up");
  const { version, commit } = live;
  find("version", HTMLElement).textContent =
    commit === "unknown" ? version : `${version} (${commit.slice(0, 10)})`;
  find("deployed", HTMLElement).textContent = moment(live.deployed_at);
  find("uptime", HTMLElement).textContent = duration(live.service_uptime_seconds);
  showHandover(live);
  showCounts(find("closed", HTMLTableSectionElement), live.closed, MEANINGS);
  showCounts(find("refused", HTMLTableSectionElement), live.refused, STATUSES);
  if (live.nats) showNats(live.nats);
  draw();
}

/**
 * Show what is known of NATS. Who has none loads nothing for it.
 *
 * @param {import("./samples.js").Nats} nats
 */
async function showNats(nats) {
  const page = await import("./nats.js");
  page.showNats(nats);
}

function draw() {
  const { rows } = samples;
  const times = rows.map(({ time }) => time);
  for (const { tile, chart } of tiles) {
    const columns = tile.series.map(({ of }) =>
      rows.map((row) => ("connections" in row ? of(row) : null)),
    );
    chart.draw([times, ...columns]);
    if (isByKey) chart.show(pointed);
  }
  showValues();
}

/** Write the figures: of the time that is pointed at, or of now. */
function showValues() {
  const found = pointed === null ? null : samples.rows.find(({ time }) => time === pointed);
  const isRow = found && "connections" in found;
  const row = isRow ? /** @type {import("./samples.js").Row} */ (found) : samples.latest;
  const time = row && clock(row.time, true);
  find("readout", HTMLElement).textContent = !isRow || !time ? HINT : `Values at ${time}.`;
  for (const { tile, figure, unit, level, keys, section, target } of tiles) {
    const value = row && tile.series[0].of(row);
    figure.textContent = value === null ? "–" : tile.format(value);
    const bad = (row && tile.level?.(row)) || "";
    section.dataset.level = bad;
    level.textContent = bad;
    unit.textContent = tile.unit;
    tile.series.forEach(({ label, of }, at) => {
      keys[at].textContent = `${label} ${tile.format((row && of(row)) ?? 0)}`;
    });
    target.ariaValueMin = "0";
    target.ariaValueMax = `${Math.max(0, samples.rows.length - 1)}`;
    target.ariaValueNow = `${found ? samples.rows.indexOf(found) : samples.rows.length - 1}`;
    target.ariaValueText = `${figure.textContent} ${tile.unit} ${bad} at ${time}`;
  }
}

/** @param {import("./samples.js").Live} live */
function showHandover({ handover, uptime_seconds }) {
  find("handover-item", HTMLElement).hidden = handover === null;
  if (handover === null) return;
  const { connections, frozen_seconds, from_commit } = handover;
  const members = `${connections.toLocaleString("en")} ${connections === 1 ? "member" : "members"}`;
  const from = from_commit === "unknown" ? "" : ` from ${from_commit.slice(0, 10)}`;
  find("handover", HTMLElement).textContent =
    `${members}${from} ${duration(uptime_seconds)} ago, frozen for ${milliseconds(frozen_seconds * 1000)} ms`;
}

/**
 * @param {HTMLTableSectionElement} body
 * @param {Record<string, number>} counts
 * @param {Record<string, string>} meanings
 */
function showCounts(body, counts, meanings) {
  const sorted = Object.entries(counts).sort(([, one], [, other]) => other - one);
  const rows = sorted.map(([name, count]) =>
    make(
      "tr",
      "",
      make("td", "", make("code", "", name)),
      make("td", "quiet", meanings[name] ?? ""),
      make("td", "number", count.toLocaleString("en")),
    ),
  );
  if (!rows.length) {
    const none = make("td", "quiet", "None so far.");
    none.colSpan = 3;
    rows.push(make("tr", "", none));
  }
  body.replaceChildren(...rows);
}

/** @param {string} text a time as the deploy wrote it, or "unknown" */
function moment(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime())
    ? text
    : time.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

find("windows", HTMLFieldSetElement).addEventListener("change", ({ target }) => {
  shown = Number(/** @type {HTMLInputElement} */ (target).value);
  draw();
});
const token = find("token", HTMLInputElement);
keepToken(token, find("show", HTMLButtonElement));
watchRooms(token);
look();
