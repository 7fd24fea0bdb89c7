// One result as a page.
"use strict";

/** Of settings and of what is told of the generator. */
const UNITS = {
  payload: "bytes", interval: "ms", settle: "s", late: "ms", rate: "msg/s", rate_max: "msg/s", rate_step: "s",
  ping_every: "s", lagging_speed: "bytes/s", cpu_percent: "% of a core", late_percent: "% of messages",
  late_sends: "messages", send_p99: "ms",
};

{
  const result = window.RESULT;
  const { metrics, settings } = result;
  const page = document.getElementById("report");

  const rooms = `${full(settings.rooms)} room${settings.rooms > 1 ? "s" : ""}`;
  const [kind, word] = verdict(result);
  const relay = [result.server.version, result.server.commit?.slice(0, 10)].filter((fact) => fact && fact !== "unknown");
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
    ...result.remarks.map(([word, sentence]) => [{ PASSED: "passed", FAILED: "failed", INCOMPLETE: "failed" }[word] ?? "doubtful", sentence]),
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
  const kinds = ["lost", "repeated", "reordered", "leaked", "corrupted", "truncated", "unexpected"];
  const faults = kinds.reduce((sum, kind) => sum + (metrics[kind] ?? 0), 0);
  const happened = kinds.filter((kind) => metrics[kind]).map((kind) => `${full(metrics[kind])} ${kind}`).join(", ");
  if (metrics.sent) {
    tile("Delivered", full(metrics.delivered), "", `of ${full(metrics.owed)} owed; ${full(metrics.sent)} sent`);
    tile("Faults", full(faults), "", happened || "none lost, repeated, reordered or changed", faults > 0 && !result.passed);
  }
  if (metrics.requests) tile("Own requests", full(metrics.requests), "", `${full(metrics.request_failures)} failed; p99 ${full(metrics.request_p99)} ms`, metrics.request_failures > 0);
  if (metrics.returned) tile("Away", full(metrics.away_p50), "ms", `maximum ${full(metrics.away_max)} ms; ${full(metrics.missed)} messages missed`);
  else if (metrics.connect_p50 != null) tile("Connecting", full(metrics.connect_p50), "ms", `maximum ${full(metrics.connect_max)} ms`);
  page.append(tiles);
  if (result.checks.length) page.append(requirements(result.checks));

  const charts = element("div", { className: "charts" });
  page.append(charts);
  if (result.steps.length) {
    // What a rate came to when it was tried last, in the order of rates.
    const steps = [...new Map(result.steps.map((step) => [step.rate, step])).values()].sort((a, b) => a.rate - b.rate);
    const held = (value) => steps.map((step) => (!step.shortfall === value ? step.p99 || null : null));
    const knee = metrics.highest_rate;
    if (steps.length > 1) {
      draw(card(charts, "The climb", `p99 latency in milliseconds (logarithmic) at each rate that was tried; ${knee ? `the highest that held is ${full(Math.round(knee))} messages a second` : "none held"}`, true), {
        x: steps.map((step) => step.rate), xLabel: short, xValue: (value) => `${full(Math.round(value))} msg/s`, xName: "rate", unit: " ms", log: true,
        series: [
          { label: "p99", colour: "grey", values: steps.map((step) => step.p99 || null) },
          { label: "held", colour: "green", points: true, lone: true, values: held(true) },
          { label: "did not hold", colour: "coral", points: true, lone: true, values: held(false) },
          { label: "knee", colour: "amber", points: true, lone: true, values: steps.map((step) => (step.rate === knee ? step.p99 : null)) },
        ],
      });
    }
    const made = table("Steps of the climb", ["rate", "sent/s", "delivered/s", "p50 ms", "p99 ms", "generator %", "server %", ""],
      result.steps.map((step) => [full(Math.round(step.rate)), full(Math.round(step.sent)), full(Math.round(step.delivered)),
        full(step.p50), full(step.p99), full(Math.round(step.cpu)), step.server_cpu == null ? "–" : full(Math.round(step.server_cpu)), step.shortfall || "held"]));
    made.classList.add("wide");
    charts.append(made);
  }
  const seconds = result.seconds, span = result.span ?? 1;
  const each = span > 1 ? `every ${full(span)} seconds` : "each second";
  const column = (name) => seconds.map((second) => second[name]);
  const positive = (name) => column(name).map((value) => (value > 0 ? value : null));
  const time = { x: column("t"), xLabel: (value) => `${full(value)} s`, xName: "second", whole: true };
  if (seconds.length > 1 && metrics.p50 != null) {
    const limits = ["p50", "p95", "p99", "max"].filter((name) => result.requirements[name] > 0);
    draw(card(charts, "Latency", "from the moment a message should have been sent to its arrival, percentiles of " + each + " in milliseconds (logarithmic)", true), {
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
  if (seconds.length > 1 && result.heat.cells.length) {
    heatmap(card(charts, "Latency over time", `how many deliveries of ${each} took how long: the darker, the more`, true), result.heat, Math.max(...column("t")), span);
  }
  if (result.absences.length) {
    bars(card(charts, "Absences", `each member that was cut off, from the end of its connection until it was back; ${full(result.absences.length)} in all`, true), result.absences, Math.max(result.duration, ...result.absences.map(([, , back]) => back ?? 0)));
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
      x: nines, xLabel: share, xValue: (value) => share(value, 4), xName: "percentile", unit: " ms", log: true, space: 90,
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
    if (seconds.some((second) => second.cpu != null)) {
      const known = (name) => seconds.some((second) => second[name] != null);
      const right = known("loop_delay");
      draw(card(charts, "Processors", `percent of one core${right ? "; at the right how late the relay's event loop was" : ""}`, true), {
        ...time, height: 200, unit: " %", right: right ? "ms" : "",
        series: [
          { label: "generator", colour: "grey", values: column("cpu") },
          ...(known("server_cpu") ? [{ label: "server", colour: "blue", values: seconds.map((second) => second.server_cpu ?? null) }] : []),
          ...(right ? [{ label: "loop delay", colour: "coral", right: true, unit: " ms", values: seconds.map((second) => second.loop_delay ?? null) }] : []),
        ],
      });
    }
    draw(card(charts, "Connections", `open at the end of ${each}`, true), {
      ...time, height: 170, counts: true, series: [{ label: "connections", colour: "violet", fill: true, values: column("connections") }],
    });
  }

  const details = element("div", { className: "details" });
  page.append(details);
  if (result.requests.length) {
    details.append(table("Own requests", ["name", "answered", "failed", "p50 ms", "p99 ms", "maximum ms"],
      result.requests.map((request) => [request.name, full(request.answered), full(request.failed), full(request.p50), full(request.p99), full(request.max)])));
  }
  if (result.receivers.length) {
    const found = kinds.filter((kind) => result.receivers.some((receiver) => receiver[kind]));
    details.append(table("Receivers with faults", ["receiver", ...found],
      result.receivers.map((receiver) => [receiver.name, ...found.map((kind) => full(receiver[kind]))])));
  }
  details.append(
    table("Settings", null, Object.entries(settings).filter(matters).map(pair)),
    table("Generator", null, Object.entries(result.generator).map(pair)));

  /** Whether a setting is set, and belongs to what was run. */
  function matters([name, value]) {
    if (name.startsWith("rate")) return value && (result.climbing ?? result.scenarios.includes("steady"));
    return value && (!name.startsWith("lagging") || result.scenarios.includes("lagging"));
  }

  /** A row of a table of names and values, the values with their units. */
  function pair([name, value]) {
    const unit = UNITS[name] ?? "";
    const digits = { maximumFractionDigits: 2 }; // 1.25 is not 1.3
    const text = typeof value === "number" ? value.toLocaleString("en", digits) : value === true ? "yes" : String(value);
    return [name === "cpu" ? "processor" : name.replace(/_percent$/, "").replaceAll("_", " "), unit ? `${text} ${unit}` : text];
  }

  /** What was required, what was measured, and how much lies between. */
  function requirements(checks) {
    const units = (value, unit) => (value == null ? "not measured" : `${full(+value.toPrecision(6))} ${unit}`);
    const made = table("Requirements", ["", "met", "measured", "limit", "margin"], checks.map((check) => {
      const margin = check.measured == null ? null : check.least ? check.measured - check.limit : check.limit - check.measured;
      const share = margin != null && check.limit ? ` (${full(Math.round((100 * margin) / check.limit))} %)` : "";
      const limit = check.least ? `at least ${units(check.limit, check.unit)}` : check.limit ? `at most ${units(check.limit, check.unit)}` : "none";
      return [check.title, check.met ? "yes" : "no", units(check.measured, check.unit), limit, margin == null ? "–" : `${units(margin, check.unit)}${share}`];
    }));
    for (const cell of made.querySelectorAll("tbody td:nth-child(2)")) cell.classList.add(cell.textContent === "yes" ? "met" : "missed");
    made.style.marginBottom = "16px";
    return made;
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
