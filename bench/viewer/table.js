// The table: a line per method; categories, factors or metrics across; sorted by any column.

/** @type {{column: string, turned: boolean} | null} */
let order = null;

/** The columns, each with its place in the grid. */
function places() {
  const { category, factor, metric } = state;
  if (state.across === "factor") return FACTORS.map((each) => ({ head: `${each}x`, category, factor: each, metric }));
  if (state.across === "metric") {
    return SHOWN.map((each) => ({ head: METRICS[each].title, category, factor, metric: each }));
  }
  return CATEGORIES.map((each) => ({ head: each, category: each, factor, metric }));
}

/** @typedef {ReturnType<typeof places>[number]} Place */

/** @param {string} method @param {Place} place */
const figure = (method, place) => figureOf.get(key(method, place.category, place.factor, place.metric));

/** @param {Figure | undefined} found */
const mean = (found) => (found?.mean === undefined || found.mean === null ? NaN : Number(found.mean.replace("inf", "Infinity")));

function showTable() {
  const columns = places();
  const sorted = [...METHODS];
  const by = columns.find((column) => column.head === order?.column);
  if (order && !by) sorted.sort((a, b) => title(a).localeCompare(title(b)) * (order?.turned ? -1 : 1));
  if (order && by) {
    const better = (METRICS[by.metric].higher ? -1 : 1) * (order.turned ? -1 : 1);
    const values = new Map(sorted.map((method) => [method, mean(figure(method, by))]));
    const of = (/** @type {string} */ method) => values.get(method) ?? NaN;
    sorted.sort((a, b) => Number(Number.isNaN(of(a))) - Number(Number.isNaN(of(b))) || better * (of(a) - of(b) || 0));
  }
  const heads = [head("Method", null), ...columns.map((column) => head(column.head, column))];
  const scales = columns.map((column) => scale(column));
  at("table").replaceChildren(
    el("caption", {}, captioned()),
    el("thead", {}, el("tr", {}, ...heads)),
    el("tbody", {}, ...sorted.map((method) =>
      el("tr", {}, el("th", { scope: "row" }, el("span", { class: "name" }, title(method))),
        ...columns.map((column, index) => el("td", {}, ...measured(method, column, scales[index])))))));
}

/** What the whole table is of. */
function captioned() {
  const parts = [];
  if (state.across !== "metric") parts.push(`${METRICS[state.metric].title} (${better(state.metric)} is better)`);
  if (state.across !== "category") parts.push(state.category);
  if (state.across !== "factor") parts.push(`at ${state.factor}x`);
  return parts.join(", ");
}

/** @param {string} metric */
const better = (metric) => (METRICS[metric].higher ? "higher" : "lower");

/**
 * @param {string} text
 * @param {Place | null} place
 */
function head(text, place) {
  const mine = order?.column === text, ascending = place === null || !METRICS[place.metric].higher;
  const turn = () => {
    order = !mine ? { column: text, turned: false } : order?.turned ? null : { column: text, turned: true };
    showTable();
    /** @type {HTMLElement | undefined} */ ([...at("table").querySelectorAll("th button")].find((b) => b.textContent === text))?.focus();
  };
  const way = !mine ? "none" : ascending !== order?.turned ? "ascending" : "descending";
  const n = place && Math.max(0, ...METHODS.map((method) => figure(method, place)?.n ?? 0));
  const under = place && (state.across === "metric" ? `${better(place.metric)} is better` : `n = ${n}`);
  return el("th", { scope: "col", "aria-sort": way }, el("button", { type: "button", onclick: turn }, text),
    under ? el("small", {}, under) : null);
}

/** The span of all intervals of a column. @param {Place} place */
function scale(place) {
  const ends = METHODS.map((method) => figure(method, place)).flatMap((found) => {
    const middle = mean(found), half = Number(found?.ci95 || 0);
    return Number.isFinite(middle) ? [middle - half, middle + half] : [];
  });
  return ends.length ? { least: Math.min(...ends), most: Math.max(...ends) } : null;
}

/**
 * What a cell holds.
 * @param {string} method
 * @param {Place} place
 * @param {{least: number, most: number} | null} span
 * @returns {Child[]}
 */
function measured(method, place, span) {
  const found = figure(method, place);
  if (!found) return ["–"];
  const note = found.reason ? noted(found.status === "not measured" ? "why?" : "note", found.reason) : null;
  const value = mean(found);
  if (Number.isNaN(value)) return [el("span", { class: "none" }, "not measured "), note];
  const half = found.ci95 ? ` ± ${shown(place.metric, Number(found.ci95))}` : "";
  const text = el(found.best ? "strong" : "span", { class: "value" }, shown(place.metric, value), el("small", {}, half));
  const ok = found.n_ok < found.n ? el("small", {}, ` ${found.n_ok}/${found.n} ok `) : null;
  return [text, found.best ? el("span", { class: "unseen" }, " none is better") : null, ok, note,
    span && Number.isFinite(value) ? bar(value, Number(found.ci95 || 0), span, found.best) : null,
    state.published && found.published ? printed(found, place.metric) : null,
    state.differences ? difference(method, place) : null];
}

/** The published value, and how far the measured one is from it, if both are of the same images. @param {Figure} found @param {string} metric */
const printed = (found, metric) =>
  el("div", { class: "more" }, `published ${found.published}`,
    found.difference ? ` (${shown(metric, Number(found.difference))})` : " (of other images)");

/** The paired difference from the best, or the full one. @param {string} method @param {Place} place */
function difference(method, place) {
  const found = (STORED.table.comparisons ?? []).find((/** @type {any} */ each) => each.other === method &&
    each.category === place.category && each.factor === place.factor && each.metric === place.metric);
  return found ? el("div", { class: "more" }, `${title(found.full ?? found.best)} minus this: ${found.difference}`) : null;
}

/**
 * @param {number} middle
 * @param {number} half
 * @param {{least: number, most: number}} span
 * @param {string} best
 */
function bar(middle, half, span, best) {
  const at = (/** @type {number} */ value) => (span.most > span.least ? (96 * (value - span.least)) / (span.most - span.least) : 48) + 2;
  const from = at(middle - half), width = Math.max(0.8, at(middle + half) - from);
  return svg("svg", { class: best ? "bar best" : "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "track", x: 0, y: 3.5, width: 100, height: 1 }),
    svg("rect", { class: "span", x: from, y: 2, width, height: 4 }),
    svg("rect", { class: "mean", x: at(middle) - 0.6, y: 0, width: 1.2, height: 8 }));
}

/** The comparisons of the metric and factor that are chosen. */
function showComparisons() {
  const table = document.getElementById("comparisons");
  if (!table) return;
  const rows = STORED.table.comparisons.filter((/** @type {any} */ row) => row.metric === state.metric && row.factor === state.factor);
  const names = Object.keys(STORED.table.comparisons[0] ?? {}).filter((name) => name !== "metric" && name !== "factor");
  const named = new Set(["best", "full", "other"]);
  table.replaceChildren(el("caption", {}, `${METRICS[state.metric].title} at ${state.factor}x`),
    el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...rows.map((/** @type {any} */ row) => el("tr", {}, ...names.map((name) =>
      el("td", { class: named.has(name) ? "name" : null }, named.has(name) ? title(row[name]) : String(row[name] ?? "")))))));
}
