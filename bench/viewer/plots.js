// Perception against distortion, and a metric against the factor, drawn at the size there is.

/** @param {string} method */
const colour = (method) => `c${METHODS.indexOf(method) % 8}`;

/** Round numbers in a range. @param {number} least @param {number} most @returns {[number, string][]} */
function ticks(least, most, count = 6) {
  const rough = (most - least) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10), from = Math.ceil(least / step);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: Math.floor(most / step) - from + 1 }, (_, index) => (from + index) * step)
    .map((value) => [value, value.toFixed(digits).replace("-", "−")]);
}

/** Where values go on an axis. @param {number[]} all @param {number} from @param {number} to */
function scale(all, from, to) {
  const least = Math.min(...all), room = (Math.max(...all) - least || 1) * 0.06, most = Math.max(...all) + room;
  const place = (/** @type {number} */ value) => from + ((value - least + room) * (to - from)) / (most - least + room);
  return { place, least: least - room, most };
}

/** Draw marks; own ticks: joined by method. @param {string} id @param {Mark[]} marks @param {Axes} axes */
function draw(id, marks, { across, up, own }) {
  const host = at(id).querySelector(".plot");
  if ((at(id).hidden = !marks.length)) return;
  const width = host.clientWidth || 600, height = within(width * 0.66, 280, 520), bottom = height - 44;
  const xs = scale(marks.flatMap(({ x, dx = 0 }) => [x - dx, x + dx]), 60, width - 12), x = xs.place;
  const ys = scale(marks.flatMap(({ y, dy = 0 }) => [y - dy, y + dy]), bottom, 12), y = ys.place;
  const grid = [
    ...(own ?? ticks(xs.least, xs.most, width / 100)).flatMap(([value, text]) => [
      svg("line", { class: "grid", x1: x(value), x2: x(value), y1: 12, y2: bottom }),
      svg("text", { x: x(value), y: bottom + 17, "text-anchor": "middle" }, text)]),
    ...ticks(ys.least, ys.most).flatMap(([value, text]) => [
      svg("line", { class: "grid", x1: 60, x2: width - 12, y1: y(value), y2: y(value) }),
      svg("text", { x: 54, y: y(value) + 4, "text-anchor": "end" }, text)]),
    svg("text", { class: "axis", x: (width + 48) / 2, y: height - 6, "text-anchor": "middle" }, across),
    svg("text", { class: "axis", transform: `translate(13 ${bottom / 2}) rotate(-90)`, "text-anchor": "middle" }, up)];
  const lines = METHODS.map((method) => svg("polyline", { class: `line ${colour(method)}`, points: marks.filter((mark) =>
    mark.method === method && mark.kind === "mean").map((mark) => `${x(mark.x)},${y(mark.y)}`).join(" ") }));
  const named = own || width < 560 ? [] : labels(marks, x, y, width);
  const reached = () => [...host.querySelectorAll("[tabindex]")], focused = reached().indexOf(document.activeElement);
  host.replaceChildren(svg("svg", { width, height, role: "group", "aria-label": `${up} over ${across}` }, ...grid,
    ...(own ? lines : []), ...marks.map((mark) => marked(mark, x, y)), ...named));
  reached()[focused]?.focus();
}

/** @param {Mark} mark @param {To} x @param {To} y */
function marked(mark, x, y) {
  const { go, r, kind, dx = 0, dy = 0 } = mark, mine = go && kind === "mean", [left, top] = [x(mark.x), y(mark.y)];
  const bars = svg("path", { d: `M${x(mark.x - dx)},${top}H${x(mark.x + dx)}M${left},${y(mark.y - dy)}V${y(mark.y + dy)}` });
  const diamond = svg("path", { d: `M${left},${top - r}l${r},${r}l${-r},${r}l${-r},${-r}z` });
  return svg("g", { class: `mark ${kind} ${colour(mark.method)}`, "data-image": mark.image ?? null, onclick: go ?? (() => {}),
    onkeydown: (/** @type {KeyboardEvent} */ event) => ["Enter", " "].includes(event.key) && [event.preventDefault(), go?.()],
    tabindex: mine ? 0 : null, role: mine ? "button" : null, "aria-label": mine ? mark.note : null },
  kind === "mean" ? bars : null, kind === "published" ? diamond : svg("circle", { cx: left, cy: top, r }),
  svg("title", {}, mark.note));
}

