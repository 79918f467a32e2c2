// One zoom, one place and one lens for all panes: style sheets do the rest, from a few numbers.

const LENS = 3; // times larger than what is under it
const LENS_SIDE = 0.44; // of a pane's side, as in page.css

function showView() {
  const style = at("viewing").style, { zoom, px, py } = state;
  style.setProperty("--zoom", String(zoom));
  style.setProperty("--tx", String(100 * (0.5 - px * zoom)));
  style.setProperty("--ty", String(100 * (0.5 - py * zoom)));
  style.setProperty("--split", String(state.split));
  at("viewing").classList.toggle("zoomed", zoom > 1);
}

/** Zoom so that what is at (u, v), parts of the image's sides, stays where it is. */
function zoom(times = 1, u = state.px, v = state.py) {
  const larger = within(state.zoom * times, 1, 64), kept = state.zoom / larger;
  set({ zoom: larger, px: u - (u - state.px) * kept, py: v - (v - state.py) * kept });
}

/** Where in a pane the pointer is, and where in the image. @param {PointerEvent | WheelEvent} event @param {Element} box */
function pointed(event, box) {
  const place = box.getBoundingClientRect();
  const x = (event.clientX - place.left) / place.width, y = (event.clientY - place.top) / place.height;
  return { x, y, u: state.px + (x - 0.5) / state.zoom, v: state.py + (y - 0.5) / state.zoom, side: place.width };
}

/** Let a pane be dragged, wheeled and looked at through the lens. @param {HTMLElement} box */
function handled(box) {
  /** @type {"split" | "move" | null} */
  let dragging = null;
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragging = /** @type {Element} */ (event.target).classList.contains("handle") ? "split" : "move";
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener("pointermove", (event) => {
    const { x, y, u, v, side } = pointed(event, box), style = at("viewing").style;
    if (dragging === "split") set({ split: x });
    else if (dragging && state.zoom > 1) {
      const scale = side * state.zoom;
      set({ px: state.px - event.movementX / scale, py: state.py - event.movementY / scale });
    }
    style.setProperty("--lx", String(x));
    style.setProperty("--ly", String(y));
    style.setProperty("--ltx", String(100 * (LENS_SIDE / 2 - u * state.zoom * LENS)));
    style.setProperty("--lty", String(100 * (LENS_SIDE / 2 - v * state.zoom * LENS)));
    style.setProperty("--lz", String(state.zoom * LENS));
    at("viewing").classList.add("pointed");
  });
  box.addEventListener("pointerup", () => (dragging = null));
  box.addEventListener("pointercancel", () => (dragging = null));
  box.addEventListener("pointerleave", () => at("viewing").classList.remove("pointed"));
  box.addEventListener("wheel", (event) => {
    const large = box.parentElement?.id === "stage";
    if (!event.ctrlKey && (!large || (state.zoom === 1 && event.deltaY > 0))) return; // the page scrolls
    event.preventDefault();
    const { u, v } = pointed(event, box);
    zoom(Math.exp(-event.deltaY / 300), u, v);
  }, { passive: false });
}
