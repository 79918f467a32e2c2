// Elements: made from text alone, never from HTML, so that names of others stay text.

/** @typedef {Node | string | null} Child */

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function at(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** @param {string} id */
const chooser = (id) => /** @type {HTMLSelectElement} */ (at(id));

/**
 * Set attributes; `on...` are listeners, null and false are left out.
 * @template {Element} E
 * @param {E} element
 * @param {Record<string, any>} facts
 * @param {Child[]} children
 * @returns {E}
 */
function filled(element, facts, children) {
  for (const [name, value] of Object.entries(facts)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [facts]
 * @param {Child[]} children
 */
const el = (tag, facts = {}, ...children) => filled(document.createElement(tag), facts, children);

/**
 * @param {string} tag
 * @param {Record<string, any>} [facts]
 * @param {Child[]} children
 * @returns {SVGElement}
 */
const svg = (tag, facts = {}, ...children) =>
  filled(/** @type {SVGElement} */ (document.createElementNS("http://www.w3.org/2000/svg", tag)), facts, children);

/**
 * Fill a list to choose from, and call back with what is chosen.
 * @param {string} id
 * @param {(value: string) => void} chosen
 */
function onChoice(id, chosen) {
  at(id).addEventListener("change", () => chosen(chooser(id).value));
}

/**
 * @param {string} id
 * @param {[string, string][]} options value and text of each
 * @param {string} value
 */
function offer(id, options, value) {
  const select = chooser(id);
  const told = JSON.stringify(options);
  if (select.dataset.options !== told) {
    select.dataset.options = told;
    select.replaceChildren(...options.map(([each, text]) => el("option", { value: each }, text)));
  }
  select.value = value;
  select.disabled = options.length < 2;
}

/**
 * A note behind a mark: shown while the mark is pointed at or focused, kept by a click.
 * @param {string} mark
 * @param {string} text
 */
function noted(mark, text) {
  const show = () => {
    const tip = at("tip"), place = button.getBoundingClientRect();
    tip.textContent = text;
    tip.showPopover();
    const left = Math.min(place.left, window.innerWidth - tip.offsetWidth - 8);
    const below = place.bottom + 6, above = place.top - tip.offsetHeight - 6;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below + tip.offsetHeight > window.innerHeight ? Math.max(8, above) : below}px`;
  };
  const hide = () => at("tip").hidePopover();
  const button = el("button", {
    type: "button", class: "note", "aria-label": `Note: ${text}`,
    onfocus: show, onblur: hide, onpointerenter: show, onpointerleave: hide, onclick: show,
  }, mark);
  return button;
}
