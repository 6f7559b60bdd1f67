/** A reader's own bars or trades, as they are drawn. Pure. */

/** Open, high, low and close of what was traded after `start`, up to `end`: known then, and not earlier. */
export interface Candle {
  readonly start: number;
  readonly end: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

export interface OwnData {
  readonly name: string;
  /** By their ends. */
  readonly candles: readonly Candle[];
}

/** A bar may reach out of what is in view. */
const LONGEST_SECONDS = 86_400;

/** The first that ends at an instant or later. */
function firstFrom(candles: readonly Candle[], instant: number): number {
  let [low, high] = [0, candles.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (candles[middle]!.end < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

const BUCKETS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** The candles between two instants, joined so that there are `most` of them at most: each up to what had ended by `known`. */
export function candlesWithin({ candles }: OwnData, start: number, end: number, most: number, known = Infinity): Candle[] {
  const inside: Candle[] = [];
  for (let place = firstFrom(candles, start); place < candles.length && candles[place]!.end <= Math.min(known, end + LONGEST_SECONDS); place += 1) {
    if (candles[place]!.start <= end) inside.push(candles[place]!);
  }
  const bucket = BUCKETS.find((seconds) => (end - start) / seconds <= most) ?? BUCKETS.at(-1)!;
  const joined = new Map<number, Candle>();
  for (const one of inside) {
    const place = Math.ceil(one.end / bucket) * bucket;
    const before = joined.get(place);
    joined.set(place, before
      ? { ...before, end: one.end, high: Math.max(before.high, one.high), low: Math.min(before.low, one.low), close: one.close }
      : { ...one, start: one.start < one.end ? one.start : place - bucket });
  }
  return [...joined.values()];
}
