/** What of a session is in view: a range of time and one of price, zoomed and moved within bounds. Pure. */

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface Window {
  readonly time: Range;
  readonly price: Range;
}

/** Zoom by a factor (below 1: closer) around a point that stays where it is; never beyond the bounds. */
export function zoom(range: Range, bounds: Range, factor: number, around: number, least: number): Range {
  const size = Math.min(Math.max((range.high - range.low) * factor, least), bounds.high - bounds.low);
  const part = (around - range.low) / (range.high - range.low);
  return fit({ low: around - part * size, high: around + (1 - part) * size }, bounds);
}

/** Move by an amount, as far as the bounds let it. */
export function pan(range: Range, bounds: Range, by: number): Range {
  return fit({ low: range.low + by, high: range.high + by }, bounds);
}

/** The same size inside the bounds. */
export function fit(range: Range, bounds: Range): Range {
  const size = Math.min(range.high - range.low, bounds.high - bounds.low);
  const low = Math.min(Math.max(range.low, bounds.low), bounds.high - size);
  return { low, high: low + size };
}

/** Move just so far that the point is inside. */
export function follow(range: Range, bounds: Range, point: number): Range {
  if (point >= range.low && point <= range.high) return range;
  const size = range.high - range.low;
  return fit(point < range.low ? { low: point - size * 0.1, high: point + size * 0.9 } : { low: point - size * 0.9, high: point + size * 0.1 }, bounds);
}

export function same(one: Range, other: Range): boolean {
  return Math.abs(one.low - other.low) < 1e-6 && Math.abs(one.high - other.high) < 1e-6;
}
