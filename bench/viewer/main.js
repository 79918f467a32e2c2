// What the page does with a choice, a key, an address; and its start.

/** @param {State} before @param {(keyof State)[]} names */
const changed = (before, ...names) => names.some((name) => !same(before[name], state[name]));

/** @param {State | null} before */
function show(before) {
  /** @param {(keyof State)[]} names */
  const anew = (...names) => before === null || changed(before, ...names);
  if (anew("metric", "category", "factor", "across", "published", "differences")) {
    showChoices();
    showTable();
    showComparisons();
  }
  const there = images(state.category, state.factor).length > 0;
  at("viewing").hidden = !there;
  at("empty").hidden = there;
  if (there) {
    if (anew("show")) build();
    if (anew("category", "factor", "metric", "a", "b", "sort")) showStrip();
    else if (anew("image")) showCurrent();
    if (anew("category", "factor", "metric", "a", "b", "image", "show", "slider", "difference", "lens")) showPanes();
    showView();
    /** @type {HTMLInputElement} */ (at("split")).value = String(state.split);
  }
  if (anew("category", "factor", "metric", "a", "b", "image", "x", "y")) {
    showScatter();
    showCurves();
    at("plots").hidden = at("scatter").hidden && at("curves").hidden;
  }
}

function showChoices() {
  const metrics = SHOWN.map((name) => /** @type {[string, string]} */ ([name, METRICS[name].title]));
  offer("metric", metrics, state.metric);
  offer("x", metrics, state.x);
  offer("y", metrics, state.y);
  offer("category", CATEGORIES.map((each) => [each, each]), state.category);
  offer("factor", FACTORS.map((each) => [String(each), `${each}x`]), String(state.factor));
  offer("across", [["category", "categories"], ["factor", "factors"], ["metric", "metrics"]], state.across);
  const methods = methodsOf(state.category, state.factor).map((each) => /** @type {[string, string]} */ ([each, title(each)]));
  offer("a", methods, state.a);
  offer("b", methods, state.b);
  /** @type {HTMLInputElement} */ (at("published")).checked = state.published;
  /** @type {HTMLInputElement} */ (at("differences")).checked = state.differences;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {Element} */ (event.target), move = 0.1 / state.zoom;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("select, input, summary")) return;
  if (event.key === " " && target.closest("button, a")) return;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => (event.shiftKey ? set({ px: state.px - move }) : step(-1)),
    ArrowRight: () => (event.shiftKey ? set({ px: state.px + move }) : step(1)),
    " ": () => hold(true), s: () => set({ slider: !state.slider }), d: () => set({ difference: !state.difference }),
    l: () => set({ lens: !state.lens }), "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => set({ zoom: 1 }),
  };
  if (event.shiftKey) Object.assign(keys, { ArrowUp: () => set({ py: state.py - move }), ArrowDown: () => set({ py: state.py + move }) });
  const method = /^[1-9]$/.test(event.key) ? state.show[Number(event.key) - 1] : undefined;
  const act = method ? () => set({ a: method }) : Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
  if (!act) return;
  event.preventDefault();
  act();
}

function start() {
  for (const name of /** @type {const} */ (["metric", "category", "across", "image", "sort", "a", "b", "x", "y"])) {
    onChoice(name, (value) => set({ [name]: value }));
  }
  onChoice("factor", (value) => set({ factor: Number(value) }));
  for (const name of /** @type {const} */ (["slider", "difference", "lens"])) {
    at(name).addEventListener("click", () => set({ [name]: !state[name] }));
  }
  for (const name of /** @type {const} */ (["published", "differences"])) {
    at(name).addEventListener("change", () => set({ [name]: /** @type {HTMLInputElement} */ (at(name)).checked }));
  }
  const clicks = { back: () => step(-1), forth: () => step(1), in: () => zoom(1.5), out: () => zoom(1 / 1.5),
    whole: () => set({ zoom: 1 }), truth: () => hold(!truth) };
  for (const [id, act] of Object.entries(clicks)) at(id).addEventListener("click", act);
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", (event) => event.key === " " && !(/** @type {Element} */ (event.target).closest("button")) && hold(false));
  window.addEventListener("hashchange", fromAddress);
  window.addEventListener("beforeprint", () => document.querySelectorAll("details:not(.menu)").forEach((each) => each.setAttribute("open", "")));
  new ResizeObserver(() => { showScatter(); showCurves(); }).observe(at("plots"));
  buildStage();
  build();
  watchers.push(show);
  fromAddress();
  show(null);
}

start();
