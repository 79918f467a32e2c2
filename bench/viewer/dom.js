// Elements: made from text alone, never from HTML, so that names of others stay text.

/** @param {string} id @returns {any} an element of the page, of a kind that who asks for it knows */
const at = (id) => document.getElementById(id);

/** `on...`: listeners. @template {Element} E @param {E} element @param {Facts} facts @param {Child[]} children */
function filled(element, facts, children) {
  for (const [name, value] of Object.entries(facts)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @param {keyof HTMLElementTagNameMap} tag @param {Facts} facts @param {Child[]} children */
const el = (tag, facts = {}, ...children) => filled(document.createElement(tag), facts, children);

/** @param {string} tag @param {Facts} facts @param {Child[]} children */
const svg = (tag, facts = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), facts, children);

/** Fill a list to choose from. @param {string} id @param {[string, string][]} options value and text @param {string} value */
function offer(id, options, value) {
  const told = JSON.stringify(options), select = at(id);
  if (select.dataset.options !== told) {
    select.dataset.options = told;
    select.replaceChildren(...options.map(([each, text]) => el("option", { value: each }, text)));
  }
  select.value = value;
  select.disabled = options.length < 2;
}

/** A note behind a mark: there while that is pointed at, focused or clicked. @param {string} mark @param {string} text */
function noted(mark, text) {
  const tip = at("tip"), hide = () => tip.hidePopover();
  const show = () => {
    const place = button.getBoundingClientRect();
    tip.textContent = text;
    tip.showPopover();
    const above = place.top - tip.offsetHeight - 6, below = place.bottom + 6;
    tip.style.left = `${Math.max(8, Math.min(place.left, window.innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${below + tip.offsetHeight > window.innerHeight ? Math.max(8, above) : below}px`;
  };
  const button = el("button", { type: "button", class: "note", "aria-label": `Note: ${text}`, onfocus: show, onblur: hide,
    onpointerenter: show, onpointerleave: hide, onclick: show }, mark);
  return button;
}
