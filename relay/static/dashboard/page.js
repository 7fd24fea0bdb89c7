/** The dashboard: asks `/live` each second, and goes on when the relay does not answer. */

import { find, make } from "../shared/dom.js";
import { duration } from "../shared/release.js";
import { makeChart } from "./chart.js";
import { Samples } from "./samples.js";
import { MEANINGS, TILES } from "./tiles.js";
import { milliseconds } from "./units.js";

const PERIOD = 1000; // ms
const TIMEOUT = 3000; // ms for an answer
const SPOKEN = 15; // samples between two descriptions of a chart, for who cannot see it

const state = find("state", HTMLElement);
const samples = new Samples();
let described = -SPOKEN; // sample at which the charts were described last
let silent = 0; // since when the relay has not answered, ms; 0 while it does

const tiles = TILES.map((tile) => {
  const figure = make("strong", "", "–");
  const chart = make("div", "chart");
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", `${tile.title}, last ten minutes`);
  const section = make("section", "card tile", make("h2", "", tile.title));
  section.append(make("p", "figure", figure, make("small", "", tile.unit)), chart);
  const keys = tile.series.map(() => make("li", ""));
  if (keys.length > 1) section.append(make("ul", "keys", ...keys));
  find("tiles", HTMLElement).append(section);
  return { tile, figure, keys, target: chart, chart: makeChart(chart, tile) };
});

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
      "The relay is away",
      `${why}. These are its last figures; still asking, for ${duration(seconds)}.`,
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
  else say("open", "The relay is up");
  const { version, commit } = live;
  find("version", HTMLElement).textContent =
    commit === "unknown" ? version : `${version} (${commit.slice(0, 10)})`;
  find("deployed", HTMLElement).textContent = moment(live.deployed_at);
  find("uptime", HTMLElement).textContent = duration(live.service_uptime_seconds);
  showHandover(live);
  showClosed(live.closed);
  const { latest, rows } = samples;
  const speak = Math.abs(live.taken - described) >= SPOKEN;
  if (speak) described = live.taken;
  const times = rows.map(({ time }) => time);
  for (const { tile, figure, keys, target, chart } of tiles) {
    const columns = tile.series.map(({ of }) =>
      rows.map((row) => ("connections" in row ? of(row) : null)),
    );
    chart.draw([times, ...columns]);
    const now = latest && tile.series[0].of(latest);
    figure.textContent = now === null ? "–" : tile.format(now);
    tile.series.forEach(({ label, of }, at) => {
      keys[at].textContent = `${label} ${tile.format((latest && of(latest)) ?? 0)}`;
    });
    if (speak) {
      const highest = tile.format(Math.max(0, ...columns[0].map((value) => value ?? 0)));
      const said = `now ${figure.textContent}, at most ${highest} ${tile.unit}`.trim();
      target.setAttribute("aria-label", `${tile.title}, last ten minutes: ${said}`);
    }
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

/** @param {Record<string, number>} closed */
function showClosed(closed) {
  const reasons = Object.entries(closed).sort(([, one], [, other]) => other - one);
  const rows = reasons.map(([reason, count]) => {
    const cell = make("td", "number", count.toLocaleString("en"));
    return make(
      "tr",
      "",
      make("td", "", make("code", "", reason)),
      make("td", "quiet", MEANINGS[reason] ?? ""),
      cell,
    );
  });
  if (!rows.length) {
    const none = make("td", "quiet", "None so far.");
    none.colSpan = 3;
    rows.push(make("tr", "", none));
  }
  find("closed", HTMLTableSectionElement).replaceChildren(...rows);
}

/** @param {string} text a time as the deploy wrote it, or "unknown" */
function moment(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime())
    ? text
    : time.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

look();
