/** What the dashboard shows of NATS, where several relays share their rooms through it. */

import { find, make } from "../shared/dom.js";
import { milliseconds } from "../shared/units.js";

const figures = make("dl", "figures");
const relays = make("tbody", "");
const title = make("h2", "", "NATS");
title.id = "nats-title";
const note = make("p", "quiet small", "Several relays share these rooms through NATS.");
const section = make("section", "part card pad", make("div", "row spread", title), note, figures);
section.setAttribute("aria-labelledby", title.id);
const head = [make("th", "", "Relay"), make("th", "number", "Connections")];
for (const cell of head) cell.scope = "col";
section.append(make("table", "", make("thead", "", make("tr", "", ...head)), relays));

/** @param {import("./samples.js").Nats} nats */
export function showNats({ up, latency, unacknowledged, relays: counts }) {
  if (!section.isConnected) find("tiles", HTMLElement).after(section);
  figures.replaceChildren(
    figure("Connection", up ? "up" : "away", up ? "" : "bad"),
    figure("Log latency, p50", `${milliseconds(1000 * latency.p50)} ms`),
    figure("Log latency, p99", `${milliseconds(1000 * latency.p99)} ms`),
    figure("Batches in flight", unacknowledged.toLocaleString("en")),
  );
  const rows = Object.entries(counts).map(([name, count], at) => {
    const which = at ? [] : [make("span", "quiet", " this one")];
    const relay = make("td", "", make("code", "", name), ...which);
    return make("tr", "", relay, make("td", "number", count.toLocaleString("en")));
  });
  relays.replaceChildren(...rows);
}

/** @param {string} term @param {string} value @param {string} [kind] */
function figure(term, value, kind = "") {
  return make("div", "", make("dt", "", term), make("dd", kind, value));
}
