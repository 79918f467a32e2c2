// The table: a line per method; categories, factors or metrics across; sorted by any column.

/** @type {{column: string, turned: boolean} | null} */
let order = null;

/** The columns. @returns {Place[]} */
function places() {
  const { category, factor, metric } = state;
  if (state.across === "factor") return FACTORS.map((each) => ({ head: `${each}x`, category, factor: each, metric }));
  if (state.across === "metric") return SHOWN.map((each) => ({ head: METRICS[each].title, category, factor, metric: each }));
  return CATEGORIES.map((each) => ({ head: each, category: each, factor, metric }));
}

/** @param {string} method @param {Place} place */
const figure = (method, place) => figureOf.get(key(method, place.category, place.factor, place.metric));

function showTable() {
  const columns = places(), by = columns.find((column) => column.head === order?.column), lines = [...METHODS];
  const way = order?.turned ? -1 : 1;
  if (order && !by) lines.sort((one, other) => title(one).localeCompare(title(other)) * way);
  if (by) {
    const better = METRICS[by.metric].higher ? -way : way;
    const means = new Map(lines.map((method) => [method, better * number(figure(method, by)?.mean)]));
    lines.sort((one, other) => rising(means.get(one) ?? NaN, means.get(other) ?? NaN));
  }
  const spans = columns.map(span);
  at("table").replaceChildren(
    el("caption", {}, captioned()),
    el("thead", {}, el("tr", {}, head("Method", null), ...columns.map((column) => head(column.head, column)))),
    el("tbody", {}, ...lines.map((method) => el("tr", {},
      el("th", { scope: "row" }, el("span", { class: "name" }, title(method))),
      ...columns.map((column, index) => el("td", {}, ...measured(method, column, spans[index])))))));
}

/** What the whole table is of, and its small print. */
function captioned() {
  const { across, metric, category, factor } = state, full = TABLE.comparisons[0]?.full;
  return [across !== "metric" && `${METRICS[metric].title} (${better(metric)} is better)`, across !== "category" && category,
    across !== "factor" && `at ${factor}x`,
    state.differences && `Δ: the ${full ? "full" : "best"} one minus this, paired by image`,
    state.published && "in brackets measured minus published, if both are of the same images"].filter(Boolean).join(", ");
}

/** @param {string} text @param {Place | null} place */
function head(text, place) {
  const mine = order?.column === text, rising = (place === null || !METRICS[place.metric].higher) !== order?.turned;
  const turn = () => {
    order = !mine ? { column: text, turned: false } : order?.turned ? null : { column: text, turned: true };
    showTable();
    [...at("table").querySelectorAll("th button")].find((button) => button.textContent === text).focus();
  };
  const n = place && Math.max(...METHODS.map((method) => figure(method, place)?.n ?? 0));
  const under = place && (state.across === "metric" ? `${better(place.metric)} is better` : `n = ${n}`);
  return el("th", { scope: "col", "aria-sort": !mine ? "none" : rising ? "ascending" : "descending" },
    el("button", { type: "button", onclick: turn }, text), under && el("small", {}, under));
}

/** What all intervals of a column span. @param {Place} place */
function span(place) {
  const found = METHODS.map((method) => figure(method, place)).filter((each) => Number.isFinite(number(each?.mean)));
  const ends = found.flatMap((each) => [-1, 1].map((side) => number(each?.mean) + side * Number(each?.ci95)));
  return { least: Math.min(...ends), most: Math.max(...ends) };
}

/** What a cell holds. @param {string} method @param {Place} place @param {{least: number, most: number}} span */
function measured(method, place, span) {
  const found = figure(method, place), value = number(found?.mean ?? "");
  if (!found) return ["–"];
  const note = found.reason ? noted(Number.isNaN(value) ? "why?" : "note", found.reason) : null;
  if (Number.isNaN(value)) return [el("span", { class: "none" }, "not measured "), note];
  const [mean, half] = found.printed.replaceAll("-", "−").split(" ± ");
  const more = (/** @type {string | false} */ text) => (text ? el("div", { class: "more" }, text) : null);
  return [
    el(found.best ? "strong" : "span", {}, mean, el("small", {}, half ? ` ± ${half}` : "")),
    found.best ? el("span", { class: "unseen" }, " (none is better)") : null,
    found.n_ok < found.n ? el("small", {}, ` ${found.n_ok}/${found.n} ok `) : null, note,
    Number.isFinite(value) ? bar(value, Number(found.ci95), span, found.best) : null,
    more(state.published && printed(found)), more(state.differences && difference(method, place)),
  ];
}

/** The published value, and how far from it the measured one is. @param {Figure} found */
const printed = ({ published, difference }) =>
  published && `published ${published}${difference && ` (${difference.replace("-", "−")})`}`;

/** The paired difference from the best, or from the full one. @param {string} method @param {Place} place */
function difference(method, place) {
  const found = TABLE.comparisons.find((each) => each.other === method && each.category === place.category &&
    each.factor === place.factor && each.metric === place.metric);
  return found ? `Δ ${String(found.difference).replace("-", "−")}` : "";
}

/** @param {number} mean @param {number} half @param {{least: number, most: number}} span @param {string} best */
function bar(mean, half, { least, most }, best) {
  const x = (/** @type {number} */ value) => (most > least ? 2 + (96 * (value - least)) / (most - least) : 50);
  const box = { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" };
  return svg("svg", { class: best ? "bar best" : "bar", ...box },
    svg("rect", { class: "track", x: 0, y: 3.5, width: 100, height: 1 }),
    svg("rect", { class: "span", x: x(mean - half), y: 1.5, width: Math.max(1, x(mean + half) - x(mean - half)), height: 5 }),
    svg("rect", { class: "mean", x: x(mean) - 0.4, y: 0, width: 0.8, height: 8 }));
}
