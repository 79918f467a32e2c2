// Perception against distortion, and a metric against the factor, drawn at the size there is.

/** @typedef {{x: number, y: number, r: number, method: string, kind: "mean" | "image" | "published", note: string,
 *   dx?: number, dy?: number, label?: string, go?: () => void}} Mark */
/** @typedef {{title: string, ticks?: [number, string][]}} Axis */

/** @param {string} method */
const colour = (method) => `c${METHODS.indexOf(method) % 8}`;

/** A few round numbers in a range. @param {number} least @param {number} most @returns {[number, string][]} */
function ticks(least, most) {
  const rough = (most - least) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const count = Math.floor(most / step) - Math.ceil(least / step) + 1;
  return Array.from({ length: count }, (_, index) => (Math.ceil(least / step) + index) * step)
    .map((value) => [value, value.toFixed(digits).replace("-", "−")]);
}

/**
 * @param {Element} host
 * @param {Mark[]} marks
 * @param {Axis} xs
 * @param {Axis} ys
 * @param {boolean} joined whether the means of a method are joined by a line
 */
function draw(host, marks, xs, ys, joined) {
  const width = host.clientWidth || 600, height = Math.min(480, Math.max(280, width * 0.7));
  /** @param {number[]} all @param {number} from @param {number} to */
  const scale = (all, from, to) => {
    const least = Math.min(...all), most = Math.max(...all), room = (most - least || 1) * 0.07;
    const way = (to - from) / (most - least + 2 * room);
    return Object.assign((/** @type {number} */ value) => from + (value - least + room) * way, { ends: [least - room, most + room] });
  };
  const x = scale(marks.flatMap((m) => [m.x - (m.dx ?? 0), m.x + (m.dx ?? 0)]), 56, width - 12);
  const y = scale(marks.flatMap((m) => [m.y - (m.dy ?? 0), m.y + (m.dy ?? 0)]), height - 44, 12);
  const drawn = [];
  for (const [value, text] of xs.ticks ?? ticks(x.ends[0], x.ends[1])) {
    drawn.push(svg("line", { class: "grid", x1: x(value), x2: x(value), y1: 12, y2: height - 44 }),
      svg("text", { x: x(value), y: height - 28, "text-anchor": "middle" }, text));
  }
  for (const [value, text] of ticks(y.ends[0], y.ends[1])) {
    drawn.push(svg("line", { class: "grid", x1: 56, x2: width - 12, y1: y(value), y2: y(value) }),
      svg("text", { x: 50, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  drawn.push(svg("text", { class: "axis", x: (width + 44) / 2, y: height - 6, "text-anchor": "middle" }, xs.title),
    svg("text", { class: "axis", transform: `translate(14 ${(height - 32) / 2}) rotate(-90)`, "text-anchor": "middle" }, ys.title));
  for (const method of joined ? METHODS : []) {
    const line = marks.filter((mark) => mark.method === method && mark.kind === "mean").map((mark) => `${x(mark.x)},${y(mark.y)}`);
    drawn.push(svg("polyline", { class: `line ${colour(method)}`, points: line.join(" ") }));
  }
  drawn.push(...marks.map((mark) => marked(mark, x, y)), ...labels(marks, x, y, width));
  host.replaceChildren(svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${ys.title} over ${xs.title}` }, ...drawn));
}

/** @param {Mark} mark @param {(value: number) => number} x @param {(value: number) => number} y */
function marked(mark, x, y) {
  const { go, r } = mark, focusable = go && mark.kind === "mean";
  const cross = mark.kind !== "mean" ? [] : [
    svg("line", { x1: x(mark.x - (mark.dx ?? 0)), x2: x(mark.x + (mark.dx ?? 0)), y1: y(mark.y), y2: y(mark.y) }),
    svg("line", { x1: x(mark.x), x2: x(mark.x), y1: y(mark.y - (mark.dy ?? 0)), y2: y(mark.y + (mark.dy ?? 0)) })];
  const shape = mark.kind === "published"
    ? svg("path", { d: `M${x(mark.x)},${y(mark.y) - r}l${r},${r}l${-r},${r}l${-r},${-r}z` })
    : svg("circle", { cx: x(mark.x), cy: y(mark.y), r });
  return svg("g", { class: `mark ${mark.kind} ${colour(mark.method)}`, onclick: go ?? (() => {}), tabindex: focusable ? 0 : null,
    role: focusable ? "button" : null, "aria-label": focusable ? mark.note : null,
    onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && go?.() },
  ...cross, shape, svg("title", {}, mark.note));
}

/** The names beside the marks, moved apart. @param {Mark[]} marks @param {(v: number) => number} x @param {(v: number) => number} y @param {number} width */
function labels(marks, x, y, width) {
  /** @type {{at: number, left: number, text: string}[]} */
  const placed = [];
  for (const mark of marks.filter((each) => each.label).sort((one, other) => y(one.y) - y(other.y))) {
    const text = mark.label ?? "", wide = text.length * 7, right = x(mark.x) + mark.r + 4;
    const left = right + wide > width ? x(mark.x) - mark.r - 4 - wide : right;
    const near = placed.filter((other) => left < other.left + other.text.length * 7 && other.left < left + wide);
    placed.push({ at: Math.max(y(mark.y) + 4, ...near.map((other) => other.at + 14)), left, text });
  }
  return placed.map(({ at, left, text }) => svg("text", { class: "label", x: left, y: at }, text));
}

/** @param {string} method @param {string} metric @param {number} [factor] */
const published = (method, metric, factor = state.factor) => REPORT.published.find((/** @type {any} */ each) => each.method === method &&
  each.metric === metric && each.category === state.category && each.factor === factor)?.value ?? NaN;

function showScatter() {
  const { category, factor, x, y, a, b, image } = state, hint = at("scatter").querySelector(".hint");
  /** @type {Mark[]} */
  const marks = [], here = new Set(images(category, factor));
  for (const method of new Set([a, b].filter(Boolean))) {
    const ups = values(method, category, factor, y);
    for (const [each, value] of values(method, category, factor, x)) {
      marks.push({ x: value, y: ups.get(each) ?? NaN, r: each === image ? 6 : 3, method, kind: "image", note: `${title(method)}, image ${each}`,
        go: here.has(each) ? () => { set({ image: each, a: method }); at("viewer").scrollIntoView(); } : undefined });
    }
  }
  for (const method of methodsOf(category, factor)) {
    const [one, other] = [x, y].map((metric) => figureOf.get(key(method, category, factor, metric)));
    const seconds = secondsOf.get(key(method, category, factor)), cost = seconds ? `, ${Number(seconds.toPrecision(2))} s an image` : "";
    marks.push({ x: mean(one), y: mean(other), dx: Number(one?.ci95 || 0), dy: Number(other?.ci95 || 0), method, kind: "mean",
      r: seconds ? 4 + 2.2 * Math.max(0, Math.log10(seconds) + 5) : 7, label: title(method), note: `${title(method)}${cost}`, go: () => set({ a: method }) });
    marks.push({ x: published(method, x), y: published(method, y), r: 7, method, kind: "published", note: `${title(method)}, published`, label: `${title(method)}, published` });
  }
  const shownMarks = marks.filter((mark) => Number.isFinite(mark.x) && Number.isFinite(mark.y));
  at("scatter").hidden = SHOWN.length < 2 || !shownMarks.length;
  if (at("scatter").hidden || !hint) return;
  hint.textContent = `${category} at ${factor}x. Circles: the mean of each method with its 95 % intervals, the larger the more seconds an image takes. Dots: ` +
    `single images of A and B; a click opens one. Diamonds: published, ${STORED.table.cells[0].apart || "of the same images"}.`;
  draw(at("scatter").getElementsByClassName("plot")[0], shownMarks, { title: axis(x) }, { title: axis(y) }, false);
}

/** @param {string} metric */
const axis = (metric) => `${METRICS[metric].title} (${better(metric)} is better)`;

function showCurves() {
  const { category, metric } = state;
  const marks = METHODS.flatMap((method) => FACTORS.flatMap((factor) => {
    const found = figureOf.get(key(method, category, factor, metric)), at = Math.log2(factor);
    const note = `${title(method)} at ${factor}x: ${found?.mean}`;
    /** @type {Mark[]} */
    const both = [{ x: at, y: mean(found), dy: Number(found?.ci95 || 0), r: 4, method, kind: "mean", note, go: () => set({ factor, a: method }) },
      { x: at, y: published(method, metric, factor), r: 6, method, kind: "published", note: `${title(method)} at ${factor}x, published` }];
    return both.filter((mark) => Number.isFinite(mark.y));
  }));
  at("curves").hidden = FACTORS.length < 2 || !marks.length;
  if (at("curves").hidden) return;
  draw(at("curves").getElementsByClassName("plot")[0], marks, { title: "Factor", ticks: FACTORS.map((each) => [Math.log2(each), `${each}x`]) },
    { title: `${axis(metric)}, ${category}` }, true);
}
