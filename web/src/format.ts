/** Numbers as traders write them. Pure. */

export const NOTHING = "–";

const grouped = (digits: number) =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const formats = [0, 1, 2, 3].map(grouped);
const MINUS = "−";

/** 1234.5 -> 1,234.50 */
export function fixed(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  return (formats[digits] ?? grouped(digits)).format(value).replace("-", MINUS);
}

/** The same with the sign in front, so that a column of changes reads at a glance. */
export function signed(value: number | null | undefined, digits = 2): string {
  const text = fixed(value, digits);
  return typeof value === "number" && value > 0 ? `+${text}` : text;
}

/** 1234567 -> 1.23M: for axes and legends. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const sign = value < 0 ? MINUS : "";
  for (const [unit, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "K"]] as const) {
    if (size >= unit * 0.9995) return `${sign}${trim(size / unit)}${letter}`;
  }
  return `${sign}${trim(size)}`;
}

function trim(size: number): string {
  const text = size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size >= 1 ? size.toFixed(2) : size.toFixed(3);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A price level; 0 and nothing mean that the feed has none. */
export function level(value: number | null | undefined): string {
  return value ? fixed(value, 2) : NOTHING;
}

/** 1234567 -> 1.2 MB (a megabyte is a million bytes) */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let exponent = 0;
  while (size >= 1000 && exponent < units.length - 1) {
    size /= 1000;
    exponent += 1;
  }
  return `${exponent ? size.toFixed(1) : size.toFixed(0)} ${units[exponent]}`;
}

/** 0.99996 -> 99.99 %: cut, not rounded, because 100 % has to mean all of it. */
export function share(part: number | null | undefined): string {
  if (part === null || part === undefined) return NOTHING;
  const percent = Math.floor(part * 10_000 + 1e-9) / 100;
  return `${Number.isInteger(percent) ? percent : percent.toFixed(2)} %`;
}

/** 4.2 -> 4.2 s, 75 -> 1 min 15 s, 3700 -> 1 h 01 min */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NOTHING;
  if (seconds < 60) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** 1 -> 1 file, 1200 -> 1,200 files */
export function plural(count: number, word: string): string {
  return `${fixed(count, 0)} ${word}${count === 1 ? "" : "s"}`;
}

/** The step of an axis: 1, 2 or 5 times a power of ten, so that about `count` fit. */
export function niceStep(extent: number, count: number): number {
  const rough = extent / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return power * (lead > 5 ? 10 : lead > 2 ? 5 : lead > 1 ? 2 : 1);
}

/** The least of these times a power of ten that is not below: bounds that do not flicker from second to second. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((lead) => lead * power >= value * (1 - 1e-12)) ?? 10);
}
