// One zoom, one place and one lens for all panes: page.css does the rest, from a few numbers.

const LENS = 3, LENS_SIDE = 0.44; // times larger than what is under it; of a pane's side, as in page.css

/** @param {Record<string, number>} numbers */
const style = (numbers) =>
  Object.entries(numbers).forEach(([name, value]) => at("viewing").style.setProperty(name, String(value)));

function showView() {
  const { zoom, px, py, split } = state;
  style({ "--zoom": zoom, "--tx": 100 * (0.5 - px * zoom), "--ty": 100 * (0.5 - py * zoom), "--split": split });
  at("viewing").classList.toggle("zoomed", zoom > 1);
  at("split").value = split;
}

/** Zoom so that what is at (u, v), parts of the image's sides, stays where it is. */
function zoom(times = 1, u = state.px, v = state.py) {
  const larger = within(state.zoom * times, 1, 64), kept = state.zoom / larger;
  set({ zoom: larger, px: u - (u - state.px) * kept, py: v - (v - state.py) * kept });
}

/** Where in a pane the pointer is, and where in the image. @param {MouseEvent} event @param {HTMLElement} box */
function pointed(event, box) {
  const { left, top, width } = box.getBoundingClientRect();
  const x = (event.clientX - left) / width, y = (event.clientY - top) / width;
  return { x, y, u: state.px + (x - 0.5) / state.zoom, v: state.py + (y - 0.5) / state.zoom, width };
}

/** Let a pane be dragged, wheeled and looked at through the lens. @param {HTMLElement} box */
function handle(box) {
  let dragged = "";
  filled(box, {
    onpointerdown: (/** @type {PointerEvent} */ event) => {
      dragged = /** @type {Element} */ (event.target).classList.contains("handle") ? "border" : "image";
      box.setPointerCapture(event.pointerId);
    },
    onpointermove: (/** @type {PointerEvent} */ event) => {
      const { x, y, u, v, width } = pointed(event, box), side = width * state.zoom, { px, py } = state;
      if (dragged === "border") set({ split: x });
      else if (dragged && state.zoom > 1) set({ px: px - event.movementX / side, py: py - event.movementY / side });
      const middle = LENS_SIDE / 2, larger = state.zoom * LENS;
      style({ "--lx": x, "--ly": y, "--lz": larger, "--ltx": 100 * (middle - u * larger), "--lty": 100 * (middle - v * larger) });
      at("viewing").classList.add("pointed");
    },
    onlostpointercapture: () => (dragged = ""),
    onpointerleave: () => at("viewing").classList.remove("pointed"),
  }, []);
  box.addEventListener("wheel", (event) => {
    const wanted = event.ctrlKey || (box.parentElement?.id === "stage" && (state.zoom > 1 || event.deltaY < 0));
    if (!wanted) return; // the page scrolls
    event.preventDefault();
    const { u, v } = pointed(event, box);
    zoom(Math.exp(-event.deltaY / 300), u, v);
  }, { passive: false });
}
