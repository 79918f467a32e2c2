// All images in a row, sorted; and the next one.

/** The images in the order that is chosen; those without a value last. */
function sorted({ category, factor, metric, a, b, sort } = state) {
  const there = images(category, factor);
  if (sort === "order") return there;
  const way = (sort === "worst") === METRICS[metric].higher ? 1 : -1;
  const mine = values(a, category, factor, metric), others = values(b, category, factor, metric);
  const rank = new Map(there.map((image) => {
    const value = mine.get(image) ?? NaN, gap = Math.abs(value - (others.get(image) ?? NaN));
    return [image, sort === "gap" ? -gap : way * value];
  }));
  return there.sort((one, other) => rising(rank.get(one) ?? NaN, rank.get(other) ?? NaN));
}

function showStrip() {
  const { category, factor, metric, a, b, sort } = state, of = sorted(), name = METRICS[metric].title;
  const mine = values(a, category, factor, metric), others = values(b, category, factor, metric);
  offer("sort", [["order", "the table"], ["worst", `worst ${name} of A`], ["best", `best ${name} of A`],
    ["gap", `|A − B| in ${name}`]], sort);
  offer("image", of.map((image) => [image, image]), state.image);
  at("strip").replaceChildren(...of.map((image) => {
    const value = mine.get(image) ?? NaN, gap = Math.abs(value - (others.get(image) ?? NaN));
    const where = address("hr", "", image) || address("sr", a, image);
    return el("button", { type: "button", "data-image": image, onclick: () => set({ image }) },
      el("img", { src: where || null, alt: "", loading: "lazy" }), el("span", { class: "name" }, image),
      el("small", {}, sort === "gap" ? `|Δ| ${shown(metric, gap)}` : shown(metric, value)));
  }));
  showCurrent();
}

/** Mark the image that is shown, in the strip and in the plot. */
function showCurrent() {
  for (const each of document.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
  for (const each of document.querySelectorAll(`[data-image="${CSS.escape(state.image)}"]`)) each.ariaCurrent = "true";
  const mine = at("strip").querySelector("[aria-current]");
  if (mine) at("strip").scrollLeft = mine.offsetLeft - at("strip").clientWidth / 2;
}

/** Go to another image, and have the one behind it ready. @param {number} by */
function step(by) {
  const of = sorted(), place = of.indexOf(state.image) + by;
  if (!of[place]) return;
  set({ image: of[place] });
  for (const { kind, method } of panes) new Image().src = address(kind, method, of[place + by] ?? "");
}
