// The types of the page's script, which are in no page: `tsc --project jsconfig.json` checks it by them.

/** The attributes and listeners of an element. */
type Facts = Record<string, any>;

type Child = Node | string | null;

type Kind = "lr" | "sr" | "hr";

interface Metric { title: string; higher: boolean; digits: number }

interface Pictures {
  category: string; factor: number; kind: Kind; method: string;
  /** The beginning of the address of each file. */
  common: string;
  files: Record<string, string>;
}

interface Seconds { category: string; factor: number; method: string; seconds: number }

interface Results { images: string[]; status: string[]; values: Record<string, (number | string | null)[]> }

interface Cell {
  task: { category: string; factor: number; hr_size: number };
  method: string; title: string; apart: string; results: Results[];
}

interface Figure {
  category: string; factor: number; method: string; metric: string; n: number; n_ok: number;
  mean?: string; ci95?: string; best: string; published: string; difference: string; reason: string; status: string;
}

type Comparison = Record<string, string | number>;

interface Published { method: string; category: string; factor: number; metric: string; value: number }

/** docs/results.md says what is in the table; bench/viewer/page.py writes the rest. */
interface Stored {
  table: {
    report: { metrics: string[]; also: string[]; published: Published[] };
    cells: Cell[]; figures: Figure[]; comparisons: Comparison[];
  };
  page: {
    metrics: Record<string, Metric>; seconds: Seconds[]; pictures: Pictures[];
    /** The figures as the other files print them: what is rounded twice may have another last digit. */
    printed: string[];
  };
}

interface State {
  metric: string; category: string; factor: number;
  /** What is in the columns of the table: category, factor or metric. */
  across: string;
  published: boolean; differences: boolean;
  image: string; a: string; b: string;
  /** The methods that have panes. */
  show: string[];
  sort: string; slider: boolean; split: number; difference: boolean; lens: boolean;
  /** How much larger, and what part of the image's sides is in the middle. */
  zoom: number; px: number; py: number;
  /** The metrics of the plot. */
  x: string; y: string;
}

interface Place { head: string; category: string; factor: number; metric: string }

interface Pane { kind: Kind; method: string; layers: HTMLElement[]; values: HTMLElement; top: HTMLElement }

/** Where a value goes on an axis. */
type To = (value: number) => number;

/** What axes are called, and the ticks of the lower one, if they are its own. */
interface Axes { across: string; up: string; own?: [number, string][] }

interface Mark {
  x: number; y: number; r: number; method: string; kind: "mean" | "image" | "published"; note: string;
  /** Half the intervals. */
  dx?: number; dy?: number;
  image?: string; go?: () => unknown;
}
