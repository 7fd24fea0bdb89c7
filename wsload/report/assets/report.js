// One result as a page.
"use strict";

{
  const result = window.RESULT;
  const { metrics, settings } = result;
  const page = document.getElementById("report");

  const rooms = `${full(settings.rooms)} room${settings.rooms > 1 ? "s" : ""}`;
  const [kind, word] = verdict(result);
  const relay = [result.relay.version, result.relay.commit?.slice(0, 10)].filter((fact) => fact && fact !== "unknown");
  page.append(
    element("header", {},
      element("h1", {}, result.scenarios.join(" + ")),
      element("span", { className: `badge ${kind}` }, word),
      element("p", { className: "facts" },
        element("b", {}, `${full(result.users)} users`), ` in ${rooms}, `,
        element("b", {}, `${full(result.duration)} s`), ` on `, element("b", {}, result.host),
        relay.length ? ` (relay ${relay.join(", ")})` : "",
        `, ${result.started.replace("T", " ").replace("+00:00", " UTC")}`)),
  );

  const remarks = [
    ...result.shortfalls.map((sentence) => ["failed", sentence]),
    ...result.incomplete.map((sentence) => ["failed", sentence]),
    ...result.invalid.map((sentence) => ["doubtful", sentence]),
    ...result.notes.map((sentence) => ["note", sentence]),
  ];
  if (remarks.length) {
    page.append(element("ul", { className: "remarks" },
      ...remarks.map(([className, sentence]) => element("li", { className }, sentence))));
  }

  const tiles = element("div", { className: "tiles" });
  const tile = (name, value, unit, beside, bad = false) => tiles.append(
    element("div", { className: bad ? "tile bad" : "tile" },
      element("div", { className: "name" }, name),
      element("div", { className: "value" }, value, " ", element("span", { className: "unit" }, unit)),
      element("div", { className: "beside" }, beside)));
  if (metrics.throughput != null) tile("Throughput", short(metrics.throughput), "msg/s", `${short(metrics.bandwidth)} Mbit/s`);
  if (metrics.p50 != null) {
    tile("Median latency", full(metrics.p50), "ms", `average ${full(metrics.mean)} ms`);
    tile("p99 latency", full(metrics.p99), "ms", `p99.9 ${full(metrics.p999)}, maximum ${full(metrics.max)} ms`);
  }
  if (metrics.jitter_p99 != null) tile("p99 jitter", full(metrics.jitter_p99), "ms", `median ${full(metrics.jitter_p50)} ms`);
  if (metrics.highest_rate != null) tile("Highest rate that held", short(metrics.highest_rate), "msg/s", "sent by all together");
  const faults = metrics.lost + metrics.repeated + metrics.reordered + metrics.leaked;
  tile("Delivered", short(metrics.delivered), "", `of ${short(metrics.delivered + metrics.lost + (metrics.missed ?? 0))} owed; ${short(metrics.sent)} sent`);
  tile("Faults", full(faults), "", `${full(metrics.lost)} lost, ${full(metrics.repeated)} repeated, ${full(metrics.reordered)} reordered`, faults > 0 && !result.passed);
  if (metrics.returned) tile("Away", full(metrics.away_p50), "ms", `maximum ${full(metrics.away_max)} ms; ${full(metrics.missed)} messages missed`);
  else if (metrics.connect_p50 != null) tile("Connecting", full(metrics.connect_p50), "ms", `maximum ${full(metrics.connect_max)} ms`);
  page.append(tiles);

  const charts = element("div", { className: "charts" });
  page.append(charts);
  const seconds = result.seconds;
  const column = (name) => seconds.map((second) => second[name]);
  const positive = (name) => column(name).map((value) => (value > 0 ? value : null));
  const time = { x: column("t"), xLabel: (value) => `${full(value)} s`, xName: "second", whole: true };
  if (seconds.length > 1 && metrics.p50 != null) {
    const limits = ["p50", "p95", "p99", "max"].filter((name) => result.requirements[name] > 0);
    draw(card(charts, "Latency", "from the moment a message should have been sent to its arrival, percentiles of each second in milliseconds (logarithmic)", true), {
      ...time, unit: " ms", log: true, height: 290,
      series: [
        { label: "maximum", colour: "grey", values: positive("max") },
        { label: "p99", colour: "coral", values: positive("p99") },
        { label: "p95", colour: "violet", values: positive("p95") },
        { label: "median", colour: "blue", values: positive("p50") },
        ...limits.map((name) => ({ label: `${name} required`, colour: "amber", dashed: true, values: seconds.map(() => result.requirements[name]) })),
      ],
    });
  }
  if (result.distribution.length > 1) {
    const [x, values] = distribution(result.distribution);
    draw(card(charts, "Distribution", "deliveries by latency in milliseconds (logarithmic), in percent of all"), {
      x, logX: true, xLabel: (value) => (round(value) ? short(value) : ""), xValue: (value) => `up to ${full(value)} ms`,
      xName: "latency", unit: " %",
      series: [{ label: "deliveries", colour: "blue", fill: true, stepped: true, values }],
    });
    const [nines, latencies] = percentiles(result.distribution);
    draw(card(charts, "Latency by percentile", "milliseconds within which so many deliveries arrived: each mark to the right is ten times rarer"), {
      x: nines, xLabel: share, xValue: (value) => share(value, 4), xName: "percentile", unit: " ms", log: true,
      series: [{ label: "latency", colour: "coral", values: latencies }],
    });
  }
  if (seconds.length > 1) {
    draw(card(charts, "Deliveries", "messages a second, received by all members together"), {
      ...time, series: [{ label: "received/s", colour: "green", fill: true, values: column("received") }],
    });
    draw(card(charts, "Sending", "messages a second, sent by all senders together"), {
      ...time, series: [{ label: "sent/s", colour: "blue", fill: true, values: column("sent") }],
    });
    draw(card(charts, "Connections", "open at the end of each second", true), {
      ...time, height: 170, counts: true, series: [{ label: "connections", colour: "violet", fill: true, values: column("connections") }],
    });
  }

  const details = element("div", { className: "details" });
  page.append(details);
  if (result.steps.length) {
    page.insertBefore(table("The climb", ["rate", "sent/s", "delivered/s", "p50 ms", "p99 ms", ""],
      result.steps.map((step) => [full(Math.round(step.rate)), full(Math.round(step.sent)), full(Math.round(step.delivered)),
        full(step.p50), full(step.p99), step.shortfall || "held"])), details).style.marginTop = "16px";
  }
  if (result.receivers.length) {
    details.append(table("Receivers with faults", ["receiver", "lost", "repeated", "reordered"],
      result.receivers.map((receiver) => [receiver.name, full(receiver.lost), full(receiver.repeated), full(receiver.reordered)])));
  }
  details.append(
    table("Settings", null, Object.entries(settings).filter(matters).map(pair)),
    table("Generator", null, Object.entries(result.generator).map(pair)));

  /** Whether a setting is set, and belongs to what was run. */
  function matters([name, value]) {
    const own = name.startsWith("rate") ? "steady" : name.startsWith("lagging") ? "lagging" : null;
    return value && (!own || result.scenarios.includes(own));
  }

  /** A row of a table of names and values. */
  function pair([name, value]) {
    return [name.replaceAll("_", " "), typeof value === "number" ? full(value) : String(value)];
  }

  /** A card with a table; columns after the first are numbers where there is a head. */
  function table(title, head, rows) {
    const cell = (tag, text, index) => element(tag, { className: head?.[index] && index ? "number" : "" }, text);
    return element("section", { className: "card" }, element("h2", {}, title), element("div", { className: "scroll" },
      element("table", {},
        head && element("thead", {}, element("tr", {}, ...head.map((text, index) => cell("th", text, index)))),
        element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text, index) => cell("td", text, index))))))));
  }

  /** Buckets gathered into some forty steps of equal ratio: [upper edges in ms, percent]. */
  function distribution(rows) {
    const total = rows.reduce((sum, [, count]) => sum + count, 0);
    const first = rows[0][0], ratio = Math.max((rows.at(-1)[0] / first) ** (1 / 40), 1.02);
    const edges = [first], shares = [0];
    for (const [edge, count] of rows) {
      while (edge > edges.at(-1) * 1.0001) {
        edges.push(Math.max(edges.at(-1) * ratio, edges.at(-1) + 0.1)); // no bucket is narrower
        shares.push(0);
      }
      shares[shares.length - 1] += (100 * count) / total;
    }
    return [edges, shares];
  }

  /** [nines, latency in ms]: 1 nine is 90 %, 2 are 99 %, as far as there are deliveries. */
  function percentiles(rows) {
    const total = rows.reduce((sum, [, count]) => sum + count, 0);
    const nines = [], latencies = [];
    let reached = 0;
    for (const [edge, count] of rows) {
      reached += count;
      nines.push(reached < total ? -Math.log10(1 - reached / total) : Math.log10(total));
      latencies.push(edge);
    }
    return [nines, latencies];
  }

  /** 2 nines as "99 %"; fewer than one as what they are. */
  function share(nines, digits = 0) {
    const places = Math.max(digits, Math.ceil(nines) - 2, 0);
    return `${+(100 * (1 - 10 ** -nines)).toFixed(places)} %`;
  }
}
