// What the page does with a choice, a key, an address; and its start.

/** @type {State | null} what the slower parts show: they follow when the panes are painted */
let followed = null;
let following = 0;
/** @param {State | null} before @param {(keyof State)[]} names */
const changed = (before, ...names) => before === null || names.some((name) => !same(before[name], state[name]));

/** @param {State | null} before */
function show(before) {
  at("empty").hidden = images(state.category, state.factor).length > 0;
  at("viewing").hidden = !at("empty").hidden;
  if (changed(before, "show")) build();
  if (changed(before, "category", "factor", "a", "b", "image", "show", "difference", "lens")) showPanes();
  showStage();
  showView();
  clearTimeout(following);
  if (before === null) follow();
  else following = window.setTimeout(follow, 20);
}

function follow() {
  showChoices();
  if (changed(followed, "metric", "category", "factor", "across", "published", "differences")) showTable();
  if (changed(followed, "category", "factor", "metric", "a", "b", "x", "y")) showPlots();
  if (changed(followed, "category", "factor", "metric", "a", "b", "sort")) showStrip();
  else if (changed(followed, "image")) showCurrent();
  followed = state;
}

function showChoices() {
  /** @param {string[]} names @param {(name: string) => string} told @returns {[string, string][]} */
  const listed = (names, told) => names.map((name) => [name, told(name)]);
  const methods = listed(methodsOf(state.category, state.factor), title);
  const metrics = listed(SHOWN, (name) => METRICS[name].title);
  for (const id of /** @type {const} */ (["metric", "x", "y"])) offer(id, metrics, state[id]);
  for (const id of /** @type {const} */ (["a", "b"])) offer(id, methods, state[id]);
  offer("category", listed(CATEGORIES, String), state.category);
  offer("factor", listed(FACTORS.map(String), (factor) => `${factor}x`), String(state.factor));
  offer("across", [["category", "categories"], ["factor", "factors"], ["metric", "metrics"]], state.across);
  for (const id of /** @type {const} */ (["published", "differences"])) at(id).checked = state[id];
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {Element} */ (event.target), by = 0.1 / state.zoom, shift = event.shiftKey, { px, py } = state;
  const menu = at("viewing").querySelector(".menu[open] > summary");
  if (event.key === "Escape" && menu) return [menu.click(), menu.focus()];
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("select, input, summary")) return;
  if (event.key === " " && target.closest("button, a, [role=button]")) return;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => (shift ? set({ px: px - by }) : step(-1)), ArrowRight: () => (shift ? set({ px: px + by }) : step(1)),
    ...(shift ? { ArrowUp: () => set({ py: py - by }), ArrowDown: () => set({ py: py + by }) } : {}),
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => set({ zoom: 1 }), " ": () => hold(true),
    s: () => at("slider").click(), d: () => at("difference").click(), l: () => at("lens").click(),
    ...Object.fromEntries(state.show.slice(0, 9).map((method, index) => [String(index + 1), () => set({ a: method })])),
  };
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
}

function start() {
  for (const id of ["metric", "category", "factor", "across", "image", "a", "b", "x", "y"])
    at(id).addEventListener("change", () => set({ [id]: id === "factor" ? Number(at(id).value) : at(id).value }));
  at("sort").addEventListener("change", () => [set({ sort: at("sort").value }), set({ image: sorted()[0] })]);
  for (const id of /** @type {const} */ (["slider", "difference", "lens"]))
    at(id).addEventListener("click", () => set({ [id]: !state[id] }));
  for (const id of ["published", "differences"]) at(id).addEventListener("change", () => set({ [id]: at(id).checked }));
  const clicks = { back: () => step(-1), forth: () => step(1), in: () => zoom(1.5), out: () => zoom(1 / 1.5),
    whole: () => set({ zoom: 1 }), truth: () => hold(!truth) };
  for (const [id, act] of Object.entries(clicks)) at(id).addEventListener("click", act);
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", (event) => event.key === " " && truth && hold(false));
  document.addEventListener("pointerdown", ({ target }) => document.querySelectorAll(".menu[open]").forEach((menu) =>
    menu.contains(/** @type {Node} */ (target)) || menu.removeAttribute("open")));
  window.addEventListener("hashchange", fromAddress);
  const folded = document.querySelectorAll("details:not(.menu)");
  window.addEventListener("beforeprint", () => folded.forEach((each) => each.setAttribute("open", "")));
  new ResizeObserver(showPlots).observe(at("plots"));
  buildStage();
  fromAddress();
  changing = show;
  show(null);
}

start();
