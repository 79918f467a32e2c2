// All images in a row, sorted; and the next one.

/** The images in the order that is chosen; those without a value last. */
function sorted() {
  const { category, factor, metric, a, b, sort } = state, there = images(category, factor);
  if (sort === "order") return there;
  const of = values(a, category, factor, metric), others = values(b, category, factor, metric);
  const way = (sort === "worst") === METRICS[metric].higher ? 1 : -1;
  const rank = new Map(there.map((image) => {
    const value = of.get(image) ?? NaN;
    const found = sort === "gap" ? -Math.abs(value - (others.get(image) ?? NaN)) : way * value;
    return [image, Number.isNaN(found) ? Infinity : found];
  }));
  return there.sort((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0) || 0);
}

function showStrip() {
  const { category, factor, metric, a, b, sort } = state, of = sorted(), name = METRICS[metric].title;
  const mine = values(a, category, factor, metric), others = values(b, category, factor, metric);
  offer("sort", [["order", "the table"], ["worst", `worst ${name} of A`], ["best", `best ${name} of A`],
    ["gap", `|A − B| in ${name}`]], sort);
  offer("image", of.map((image) => [image, image]), state.image);
  at("strip").replaceChildren(...of.map((image) => {
    const value = mine.get(image) ?? NaN, gap = Math.abs(value - (others.get(image) ?? NaN));
    const where = address("hr", "", category, factor, image) || address("sr", a, category, factor, image);
    return el("button", { type: "button", "data-image": image, onclick: () => set({ image }) },
      el("img", { src: where || null, alt: "", loading: "lazy", decoding: "async" }), el("span", { class: "name" }, image),
      el("small", {}, sort === "gap" ? `|Δ| ${shown(metric, gap)}` : shown(metric, value)));
  }));
  showCurrent();
}

function showCurrent() {
  chooser("image").value = state.image;
  for (const button of at("strip").children) {
    const mine = /** @type {HTMLElement} */ (button).dataset.image === state.image;
    button.setAttribute("aria-current", String(mine));
    if (mine) at("strip").scrollLeft = /** @type {HTMLElement} */ (button).offsetLeft - at("strip").clientWidth / 2;
  }
}

/** Go to another image, and have the one behind it ready. @param {number} by */
function step(by) {
  const of = sorted(), place = of.indexOf(state.image) + by;
  if (!of[place]) return;
  set({ image: of[place] });
  for (const { kind, method } of panes) {
    const next = address(kind, method, state.category, state.factor, of[place + by] ?? "");
    if (next) new Image().src = next;
  }
}
