// What is shown. The address of the page keeps it, so that who is sent the address sees the same.

const OPENED = METHODS.slice(-8); // the panes that a page opens with; more can be chosen, or fewer
/** @param {number} value @param {number} least @param {number} most */
const within = (value, least, most) => Math.min(most, Math.max(least, Number.isFinite(value) ? value : least));
/** @param {unknown} one @param {unknown} other */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** A state of what there is: an address may be of another table. @param {State} wanted @param {State} kept @returns {State} */
function fitting(wanted, kept = wanted) {
  /** @template T @param {T[]} among @param {T} value @param {T} other */
  const one = (among, value, other = among[0]) => (among.includes(value) ? value : other);
  const category = one(CATEGORIES, wanted.category), factor = one(FACTORS, wanted.factor), zoom = within(wanted.zoom, 1, 64);
  const methods = methodsOf(category, factor), half = 0.5 / zoom, show = wanted.show.filter((method) => METHODS.includes(method));
  const found = methods.filter((each) => picturesOf.has(key("sr", each, category, factor))), seen = found.length ? found : methods;
  return {
    ...wanted, category, factor, zoom, metric: one(SHOWN, wanted.metric), x: one(SHOWN, wanted.x), y: one(SHOWN, wanted.y),
    across: one(["category", "factor", "metric"], wanted.across), sort: one(["order", "worst", "best", "gap"], wanted.sort),
    px: within(wanted.px, half, 1 - half), py: within(wanted.py, half, 1 - half), split: within(wanted.split, 0, 1),
    image: one(images(category, factor), wanted.image) ?? "", show: show.length || !wanted.show.length ? show : OPENED,
    a: one(methods, wanted.a, one(methods, kept.a, seen.at(-1))) ?? "", b: one(methods, wanted.b, one(methods, kept.b, seen[0])) ?? "",
  };
}

/** As the page opens: where there are pictures, if there are any, of most methods. */
function first() {
  const { category } = PAGE.pictures.find((of) => of.kind === "sr") ?? TABLE.cells[0].task;
  const [factor] = [...FACTORS].sort((one, other) => methodsOf(category, other).length - methodsOf(category, one).length);
  const [x, y] = SHOWN.includes("psnr") && SHOWN.includes("lpips") ? ["psnr", "lpips"] : [SHOWN[0], SHOWN[1] ?? SHOWN[0]];
  return fitting({ metric: "", category, factor, across: "", published: false, differences: false, image: "", a: "", b: "",
    show: OPENED, sort: "", slider: false, split: 0.5, difference: false, lens: false, zoom: 1, px: 0.5, py: 0.5, x, y });
}

const FIRST = first();
let state = FIRST;
/** @type {(before: State) => void} what is done when something changes */
let changing = () => {};
let writing = 0;

/** @param {Partial<State>} changes */
function set(changes, kept = state) {
  const before = state;
  state = fitting({ ...state, ...changes }, kept);
  changing(before);
  clearTimeout(writing);
  writing = window.setTimeout(() => history.replaceState(null, "", `#${inAddress()}`), 150); // browsers limit how often
}

/** What differs from how the page opens. */
function inAddress() {
  const told = Object.entries(state).filter(([name, value]) => !same(value, FIRST[/** @type {keyof State} */ (name)]));
  const text = (/** @type {any} */ value) => (Array.isArray(value) ? value.join("\n") : String(value));
  return String(new URLSearchParams(told.map(([name, value]) => [name, text(value)])));
}

/** Take over what the address says; what it does not say is as the page opens. */
function fromAddress() {
  /** @type {any} */
  const wanted = { ...FIRST };
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    const other = Object.hasOwn(FIRST, name) ? wanted[name] : null;
    if (typeof other === "string") wanted[name] = text;
    else if (Array.isArray(other)) wanted[name] = text ? text.split("\n") : [];
    else if (typeof other === "boolean") wanted[name] = text === "true";
    else if (other !== null) wanted[name] = Number(text);
  }
  set(wanted, FIRST);
}
