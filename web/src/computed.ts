/** Views that are computed from others: moved to another day, one less another, several series in one. Pure. What is
 * computed of the same views is the same view. */

import { typeOfFeed } from "./record_types";
import type { SessionView } from "./view";

/** One result for each pair of what it is computed from. */
function oncePer<A extends object, B extends object, R>(compute: (one: A, other: B) => R): (one: A, other: B) => R {
  const known = new WeakMap<A, WeakMap<B, R>>();
  return (one, other) => {
    const of = known.get(one) ?? new WeakMap<B, R>();
    known.set(one, of);
    if (!of.has(other)) of.set(other, compute(one, other));
    return of.get(other)!;
  };
}

const INSTANTS = ["time", "last", "moved_at"];

/** The view some seconds later: another day's, on the clock of this one. */
export function shifted(view: SessionView, seconds: number): SessionView {
  if (!seconds) return view;
  const { start, end, open, close, first, last, moves } = view.head;
  const moved = (instant: number | null) => (instant === null ? null : instant + seconds);
  return view.with(
    Object.fromEntries(INSTANTS.filter((name) => view.has(name)).map((name) => [name, view.array(name).map((instant) => instant + seconds)])),
    {
      start: start + seconds, end: end + seconds, open: moved(open), close: moved(close), first: first + seconds, last: last + seconds,
      moves: moves.map(([at, change]) => [at + seconds, change]),
    },
  );
}

/** The column that had ended when a column of another view ends; -1 where none had. */
export function columnEndedBy(view: SessionView, end: number): number {
  const column = Math.floor((end - view.start) / view.head.column_seconds + 1e-6) - 1;
  return column < view.columns ? column : -1;
}

/** How much higher the prices of one ticker are than those of another: as spot was in the first column in which both have one.
 * NaN where there is none. `since`: the end of that column. */
export const priceRatio = oncePer((one: SessionView, other: SessionView): { readonly ratio: number; readonly since: number } => {
  const [mine, theirs] = [one.array("spot"), other.array("spot")];
  for (let column = 0; column < one.columns; column += 1) {
    const end = one.start + (column + 1) * one.head.column_seconds;
    const ratio = theirs[columnEndedBy(other, end)]! / mine[column]!;
    if (ratio > 0 && Number.isFinite(ratio)) return { ratio, since: end };
  }
  return { ratio: NaN, since: Infinity };
});

/** A view of another ticker on the prices of one of which so many of its own are one. */
export function scaled(view: SessionView, ratio: number): SessionView {
  const prices = ["spot", "spot_min", "spot_max", ...typeOfFeed(view.head).levels.map(({ series }) => series)].filter((name) => view.has(name));
  return view.with(Object.fromEntries(prices.map((name) => [name, view.array(name).map((price) => price / ratio)])), { strikes: view.head.strikes.map((strike) => strike / ratio) });
}

/** One less another: of each strike the value less that of the strike in whose band it lies there, as known then. */
export const difference = oncePer((one: SessionView, other: SessionView): SessionView => {
  const cells = new Float64Array(one.strikes.length * one.columns);
  const columns = Int32Array.from({ length: one.columns }, (_, column) => columnEndedBy(other, one.start + (column + 1) * one.head.column_seconds));
  one.strikes.forEach((strike, row) => {
    const band = other.bandAt(strike);
    for (let column = 0; column < one.columns; column += 1) {
      cells[row * one.columns + column] = band < 0 ? NaN : one.cell(row, column) - other.cell(band, columns[column]!);
    }
  });
  return one.with({ cells });
});

/** Net GEX by expiry: the nearest, the next, and what is beyond both: the sum over all expiries less the two. */
export function byExpiry(zero: SessionView, next: SessionView, full: SessionView, name: string): SessionView {
  const ends = zero.array("time");
  const of = (view: SessionView) => {
    const values = view.array(name);
    return ends.map((end) => values[columnEndedBy(view, end)] ?? NaN);
  };
  const [nearest, second, all] = [of(zero), of(next), of(full)];
  return zero.with({ expiry_zero: nearest, expiry_one: second, expiry_rest: all.map((sum, column) => sum - nearest[column]! - second[column]!) });
}