/** The names of the means, moved apart. @param {Mark[]} marks @param {To} x @param {To} y @param {number} width */
function labels(marks, x, y, width) {
  /** @type {{left: number, wide: number, top: number}[]} */
  const placed = [];
  return marks.filter((mark) => mark.kind === "mean").sort((one, other) => y(one.y) - y(other.y)).map((mark) => {
    const name = title(mark.method).replace(/^(.{24}).{3,}$/u, "$1…"), wide = 7 * name.length + 8;
    const right = x(mark.x) + mark.r + 3, left = right + wide > width ? x(mark.x) - mark.r - 3 - wide : right;
    const near = placed.filter((other) => left < other.left + other.wide && other.left < left + wide);
    const top = Math.max(y(mark.y) - 5, ...near.map((other) => other.top + 14));
    placed.push({ left, wide, top });
    return svg("text", { class: "label", x: left, y: top }, name);
  });
}

/** @param {string} method @param {string} metric */
const published = (method, metric, factor = state.factor) => TABLE.report.published.find((each) =>
  same([each.method, each.metric, each.category, each.factor], [method, metric, state.category, factor]))?.value ?? NaN;

/** @param {string} metric */
const axis = (metric) => `${METRICS[metric].title} (${better(metric)} is better)`;
/** @param {Mark[]} marks */
const finite = (marks) => marks.filter((mark) => Number.isFinite(mark.x) && Number.isFinite(mark.y));

function showScatter() {
  const { category, factor, x, y, a, b } = state, here = new Set(images(category, factor));
  /** @param {string} method @param {string} image @returns {Mark} */
  const dot = (method, image) => {
    const place = { ...state, image }, note = `${title(method)}, image ${image}`;
    const go = () => [set({ image, a: method }), at("viewer").scrollIntoView()];
    return { x: valueOf(method, x, place), y: valueOf(method, y, place), r: 3.5, method, kind: "image", note, image,
      go: here.has(image) ? go : undefined };
  };
  const dots = [...new Set([a, b])].flatMap((method) =>
    [...values(method, category, factor, x).keys()].map((image) => dot(method, image)));
  const others = methodsOf(category, factor).flatMap((method) => {
    const [one, other] = [x, y].map((metric) => figureOf.get(key(method, category, factor, metric)));
    const seconds = secondsOf.get(key(method, category, factor)) ?? 0;
    const r = seconds ? 4 + 2 * within(Math.log10(seconds) + 5, 0, 8) : 7;
    const note = title(method) + (seconds ? `, ${Number(seconds.toPrecision(2))} s an image` : "");
    return /** @type {Mark[]} */ ([
      { x: published(method, x), y: published(method, y), r: 7, method, kind: "published", note: `${title(method)}, published` },
      { x: number(one?.mean), y: number(other?.mean), dx: Number(one?.ci95), dy: Number(other?.ci95), r, method, kind: "mean",
        note, go: () => set({ a: method }) }]);
  });
  const marks = SHOWN.length > 1 ? finite([...dots, ...others]) : [];
  draw("scatter", marks, { across: `${axis(x)}, ${category} at ${factor}x`, up: axis(y) });
}

function showCurves() {
  const { category, metric } = state;
  const marks = finite(METHODS.flatMap((method) => FACTORS.flatMap((factor) => {
    const found = figureOf.get(key(method, category, factor, metric)), x = Math.log2(factor);
    const note = `${title(method)} at ${factor}x`;
    return /** @type {Mark[]} */ ([
      { x, y: published(method, metric, factor), r: 6, method, kind: "published", note: `${note}, published` },
      { x, y: number(found?.mean), dy: Number(found?.ci95), r: 4, method, kind: "mean", note: `${note}: ${found?.mean}`,
        go: () => set({ factor, a: method }) }]);
  })));
  const own = FACTORS.map((each) => /** @type {[number, string]} */ ([Math.log2(each), `${each}x`]));
  draw("curves", FACTORS.length > 1 ? marks : [], { across: `Factor, ${category}`, up: axis(metric), own });
}

function showPlots() {
  showScatter();
  showCurves();
  at("plots").hidden = at("scatter").hidden && at("curves").hidden;
  at("legend").replaceChildren(...METHODS.map((method) => el("li", {}, el("i", { class: colour(method) }), title(method))));
}
