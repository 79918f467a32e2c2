// The table as it is stored (docs/results.md), and what is looked up in it. Types are in types.d.ts.

/** @type {Stored} */
const { table: TABLE, page: PAGE, page: { metrics: METRICS } } = JSON.parse(at("data").textContent);
const SHOWN = [...TABLE.report.metrics, ...TABLE.report.also].filter((name) => METRICS[name]);
const CATEGORIES = [...new Set(TABLE.cells.map((cell) => cell.task.category))];
const FACTORS = [...new Set(TABLE.cells.map((cell) => cell.task.factor))].sort((one, other) => one - other);
const TITLES = new Map(TABLE.cells.map((cell) => [cell.method, cell.title]));
const METHODS = [...TITLES.keys()];
/** @param {(string | number)[]} parts */
const key = (...parts) => JSON.stringify(parts);
const cellOf = new Map(TABLE.cells.map((cell) => [key(cell.method, cell.task.category, cell.task.factor), cell]));
const figureOf = new Map(TABLE.figures.map((each, at) =>
  [key(each.method, each.category, each.factor, each.metric), { ...each, printed: PAGE.printed[at] }]));
const picturesOf = new Map(PAGE.pictures.map((each) => [key(each.kind, each.method, each.category, each.factor), each]));
const secondsOf = new Map(PAGE.seconds.map((each) => [key(each.method, each.category, each.factor), each.seconds]));
/** @param {string} method */
const title = (method) => TITLES.get(method) ?? method;
/** @param {string} metric */
const better = (metric) => (METRICS[metric].higher ? "higher" : "lower");

/** A value as it is printed. @param {string} metric @param {number} value */
function shown(metric, value) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "–";
  return value.toFixed(METRICS[metric].digits).replace("-", "−");
}

/** @param {number | string | null | undefined} value as JSON has it, without infinity and NaN */
const number = (value) => (value === null || value === "" ? NaN : Number(String(value).replace("inf", "Infinity")));
/** In which order values stand: those that there are not last. @param {number} one @param {number} other */
const rising = (one, other) => Number(isNaN(one)) - Number(isNaN(other)) || one - other || 0;
/** @param {string} method @param {string} category @param {number} factor */
const resultsOf = (method, category, factor) => cellOf.get(key(method, category, factor))?.results ?? [];
/** @type {Map<string, Map<string, number>>} */
const valuesKept = new Map();

/** image -> value, the mean over the seeds. @param {[string, string, number, string]} of method, category, factor, metric */
function values(...of) {
  const [method, category, factor, metric] = of, kept = valuesKept.get(key(...of));
  if (kept) return kept;
  const bySeed = resultsOf(method, category, factor).map(({ images, values }) =>
    new Map(images.map((image, index) => [image, number(values[metric]?.[index])])));
  const means = [...(bySeed[0]?.keys() ?? [])].map((image) => /** @type {[string, number]} */ (
    [image, bySeed.reduce((sum, each) => sum + (each.get(image) ?? NaN), 0) / bySeed.length]));
  const found = new Map(means.filter(([, mean]) => !Number.isNaN(mean)));
  valuesKept.set(key(...of), found);
  return found;
}

/** The value of one image; NaN if it has none. @param {string} method @param {string} metric */
const valueOf = (method, metric, { category, factor, image } = state) =>
  values(method, category, factor, metric).get(image) ?? NaN;

/** Whether a method failed at an image, which is scored with bicubic then. @param {string} method */
const failed = (method, { category, factor, image } = state) =>
  resultsOf(method, category, factor).some((of) => of.status[of.images.indexOf(image)] === "failed");

/** The address of a picture; "" if it is not here. @param {Kind} kind @param {string} method @param {string} image */
function address(kind, method, image, { category, factor } = state) {
  const found = picturesOf.get(key(kind, method, category, factor));
  return found && Object.hasOwn(found.files, image) ? found.common + found.files[image] : "";
}

/** The images of which there are pictures, in the order of the table. @param {string} category @param {number} factor */
function images(category, factor) {
  const lists = METHODS.map((method) => resultsOf(method, category, factor)[0]?.images ?? []);
  const all = new Set(lists.sort((one, other) => other.length - one.length).flat());
  const sets = PAGE.pictures.filter((of) => of.category === category && of.factor === factor && of.kind !== "lr");
  return [...all].filter((image) => sets.some((of) => Object.hasOwn(of.files, image)));
}

/** The methods that were run. @param {string} category @param {number} factor */
const methodsOf = (category, factor) => METHODS.filter((method) => resultsOf(method, category, factor).length > 0);
