// The large picture, and a pane for LR, for each method that is chosen, and for the truth.

/** @typedef {"lr" | "sr" | "hr"} Kind */
/** @typedef {{kind: Kind, method: string, layers: HTMLElement[], values: HTMLElement, top: HTMLElement}} Pane */
/** @type {Pane[]} */
let panes = [];
let truth = false; // while it is held

/** @param {Kind} kind @param {string} method */
const named = (kind, method) => (kind === "lr" ? "LR, the input" : kind === "hr" ? "HR, the truth" : title(method));

/** A picture, or the word that says why there is none. @param {string} name */
const layer = (name) => el("div", { class: `layer ${name}` },
  el("img", { draggable: "false", decoding: "async", hidden: true }), el("span", { class: "word" }));

/** Show a picture of the image in a layer. @param {HTMLElement} layer @param {Kind} kind @param {string} method */
function put(layer, kind, method) {
  const { category, factor, image } = state, where = address(kind, method, category, factor, image);
  const picture = /** @type {HTMLImageElement} */ (layer.children[0]), word = /** @type {HTMLElement} */ (layer.children[1]);
  if (where && picture.getAttribute("src") !== where) picture.src = where;
  picture.alt = layer.classList.contains("main") ? `${named(kind, method)}: ${category} ${factor}x, image ${image}` : "";
  picture.hidden = !where;
  const lost = kind === "sr" && failed(method, category, factor, image);
  word.textContent = where ? "" : lost ? "failed: scored with the bicubic result" : "no picture here";
}

/** Build the panes anew: of other methods, or for another category. */
function build() {
  panes = [pane("lr", "", 0), ...state.show.map((method, index) => pane("sr", method, index + 1)), pane("hr", "", 0)];
  at("panes").replaceChildren(...panes.map((each) => each.top));
  at("methods").replaceChildren(...METHODS.map((method) => el("label", { class: "check" },
    filled(el("input", { type: "checkbox", onchange: () => toggle(method) }), { checked: state.show.includes(method) }, []),
    el("span", { class: "name" }, title(method)))));
}

/** @param {string} method */
const toggle = (method) => set({ show: METHODS.filter((each) => state.show.includes(each) !== (each === method)) });

/** @param {Kind} kind @param {string} method @param {number} number @returns {Pane} */
function pane(kind, method, number) {
  const layers = [layer("main"), layer("over"), layer("lens")];
  const values = el("dl", { class: "values" }), box = el("div", { class: "box" }, ...layers);
  /** @param {"a" | "b"} side */
  const choose = (side) => el("button", { type: "button", class: "side", "data-side": side,
    "aria-label": `${title(method)} as ${side.toUpperCase()}`, onclick: () => set({ [side]: method }) }, side.toUpperCase());
  const top = el("figure", { class: `pane ${kind}` }, el("figcaption", {},
    number > 0 && number < 10 ? el("kbd", {}, String(number)) : null, el("span", { class: "name" }, named(kind, method)),
    ...(kind === "sr" ? [choose("a"), choose("b")] : [])), box, values);
  handled(box);
  return { kind, method, layers, values, top };
}

/** Put the image into all panes. */
function showPanes() {
  const { category, factor, image } = state;
  at("viewing").classList.toggle("differing", state.difference);
  at("viewing").classList.toggle("lensing", state.lens);
  const best = new Map(SHOWN.map((metric) => {
    const found = panes.map((each) => values(each.method, category, factor, metric).get(image) ?? NaN).filter(Number.isFinite);
    return [metric, METRICS[metric].higher ? Math.max(...found) : Math.min(...found)];
  }));
  for (const { kind, method, layers, values: list, top } of panes) {
    put(layers[0], kind, method);
    if (state.difference && kind === "sr") put(layers[1], "hr", "");
    if (state.lens) put(layers[2], kind, method);
    for (const button of top.querySelectorAll(".side")) {
      button.setAttribute("aria-pressed", String(state[/** @type {any} */ (button).dataset.side === "a" ? "a" : "b"] === method));
    }
    list.replaceChildren(...(kind === "sr" ? SHOWN : []).map((metric) => {
      const value = values(method, category, factor, metric).get(image) ?? NaN;
      return el("div", { class: value === best.get(metric) ? "top" : null }, el("dt", {}, METRICS[metric].title),
        el("dd", {}, shown(metric, value)));
    }));
  }
  showStage();
}

const stage = [layer("main"), layer("main second"), layer("over"), layer("lens")];

/** The large picture: A, or A beside B, or the truth. */
function showStage() {
  const { a, b, slider, category, factor, image, metric } = state, held = truth || !a;
  at("stage").className = held ? "held" : slider ? "sliding" : "";
  put(stage[0], held ? "hr" : "sr", held ? "" : a);
  if (slider) put(stage[1], "sr", b);
  if (state.difference) put(stage[2], "hr", "");
  if (state.lens) put(stage[3], held ? "hr" : "sr", held ? "" : a);
  /** @param {string} letter @param {string} method */
  const side = (letter, method) => el("span", { class: "name" }, `${letter} ${title(method)} `,
    el("b", {}, shown(metric, values(method, category, factor, metric).get(image) ?? NaN)));
  at("shown").replaceChildren(...(held ? [el("span", {}, named("hr", ""))] : slider ? [side("A", a), side("B", b)] : [side("A", a)]),
    el("span", { class: "where" }, `${category} ${factor}x, ${image}, ${METRICS[metric].title}`));
  for (const [id, on] of Object.entries({ slider, difference: state.difference, lens: state.lens, truth })) {
    at(id).setAttribute("aria-pressed", String(on));
  }
}

/** @param {boolean} held */
function hold(held) {
  if (held === truth) return;
  truth = held;
  showStage();
}

function buildStage() {
  const range = el("input", { type: "range", id: "split", min: 0, max: 1, step: "any", "aria-label": "Border between A and B",
    oninput: () => set({ split: Number(/** @type {HTMLInputElement} */ (range).value) }) });
  const box = el("div", { class: "box" }, ...stage, el("div", { class: "handle" }));
  at("stage").append(el("p", { id: "shown", "aria-live": "polite" }), box, range);
  handled(box);
}
