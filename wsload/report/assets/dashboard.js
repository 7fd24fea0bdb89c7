// Every result of a folder over time, one line per measurement, with what was required as lines.
"use strict";

const KINDS = ["lost", "repeated", "reordered", "leaked", "corrupted", "truncated", "unexpected"];

{
  const { runs: all, skipped } = window.HISTORY;
  const page = document.getElementById("dashboard");
  const groups = [...new Set(all.map((run) => run.group))].sort();
  const picker = element("select", { className: "push", ariaLabel: "scenario, settings and machine" },
    ...groups.map((name) => element("option", { value: name, selected: name === all.at(-1)?.group }, name)));
  const facts = element("p", { className: "facts" });
  const body = element("div");
  page.append(element("header", {}, element("h1", {}, "Load tests"), picker, facts), body);
  if (skipped.length) {
    page.append(element("ul", { className: "remarks" }, ...skipped.map((sentence) => element("li", { className: "note" }, sentence))));
  }
  picker.addEventListener("change", show);
  show();

  /** Draw the runs of the group that is picked. */
  function show() {
    const runs = all.filter((run) => run.group === picker.value);
    drawn.length = 0;
    body.replaceChildren();
    if (!runs.length) {
      facts.textContent = "";
      body.append(element("p", { className: "empty" }, "No results yet: every run of the load tester leaves one in its reports folder."));
      return;
    }
    const last = runs.at(-1);
    const passed = runs.filter((run) => run.passed).length;
    facts.replaceChildren(element("b", {}, `${full(runs.length)} run${runs.length > 1 ? "s" : ""}`), `, ${full(passed)} passed; the last one on ${day(last)}, `,
      element("b", {}, commit(last)), `, ${full(last.users)} users; of the same scenario and settings on the same machine`);
    // A run that is INVALID, or measured nothing, says nothing about the server.
    tiles(last, runs.slice(0, -1).filter((run) => run.verdict !== "INVALID" && run.metrics.sent).slice(-5));
    charts(runs);
    body.append(history(runs));
  }

  /** The last run, and how it differs from the median of those before. */
  function tiles(last, before) {
    const place = element("div", { className: "tiles" });
    const change = (name) => {
      const now = last.metrics[name], then = median(before.map((run) => run.metrics[name]).filter((value) => value != null));
      if (!then || now == null) return "no run to compare with";
      const percent = (100 * (now - then)) / then, what = before.length > 1 ? `the median of the ${before.length} before` : "the run before";
      return Math.abs(percent) < 0.5 ? `as ${what}` : `${percent > 0 ? "+" : "−"}${full(Math.abs(+percent.toPrecision(2)))} % to ${what}`;
    };
    const tile = (name, value, unit, beside, bad = false) => place.append(
      element("div", { className: bad ? "tile bad" : "tile" },
        element("div", { className: "name" }, name),
        element("div", { className: "value" }, value, " ", element("span", { className: "unit" }, unit)),
        element("div", { className: "beside" }, beside)));
    const { metrics } = last;
    tile("Throughput", short(metrics.throughput), "msg/s", change("throughput"));
    tile("Median latency", full(metrics.p50), "ms", change("p50"));
    tile("p99 latency", full(metrics.p99), "ms", change("p99"));
    const found = faults(last);
    if (metrics.sent) tile("Faults", full(found), "", found ? KINDS.filter((kind) => metrics[kind]).map((kind) => `${full(metrics[kind])} ${kind}`).join(", ") : "none", found > 0);
    else tile("Faults", "–", "", "no message was sent");
    if (metrics.highest_rate != null) tile("Highest rate", full(Math.round(metrics.highest_rate)), "msg/s", change("highest_rate"));
    body.append(place);
  }

  /** One chart per question, all over the same runs. */
  function charts(runs) {
    const place = element("div", { className: "charts" });
    body.append(place);
    const metric = (name) => runs.map((run) => (run.verdict === "INVALID" ? null : run.metrics[name] ?? null));
    const invalid = (name) => ({
      label: "INVALID", colour: "amber", points: true, lone: true,
      values: runs.map((run) => (run.verdict === "INVALID" ? run.metrics[name] ?? null : null)),
    });
    const required = (name, label) => ({
      label, colour: "amber", dashed: true, values: runs.map((run) => run.requirements[name] || null),
    });
    const known = (lines) => lines.filter((line) => line.values.some((value) => value != null));
    const over = {
      x: runs.map((_, index) => index), ordinal: true, xName: "run",
      xLabel: (index) => (runs[index] ? commit(runs[index]) : ""),
      xValue: (index) => `${commit(runs[index])}, ${day(runs[index])}`,
      onPick: (index) => runs[index].page && location.assign(runs[index].page),
    };
    draw(card(place, "Latency", "milliseconds (logarithmic), with what was required as dashed lines; a click opens the run's report", true), {
      ...over, unit: " ms", log: true, height: 300,
      series: known([
        { label: "p99.9", colour: "grey", points: true, values: metric("p999") },
        { label: "p99", colour: "coral", points: true, values: metric("p99") },
        { label: "p95", colour: "violet", points: true, values: metric("p95") },
        { label: "median", colour: "blue", points: true, values: metric("p50") },
        invalid("p99"), required("p99", "p99 required"), required("p50", "median required"), required("max", "maximum required"),
      ]),
    });
    draw(card(place, "Throughput", "deliveries a second"), {
      ...over, unit: " msg/s",
      series: known([
        { label: "throughput", colour: "green", points: true, fill: true, values: metric("throughput") },
        invalid("throughput"),
        required("throughput", "required"),
      ]),
    });
    draw(card(place, "Faults", `messages that were ${KINDS.join(", ")}`), {
      ...over, counts: true,
      series: [
        ["lost", "coral"], ["repeated", "violet"], ["reordered", "amber"], ["leaked", "grey"], ["corrupted", "blue"], ["truncated", "green"], ["unexpected", "grey"],
      ].filter(([name], index) => !index || runs.some((run) => run.metrics[name]))
        .map(([name, colour]) => ({ label: name, colour, points: true, values: runs.map((run) => (run.metrics.sent ? run.metrics[name] ?? null : null)) })),
    });
    if (runs.some((run) => run.metrics.jitter_p99 != null)) {
      draw(card(place, "Jitter", "change of latency from frame to frame, p99 in milliseconds"), {
        ...over, unit: " ms",
        series: known([{ label: "p99", colour: "violet", points: true, values: metric("jitter_p99") }, required("jitter_p99", "required")]),
      });
    }
    if (runs.some((run) => run.metrics.highest_rate != null)) {
      draw(card(place, "Highest rate that held", "messages sent a second, by all members together"), {
        ...over, unit: " msg/s",
        series: known([{ label: "rate", colour: "blue", points: true, fill: true, values: metric("highest_rate") }, required("highest_rate", "required")]),
      });
    }
    draw(card(place, "Connecting", "time of a handshake, milliseconds"), {
      ...over, unit: " ms",
      series: known([
        { label: "p99", colour: "coral", points: true, values: metric("connect_p99") },
        { label: "median", colour: "blue", points: true, values: metric("connect_p50") },
        required("connect_p99", "p99 required"),
      ]),
    });
    draw(card(place, "Load", "users, and how busy the generator was (percent of one core)"), {
      ...over,
      series: [
        { label: "users", colour: "violet", points: true, values: runs.map((run) => run.users) },
        { label: "generator %", colour: "grey", points: true, values: runs.map((run) => run.cpu_percent) },
      ],
    });
  }

  /** Every run as a row, the last one first. */
  function history(runs) {
    const head = ["started", "commit", "verdict", "users", "msg/s", "p50 ms", "p99 ms", "faults"];
    const rows = runs.toReversed().map((run) => {
      const [kind, word] = verdict(run);
      const { metrics } = run;
      const started = run.started.replace("T", " ").slice(0, 16);
      const numbers = [full(run.users), short(metrics.throughput), full(metrics.p50), full(metrics.p99), metrics.sent ? full(faults(run)) : "–"];
      return element("tr", { className: run.verdict === "INVALID" ? "faint" : "" },
        element("td", {}, run.page ? element("a", { href: run.page }, started) : started),
        element("td", {}, element("code", {}, commit(run))),
        element("td", {}, element("span", { className: `badge ${kind}`, title: run.remarks.map(([, sentence]) => sentence).join("\n") }, word)),
        ...numbers.map((text) => element("td", { className: "number" }, text)));
    });
    const card = element("section", { className: "card" }, element("h2", {}, "Runs"), element("div", { className: "scroll" },
      element("table", {},
        element("thead", {}, element("tr", {}, ...head.map((text, index) => element("th", { className: index > 2 ? "number" : "" }, text)))),
        element("tbody", {}, ...rows))));
    card.style.marginTop = "16px";
    return card;
  }

  function faults(run) {
    return KINDS.reduce((sum, kind) => sum + (run.metrics[kind] ?? 0), 0);
  }

  /** The middle one, or the mean of the two in the middle; none of nothing. */
  function median(values) {
    const sorted = values.toSorted((a, b) => a - b), middle = sorted.length / 2;
    return sorted.length ? (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2 : null;
  }

  function day(run) {
    return run.started.slice(0, 10);
  }

  /** The relay's commit, or its version where it knows no commit. */
  function commit(run) {
    const known = run.server.commit && run.server.commit !== "unknown";
    return known ? run.server.commit.slice(0, 8) : run.server.version ?? day(run);
  }
}
