/** What the dashboard shows of each of the vendor's record types. All that differs from type to type is data here. Pure. */

/** A colour by what it means; what it is in which theme: ./charts/canvas. */
export type InkName = "spot" | "zero" | "calm" | "positive" | "negative" | "positiveSoft" | "negativeSoft";

/** A column of the ladder that cells can show. */
export interface ShownValue {
  name: string;
  /** Its place in an entry of the ladder. */
  place: number;
  /** On its button, and where it is spoken of in passing. */
  button: string;
  /** Written out; `{greek}` is that of the category. */
  title: string;
  short: string;
  /** The cell of the readout that holds it. */
  cell: string;
  /** Whether it lies on both sides of zero. */
  signed: boolean;
  digits: number;
  /** The package that does not report it. */
  absentIn?: string;
}

/** A line over the heatmap, and in the profile: a price. */
export interface Level {
  id: string;
  name: string;
  /** Beside the profile. */
  short: string;
  series: string;
  ink: InkName;
  inkOfProfile: InkName;
  dash: readonly number[];
  width: number;
  /** It stands at a strike until it jumps to another: through the prices between it is not drawn. */
  jumps: boolean;
}

/** A panel of the profile: bars around zero, or lines on a scale of their own. */
export interface Panel {
  title: string;
  short: string;
  values: readonly string[];
  form: "bars" | "lines";
  dots: boolean;
}

export interface LaneSeries {
  name: string;
  text: string;
  ink: InkName;
  dash: readonly number[];
}

/** A lane of time series: areas around zero, or lines on a scale of their own. */
export interface Lane {
  title: string;
  form: "area" | "lines";
  series: readonly LaneSeries[];
  /** Its numbers are prices: 0 is none. */
  price: boolean;
}

/** A number of the snapshot that can be chosen: of the nearest expiry, and of the next. */
export interface Measure {
  text: string;
  names: readonly [string] | readonly [string, string];
  lane: string;
  digits: number;
  inks: readonly [InkName, InkName];
  /** The next expiry is told from the nearest by dashes, where colours tell measures apart. */
  dashed: boolean;
}

export interface Group {
  name: string;
  price: boolean;
  measures: readonly Measure[];
}

/** Part of the readout: rows of cells under heads. */
export interface Section {
  caption?: string;
  captionCell?: string;
  heads?: readonly string[];
  rows: readonly { label: string; cells: readonly string[]; mark?: string }[];
  /** The largest changes, which are rows of the snapshot. */
  changes?: boolean;
}

export interface RecordType {
  name: string;
  label: string;
  /** Of its snapshots: `/gex/at`. */
  route: string;
  /** What is meant where a link does not name it. */
  package: string;
  categories: readonly string[];
  /** What the pictures are of, in words. */
  subject: string;
  ladder: { field: string; priors: number; columns: readonly string[]; dots: string } | null;
  values: readonly ShownValue[];
  /** From the lowest to the topmost. */
  levels: readonly Level[];
  sums: readonly Lane[];
  panels: readonly Panel[];
  groups: readonly Group[];
  /** The series that are shown where nobody has chosen any. */
  usual: readonly string[];
  readout: readonly Section[];
}

const SPOT: Level = { id: "spot", name: "Spot", short: "spot", series: "spot", ink: "spot", inkOfProfile: "spot", dash: [], width: 1.3, jumps: false };

function major(id: string, name: string, short: string, series: string, isPositive: boolean, isDashed: boolean): Level {
  const dash = isDashed ? [5, 3] : [];
  return { id, name, short, series, ink: isPositive ? "positiveSoft" : "negativeSoft", inkOfProfile: isPositive ? "positive" : "negative", dash, width: 1.25, jumps: true };
}

const sum = (title: string, name: string): Lane => ({ title, form: "area", price: false, series: [{ name, text: title, ink: "positive", dash: [] }] });

// ---- GEX -----------------------------------------------------------------------------------------------------------

