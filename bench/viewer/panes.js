// The large picture, and a pane for LR, for each method that is chosen, and for the truth.

/** @type {Pane[]} */
let panes = [];
let truth = false; // while it is held
/** @param {Kind} kind @param {string} method */
const named = (kind, method) => (kind === "lr" ? "LR, the input" : kind === "hr" ? "HR, the truth" : title(method));

/** A picture, or the words that say why there is none. @param {string} name */
const layer = (name) => el("div", { class: `layer ${name}` },
  el("img", { draggable: "false", hidden: true }), el("span", { class: "word" }));
const stage = [layer("main"), layer("main second"), layer("over"), layer("lens")];

/** Show a picture of the image in a layer. @param {HTMLElement} layer @param {Kind} kind @param {string} method */
function put(layer, kind, method) {
  const { category, factor, image } = state, where = address(kind, method, image);
  const [picture, word] = /** @type {any} */ (layer.children);
  if (where && picture.getAttribute("src") !== where) picture.src = where;
  picture.alt = layer.classList.contains("main") ? `${named(kind, method)}: ${category} ${factor}x, image ${image}` : "";
  picture.hidden = !where;
  const run = kind !== "sr" || methodsOf(category, factor).includes(method), lost = kind === "sr" && failed(method);
  word.textContent = where ? "" : lost ? "failed: scored with bicubic" : run ? "no picture here" : "not measured";
}

/** Make the panes of the methods that are chosen. */
function build() {
  panes = [pane("lr", "", 0), ...state.show.map((method, index) => pane("sr", method, index + 1)), pane("hr", "", 0)];
  at("panes").replaceChildren(...panes.map((each) => each.top));
  for (const [index, method] of METHODS.entries()) at("methods").children[index].firstChild.checked = state.show.includes(method);
}

/** @param {string} method */
const toggle = (method) => set({ show: METHODS.filter((each) => state.show.includes(each) !== (each === method)) });

/** @param {Kind} kind @param {string} method @param {number} place @returns {Pane} */
function pane(kind, method, place) {
  const layers = [layer("main"), layer("over"), layer("lens")];
  const values = el("dl", { class: "values" }), box = el("div", { class: "box" }, ...layers);
  const sides = (kind === "sr" ? ["a", "b"] : []).map((side) => el("button", { type: "button", class: "side", "data-side": side,
    "aria-label": `${title(method)} as ${side}`, onclick: () => set({ [side]: method }) }, side.toUpperCase()));
  const top = el("figure", { class: `pane ${kind}` }, el("figcaption", {},
    place > 0 && place < 10 ? el("kbd", {}, String(place)) : null,
    el("span", { class: "name", title: named(kind, method) }, named(kind, method)), ...sides), box, values);
  handle(box);
  return { kind, method, layers, values, top };
}

/** Put the image into all panes, and its values below them. */
function showPanes() {
  const best = new Map(SHOWN.map((metric) => {
    const found = panes.map((each) => valueOf(each.method, metric)).filter(Number.isFinite);
    return [metric, METRICS[metric].higher ? Math.max(...found) : Math.min(...found)];
  }));
  for (const { kind, method, layers, values, top } of panes) {
    put(layers[0], kind, method);
    if (state.difference && kind === "sr") put(layers[1], "hr", "");
    if (state.lens) put(layers[2], kind, method);
    for (const button of /** @type {any} */ (top.querySelectorAll(".side"))) {
      button.ariaPressed = String((button.dataset.side === "a" ? state.a : state.b) === method);
    }
    values.replaceChildren(...(kind === "sr" ? SHOWN : []).map((metric) => el("div",
      { class: valueOf(method, metric) === best.get(metric) ? "top" : null },
      el("dt", {}, METRICS[metric].title), el("dd", {}, shown(metric, valueOf(method, metric))))));
  }
}

/** The large picture: A, A beside B, or the truth. */
function showStage() {
  const { a, b, slider, difference, lens, category, factor, image, metric } = state, held = truth || !a;
  at("image").value = image;
  at("stage").className = held ? "held" : slider ? "sliding" : "";
  for (const layer of lens ? [stage[0], stage[3]] : [stage[0]]) put(layer, held ? "hr" : "sr", held ? "" : a);
  if (slider) put(stage[1], "sr", b);
  if (difference) put(stage[2], "hr", "");
  const side = (/** @type {string} */ letter, /** @type {string} */ method) => el("span", {}, `${letter} `,
    el("span", { class: "name" }, title(method)), " ", el("b", {}, shown(metric, valueOf(method, metric))));
  at("shown").replaceChildren(...(held ? [named("hr", "")] : slider ? [side("A", a), side("B", b)] : [side("A", a)]),
    el("span", { class: "where" }, `${category} ${factor}x, ${image}, ${METRICS[metric].title}`));
  at("viewing").classList.toggle("differing", difference);
  at("viewing").classList.toggle("lensing", lens);
  for (const [id, on] of Object.entries({ slider, difference, lens, truth })) at(id).ariaPressed = String(on);
}

/** @param {boolean} held */
const hold = (held) => [(truth = held), showStage()];

function buildStage() {
  const box = el("div", { class: "box" }, ...stage, el("div", { class: "handle" }));
  at("stage").append(el("p", { id: "shown", "aria-live": "polite" }), box, el("input", { type: "range", id: "split", min: 0,
    max: 1, step: "any", "aria-label": "Border between A and B", oninput: () => set({ split: Number(at("split").value) }) }));
  handle(box);
  at("methods").append(...METHODS.map((method) => el("label", { class: "check" },
    el("input", { type: "checkbox", onchange: () => toggle(method) }), el("span", { class: "name" }, title(method)))));
}
