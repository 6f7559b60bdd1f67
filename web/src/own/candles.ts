/** A reader's own bars or trades, from the text of a CSV: what each column is, and what its times mean, is said by the reader,
 * never guessed. One line that cannot be read is enough to take none. Pure. */

import { instantOf, newYorkOffset } from "./time";

export const SEPARATORS = { comma: ",", semicolon: ";", tab: "\t" } as const;

/** How a time is written: a number of seconds or parts of them, or text on some clock. */
export const CLOCKS = { seconds: "Unix seconds", milliseconds: "Unix milliseconds", microseconds: "Unix microseconds", nanoseconds: "Unix nanoseconds", newYork: "text, New York", utc: "text, UTC", chicago: "text, Chicago", written: "text with its own offset or Z" } as const;

export interface OwnLayout {
  separator: keyof typeof SEPARATORS;
  hasHeader: boolean;
  clock: keyof typeof CLOCKS;
  /** Places of columns, from 0. The date may stand apart from the time. */
  date: number | null;
  time: number;
  /** Four places, or one: of trades. */
  prices: readonly [number, number, number, number] | readonly [number];
  /** Length of a bar; 0 of trades. */
  barSeconds: number;
  /** Whether the time is that at which a bar begins, or ends. */
  stamps: "begin" | "end";
}

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

/** What cannot be read, and where. */
export class Unreadable extends Error {}

const DIVISORS = { seconds: 1, milliseconds: 1e3, microseconds: 1e6, nanoseconds: 1e9 } as const;

/** The fields of a line; quotes may stand around a field. */
export function fieldsOf(line: string, separator: OwnLayout["separator"]): string[] {
  const fields: string[] = [];
  let [field, isQuoted] = ["", false];
  for (const letter of line) {
    if (letter === '"') isQuoted = !isQuoted;
    else if (letter === SEPARATORS[separator] && !isQuoted) {
      fields.push(field.trim());
      field = "";
    } else field += letter;
  }
  return [...fields, field.trim()];
}

export function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/).filter((line) => line.trim());
}

export function readOwn(name: string, text: string, layout: OwnLayout): OwnData {
  const lines = linesOf(text);
  const candles = lines.slice(layout.hasHeader ? 1 : 0).map((line, place) => {
    try {
      return candleOf(fieldsOf(line, layout.separator), layout);
    } catch (error) {
      throw new Unreadable(`Line ${place + (layout.hasHeader ? 2 : 1)}: ${(error as Error).message}`);
    }
  });
  if (!candles.length) throw new Unreadable("The file has no line of data.");
  return { name, candles: candles.sort((one, other) => one.end - other.end) };
}

function candleOf(fields: string[], { date, time, prices, clock, barSeconds, stamps }: OwnLayout): Candle {
  const at = (place: number) => {
    if (fields[place] === undefined) throw new Unreadable(`it has ${fields.length} fields.`);
    return fields[place];
  };
  const instant = instantIn(date === null ? at(time) : `${at(date)} ${at(time)}`, clock);
  const [open, high, low, close] = prices.length === 1 ? [0, 0, 0, 0].map(() => priceIn(at(prices[0]))) : prices.map((place) => priceIn(at(place)));
  if (low! > Math.min(open!, close!) || high! < Math.max(open!, close!)) throw new Unreadable("its high and low do not hold its open and close.");
  const start = stamps === "begin" || !barSeconds ? instant : instant - barSeconds;
  return { start, end: start + barSeconds, open: open!, high: high!, low: low!, close: close! };
}

function priceIn(text: string): number {
  const price = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(price)) throw new Unreadable(`“${text}” is no price.`);
  return price;
}

const WRITTEN = /^(\d{4})[-/]?(\d{2})[-/]?(\d{2})[T ,]+(\d{1,2}):?(\d{2}):?(\d{2})?(\.\d+)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/;

/** Unix seconds. */
export function instantIn(text: string, clock: OwnLayout["clock"]): number {
  if (clock in DIVISORS) {
    if (!/^\d+(\.\d+)?$/.test(text)) throw new Unreadable(`“${text}” is no number of ${clock}.`);
    return Number(text) / DIVISORS[clock as keyof typeof DIVISORS];
  }
  const found = WRITTEN.exec(text);
  if (!found) throw new Unreadable(`“${text}” is no date and time with the year first.`);
  const [, year, month, day, hours, minutes, seconds = "00", part = "0", offset] = found;
  if ((clock === "written") !== (offset !== undefined)) throw new Unreadable(clock === "written" ? `“${text}” has no offset.` : `“${text}” has an offset of its own.`);
  const [date, time] = [`${year}-${month}-${day}`, `${hours!.padStart(2, "0")}:${minutes}:${seconds}`];
  const utc = Date.parse(`${date}T${time}Z`) / 1000;
  if (!Number.isFinite(utc) || new Date(utc * 1000).toISOString().slice(0, 10) !== date) throw new Unreadable(`“${text}” is no date and time.`);
  return wallToInstant(date, time, utc, clock, offset) + Number(part);
}

function wallToInstant(date: string, time: string, utc: number, clock: OwnLayout["clock"], offset: string | undefined): number {
  if (clock === "newYork") return instantOf(date, time)!;
  if (clock === "chicago") return utc - newYorkOffset(utc + 6 * 3600) + 3600; // it is an hour behind, and changes on the same days
  if (!offset || offset === "Z" || offset === "UTC") return utc;
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(-2))];
  return utc - (offset[0] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60);
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
