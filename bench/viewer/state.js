// What is shown. The address of the page keeps it, so that who is sent the address sees the same.

/** @typedef {{metric: string, category: string, factor: number, across: string, published: boolean, differences: boolean,
 *   image: string, a: string, b: string, show: string[], sort: string, slider: boolean, split: number,
 *   difference: boolean, lens: boolean, zoom: number, px: number, py: number, x: string, y: string}} State */

const MOST = 8; // panes that a page opens with; more can be chosen

/** @returns {State} */
function first() {
  const withPictures = CELLS.find((cell) => images(cell.task.category, cell.task.factor).length > 0);
  const { category, factor } = (withPictures ?? CELLS[0]).task;
  return fitting({
    metric: SHOWN[0], category, factor, across: "category", published: false, differences: false, image: "", a: "", b: "",
    show: [], sort: "order", slider: false, split: 0.5, difference: false, lens: false, zoom: 1, px: 0.5, py: 0.5,
    x: SHOWN.includes("psnr") ? "psnr" : SHOWN[0], y: SHOWN.includes("lpips") ? "lpips" : SHOWN[1] ?? SHOWN[0],
  });
}

/**
 * The same with whatever there is: an address may be of another table, or of other methods.
 * @param {State} wanted
 * @returns {State}
 */
function fitting(wanted) {
  /** @template T @param {T[]} among @param {T} value @param {T} other */
  const one = (among, value, other) => (among.includes(value) ? value : other);
  const category = one(CATEGORIES, wanted.category, CATEGORIES[0]), factor = one(FACTORS, wanted.factor, FACTORS[0]);
  const methods = methodsOf(category, factor), there = images(category, factor);
  const show = wanted.show.filter((method) => METHODS.includes(method));
  const last = methods[methods.length - 1] ?? "";
  const x = one(SHOWN, wanted.x, SHOWN[0]), y = one(SHOWN, wanted.y, SHOWN[0]);
  const metric = one(SHOWN, wanted.metric, SHOWN[0]);
  const across = one(["category", "factor", "metric"], wanted.across, "category");
  const sort = one(["order", "worst", "best", "gap"], wanted.sort, "order");
  const zoom = within(wanted.zoom, 1, 64), half = 0.5 / zoom;
  return {
    ...wanted, category, factor, metric, across, sort, x, y, zoom,
    px: within(wanted.px, half, 1 - half), py: within(wanted.py, half, 1 - half), split: within(wanted.split, 0, 1),
    image: one(there, wanted.image, there[0] ?? ""),
    a: one(methods, wanted.a, last), b: one(methods, wanted.b, methods[0] ?? ""),
    show: show.length ? show : METHODS.slice(-MOST),
  };
}

/** @param {number} value @param {number} least @param {number} most */
const within = (value, least, most) => Math.min(most, Math.max(least, Number.isFinite(value) ? value : least));

/** @param {unknown} one @param {unknown} other */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

const FIRST = first();
let state = FIRST;
/** @type {((before: State) => void)[]} */
const watchers = [];
let writing = 0;

/** @param {Partial<State>} changes */
function set(changes) {
  const before = state;
  state = fitting({ ...state, ...changes });
  for (const watch of watchers) watch(before);
  clearTimeout(writing);
  writing = window.setTimeout(() => history.replaceState(null, "", `#${inAddress()}`), 150); // browsers limit how often
}

/** What differs from how the page opens. */
function inAddress() {
  const told = Object.entries(state).filter(([name, value]) => !same(value, FIRST[/** @type {keyof State} */ (name)]));
  return new URLSearchParams(told.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]))
    .toString();
}

/** Take over what the address says; what it does not say is as the page opens. */
function fromAddress() {
  /** @type {Record<string, any>} */
  const wanted = { ...FIRST };
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    if (typeof wanted[name] === "string") wanted[name] = text;
    else if (name in FIRST) wanted[name] = parsed(text, wanted[name]);
  }
  set(/** @type {State} */ (wanted));
}

/**
 * A value of the kind of another one; that one, if it is none.
 * @param {string} text
 * @param {any} other
 */
function parsed(text, other) {
  try {
    const value = JSON.parse(text);
    if (Array.isArray(other)) return Array.isArray(value) ? value.filter((each) => typeof each === "string") : other;
    return typeof value === typeof other ? value : other;
  } catch {
    return other;
  }
}