const GEX: RecordType = {
  name: "gex",
  label: "GEX",
  route: "gex",
  package: "classic",
  categories: ["gex_full", "gex_zero", "gex_one"],
  subject: "Gamma exposure",
  ladder: { field: "strikes", priors: 3, columns: ["strike", "gex_vol", "gex_oi", "prior_1", "prior_2", "prior_3", "prior_4", "prior_5"], dots: "earlier values, 1–30 min" },
  values: [
    { name: "gex_vol", place: 1, button: "Volume", title: "GEX by volume", short: "GEX vol", cell: "strike_vol", signed: true, digits: 2 },
    { name: "gex_oi", place: 2, button: "Open interest", title: "GEX by open interest", short: "GEX OI", cell: "strike_oi", signed: true, digits: 2, absentIn: "state" },
  ],
  levels: [
    major("neg_oi", "− OI", "−OI", "major_neg_oi", false, true),
    major("pos_oi", "+ OI", "+OI", "major_pos_oi", true, true),
    major("neg_vol", "− vol", "−vol", "major_neg_vol", false, false),
    major("pos_vol", "+ vol", "+vol", "major_pos_vol", true, false),
    { id: "zero", name: "Zero gamma", short: "zero", series: "zero_gamma", ink: "zero", inkOfProfile: "zero", dash: [], width: 1.5, jumps: false },
    SPOT,
  ],
  sums: [sum("Σ vol", "sum_gex_vol"), sum("Σ OI", "sum_gex_oi")],
  panels: [
    { title: "Volume", short: "Vol", values: ["gex_vol"], form: "bars", dots: true },
    { title: "Open interest", short: "OI", values: ["gex_oi"], form: "bars", dots: false },
  ],
  groups: [],
  usual: [],
  readout: [
    { rows: [{ label: "Zero gamma", cells: ["zero_gamma"], mark: "zero" }, { label: "Spot to zero", cells: ["distance"] }] },
    {
      heads: ["Volume", "Open int."],
      rows: [
        { label: "Major +", cells: ["major_pos_vol", "major_pos_oi"] },
        { label: "Major −", cells: ["major_neg_vol", "major_neg_oi"] },
        { label: "Sum", cells: ["sum_gex_vol", "sum_gex_oi"] },
      ],
    },
    { rows: [{ label: "Delta RR", cells: ["delta_risk_reversal"] }, { label: "Days to expiry", cells: ["dte"] }] },
    { caption: "Strike ", captionCell: "strike", rows: [{ label: "GEX", cells: ["strike_vol", "strike_oi"] }, { label: "Earlier", cells: ["strike_priors"] }] },
    { caption: "Largest change", rows: [], changes: true },
  ],
};

// ---- greeks --------------------------------------------------------------------------------------------------------

const GREEKS: RecordType = {
  name: "greeks",
  label: "Greeks",
  route: "greeks",
  package: "state",
  categories: ["delta", "gamma", "vanna", "charm"].flatMap((greek) => [`${greek}_zero`, `${greek}_one`]),
  subject: "Greeks",
  ladder: { field: "mini_contracts", priors: 4, columns: ["strike", "call_ivol", "put_ivol", "value", "prior_1", "prior_2", "prior_3"], dots: "three earlier values" },
  values: [
    { name: "value", place: 3, button: "Value", title: "Exposure to {greek}", short: "Value", cell: "strike_value", signed: true, digits: 2 },
    { name: "call_ivol", place: 1, button: "Call IV", title: "IV of calls", short: "Call IV", cell: "strike_call_ivol", signed: false, digits: 3 },
    { name: "put_ivol", place: 2, button: "Put IV", title: "IV of puts", short: "Put IV", cell: "strike_put_ivol", signed: false, digits: 3 },
  ],
  levels: [
    major("short", "Short γ", "short", "major_short_gamma", false, true),
    major("long", "Long γ", "long", "major_long_gamma", true, true),
    major("neg", "Major −", "−", "major_negative", false, false),
    major("pos", "Major +", "+", "major_positive", true, false),
    SPOT,
  ],
  sums: [],
  panels: [
    { title: "Value", short: "Value", values: ["value"], form: "bars", dots: true },
    { title: "IV", short: "IV", values: ["call_ivol", "put_ivol"], form: "lines", dots: false },
  ],
  groups: [],
  usual: [],
  readout: [
    {
      rows: [
        { label: "Major +", cells: ["major_positive"], mark: "pos" },
        { label: "Major −", cells: ["major_negative"], mark: "neg" },
        { label: "Long gamma", cells: ["major_long_gamma"], mark: "long" },
        { label: "Short gamma", cells: ["major_short_gamma"], mark: "short" },
      ],
    },
    { rows: [{ label: "Days to expiry", cells: ["dte"] }] },
    {
      caption: "Strike ",
      captionCell: "strike",
      rows: [
        { label: "Value", cells: ["strike_value"] },
        { label: "Earlier", cells: ["strike_priors"] },
        { label: "Call IV", cells: ["strike_call_ivol"] },
        { label: "Put IV", cells: ["strike_put_ivol"] },
      ],
    },
  ],
};

// ---- orderflow -----------------------------------------------------------------------------------------------------

/** One measure in a lane of its own: its two expiries in two colours. */
const alone = (text: string, nearest: string, next: string, digits: number): Measure =>
  ({ text, names: [nearest, next], lane: text, digits, inks: ["positive", "negative"], dashed: false });
/** One of several measures in a lane. */
const beside = (lane: string, text: string, nearest: string, next: string, ink: InkName): Measure =>
  ({ text, names: [nearest, next], lane, digits: 2, inks: [ink, ink], dashed: true });

