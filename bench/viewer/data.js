// The table as it is stored (docs/results.md), and what is looked up in it.

/** @typedef {{title: string, higher: boolean, digits: number}} Metric */
/** @typedef {{category: string, factor: number, kind: "lr" | "sr" | "hr", method: string, common: string,
 *   files: Record<string, string>}} Pictures */
/** @typedef {{seed: number, images: string[], status: string[], values: Record<string, (number | string | null)[]>}} Results */
/** @typedef {{task: {category: string, factor: number, hr_size: number}, method: string, title: string, reason: string,
 *   results: Results[]}} Cell */
/** @typedef {{category: string, factor: number, method: string, metric: string, n: number, n_ok: number, mean?: string,
 *   ci95?: string, best: string, published: string, difference: string, reason: string, status: string}} Figure */

const STORED = JSON.parse(at("data").textContent ?? "");
const REPORT = STORED.table.report;
/** @type {Record<string, Metric>} */
const METRICS = STORED.page.metrics;
/** @type {Cell[]} */
const CELLS = STORED.table.cells;

/** @param {(string | number)[]} parts */
const key = (...parts) => JSON.stringify(parts);

/** @type {Map<string, Cell>} */
const cellOf = new Map(CELLS.map((cell) => [key(cell.method, cell.task.category, cell.task.factor), cell]));
/** @type {Map<string, Figure>} */
const figureOf = new Map(
  STORED.table.figures.map((/** @type {Figure} */ f) => [key(f.method, f.category, f.factor, f.metric), f]));
/** @type {Map<string, Pictures>} */
const picturesOf = new Map(
  STORED.page.pictures.map((/** @type {Pictures} */ p) => [key(p.kind, p.method, p.category, p.factor), p]));
/** @type {Map<string, number>} */
const secondsOf = new Map(
  STORED.page.seconds.map((/** @type {any} */ s) => [key(s.method, s.category, s.factor), s.seconds]));

/** @type {Map<string, string>} */
const TITLES = new Map(CELLS.map((cell) => [cell.method, cell.title]));
const METHODS = [...TITLES.keys()];
const CATEGORIES = [...new Set(CELLS.map((cell) => cell.task.category))];
const FACTORS = [...new Set(CELLS.map((cell) => cell.task.factor))].sort((a, b) => a - b);
/** @type {string[]} those of the table, and then the further ones */
const SHOWN = [...REPORT.metrics, ...REPORT.also].filter((name) => METRICS[name]);

/** @param {string} method */
const title = (method) => TITLES.get(method) ?? method;

/**
 * @param {string} metric
 * @param {number} value
 * @param {number} more decimals more than are printed
 */
function shown(metric, value, more = 0) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "–";
  return value.toFixed(METRICS[metric].digits + more).replace("-", "−");
}

/** @type {Map<string, Map<string, number>>} */
const valuesKept = new Map();

/**
 * The value of each image that has one, the mean over the seeds.
 * @param {string} method
 * @param {string} category
 * @param {number} factor
 * @param {string} metric
 * @returns {Map<string, number>}
 */
function values(method, category, factor, metric) {
  const place = key(method, category, factor, metric);
  const kept = valuesKept.get(place);
  if (kept) return kept;
  const results = cellOf.get(key(method, category, factor))?.results ?? [];
  const bySeed = results.map((of) => {
    const column = of.values[metric] ?? [];
    const pairs = of.images.map((image, index) => /** @type {[string, number]} */ ([image, told(column[index])]));
    return new Map(pairs.filter(([, value]) => !Number.isNaN(value)));
  });
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const image of bySeed[0]?.keys() ?? []) {
    const each = bySeed.map((of) => of.get(image) ?? NaN);
    const mean = each.reduce((sum, value) => sum + value, 0) / each.length;
    if (!Number.isNaN(mean)) found.set(image, mean);
  }
  valuesKept.set(place, found);
  return found;
}

/** @param {number | string | null | undefined} value as JSON has it */
function told(value) {
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  return typeof value === "number" ? value : NaN;
}

/**
 * Whether an image of a method failed, and is scored with the bicubic result.
 * @param {string} method
 * @param {string} category
 * @param {number} factor
 * @param {string} image
 */
function failed(method, category, factor, image) {
  const results = cellOf.get(key(method, category, factor))?.results ?? [];
  return results.some((of) => of.status[of.images.indexOf(image)] === "failed");
}

/**
 * The address of a picture; "" if it is not here.
 * @param {"lr" | "sr" | "hr"} kind
 * @param {string} method
 * @param {string} category
 * @param {number} factor
 * @param {string} image
 */
function address(kind, method, category, factor, image) {
  const found = picturesOf.get(key(kind, method, category, factor));
  return found && Object.hasOwn(found.files, image) ? found.common + found.files[image] : "";
}

/**
 * The images of a category and factor of which there are pictures, in the order of the table.
 * @param {string} category
 * @param {number} factor
 * @returns {string[]}
 */
function images(category, factor) {
  const results = CELLS.filter((cell) => cell.task.category === category && cell.task.factor === factor)
    .flatMap((cell) => cell.results.slice(0, 1)).sort((a, b) => b.images.length - a.images.length);
  const all = new Set(results.flatMap((of) => of.images));
  const sets = [...picturesOf.values()].filter((of) => of.category === category && of.factor === factor);
  const here = new Set(sets.filter((of) => of.kind !== "lr").flatMap((of) => Object.keys(of.files)));
  return [...all].filter((image) => here.has(image));
}

/**
 * The methods that were run on a category and factor, in the order of the table.
 * @param {string} category
 * @param {number} factor
 */
const methodsOf = (category, factor) =>
  METHODS.filter((method) => (cellOf.get(key(method, category, factor))?.results.length ?? 0) > 0);