const ORDERFLOW: RecordType = {
  name: "orderflow",
  label: "Orderflow",
  route: "orderflow",
  package: "orderflow",
  categories: ["orderflow"],
  subject: "Orderflow",
  ladder: null,
  values: [],
  levels: [],
  sums: [],
  panels: [],
  groups: [
    {
      name: "Levels",
      price: true,
      measures: [
        { text: "Spot", names: ["spot"], lane: "Price", digits: 2, inks: ["spot", "spot"], dashed: false },
        beside("Price", "Long gamma", "z_mlgamma", "o_mlgamma", "positive"),
        beside("Price", "Short gamma", "z_msgamma", "o_msgamma", "negative"),
        beside("Price", "Major call", "zero_mcall", "one_mcall", "calm"),
        beside("Price", "Major put", "zero_mput", "one_mput", "zero"),
      ],
    },
    { name: "Flow", price: false, measures: [alone("Delta flow", "dexoflow", "one_dexoflow", 2), alone("Gamma flow", "gexoflow", "one_gexoflow", 2), alone("Convexity flow", "cvroflow", "one_cvroflow", 2)] },
    { name: "Ratios", price: false, measures: [alone("Convexity ratio", "zcvr", "ocvr", 3), alone("Gamma ratio", "zgr", "ogr", 3)] },
    { name: "Vanna and charm", price: false, measures: [alone("Vanna", "zvanna", "ovanna", 3), alone("Charm", "zcharm", "ocharm", 3)] },
    {
      name: "DEX",
      price: false,
      measures: [
        beside("Aggregate DEX", "Aggregate", "agg_dex", "one_agg_dex", "calm"),
        beside("Aggregate DEX", "Aggr. calls", "agg_call_dex", "one_agg_call_dex", "positive"),
        beside("Aggregate DEX", "Aggr. puts", "agg_put_dex", "one_agg_put_dex", "negative"),
        beside("Net DEX", "Net", "net_dex", "one_net_dex", "calm"),
        beside("Net DEX", "Net calls", "net_call_dex", "one_net_call_dex", "positive"),
        beside("Net DEX", "Net puts", "net_put_dex", "one_net_put_dex", "negative"),
      ],
    },
  ],
  usual: ["spot", "dexoflow", "one_dexoflow", "gexoflow", "one_gexoflow", "cvroflow", "zcvr", "ocvr"],
  readout: [],
};

// ---- all -----------------------------------------------------------------------------------------------------------

export const RECORD_TYPES: readonly RecordType[] = [GEX, GREEKS, ORDERFLOW];

interface FeedLike {
  package: string;
  category: string;
}

/** The type of a category's snapshots; of one that is not known, the usual type. */
export function typeOfCategory(category: string): RecordType {
  return RECORD_TYPES.find(({ categories }) => categories.includes(category)) ?? GEX;
}

export function typeOfFeed(feed: FeedLike | null): RecordType {
  return feed ? typeOfCategory(feed.category) : GEX;
}

/** What the cells show: the value that is asked for, if the type has it, else its usual one; "" where there are no cells. */
export function valueOfType({ values }: RecordType, wanted: string): string {
  return (values.find(({ name }) => name === wanted) ?? values[0])?.name ?? "";
}

/** Whether a feed reports a value at all. */
export function reports(feed: FeedLike | null, { absentIn }: ShownValue): boolean {
  return !absentIn || feed?.package !== absentIn;
}

/** What is said of a value where a feed does not report it. */
export function absentText({ absentIn, button }: ShownValue): string {
  return `${absentIn![0]!.toUpperCase()}${absentIn!.slice(1)} feeds have no ${button.toLowerCase()}`;
}

/** What the cells of a feed show: the value that is asked for, if the feed reports it. */
export function valueOfFeed(feed: FeedLike | null, wanted: string): string {
  const type = typeOfFeed(feed);
  const known = type.values.filter((value) => reports(feed, value));
  return valueOfType({ ...type, values: known }, wanted);
}

export function shownValue({ values }: RecordType, name: string): ShownValue | null {
  return values.find((one) => one.name === name) ?? null;
}

/** How a value is called where it is written out. */
export function titleOf(feed: FeedLike, name: string): string {
  return shownValue(typeOfFeed(feed), name)?.title.replace("{greek}", feed.category.split("_")[0]!) ?? "";
}

/** The chosen series in their lanes, in the order of the table. */
export function lanesOf({ groups, sums }: RecordType, chosen: readonly string[]): Lane[] {
  const lanes = new Map<string, Lane & { series: LaneSeries[] }>();
  for (const { price, measures } of groups) {
    for (const { text, names, lane: title, inks, dashed } of measures) {
      names.forEach((name, place) => {
        if (!chosen.includes(name)) return;
        const lane = lanes.get(title) ?? { title, form: "lines", price, series: [] };
        lane.series.push({ name, text: seriesText(text, title, names.length, place), ink: inks[place]!, dash: dashed && place ? [5, 3] : [] });
        lanes.set(title, lane);
      });
    }
  }
  return groups.length ? [...lanes.values()] : [...sums];
}

export const EXPIRIES = ["nearest", "next"] as const;

function seriesText(measure: string, lane: string, expiries: number, place: number): string {
  if (expiries === 1) return measure.toLowerCase();
  return measure === lane ? EXPIRIES[place]! : `${measure.toLowerCase()}, ${EXPIRIES[place]}`;
}

/** Every series that can be chosen. */
export function seriesNames({ groups }: RecordType): string[] {
  return groups.flatMap(({ measures }) => measures.flatMap(({ names }) => [...names]));
}
