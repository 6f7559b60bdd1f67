/** What the columns of a reader's file are, and what its times mean: said by the reader or by the file's own schema, never
 * guessed. One line that cannot be read is enough to take none. Pure. */

import { newYorkOffset } from "../time";
import type { Candle, OwnData } from "./candles";

/** How a time is written: a number of seconds or parts of them, or a date and time on some clock. */
export const CLOCKS = {
  seconds: "Unix seconds", milliseconds: "Unix milliseconds", microseconds: "Unix microseconds", nanoseconds: "Unix nanoseconds",
  newYork: "on New York's clock", utc: "in UTC", chicago: "on Chicago's clock", written: "with their own offset or Z", schema: "instants, as the file's schema says",
} as const;
export type Clock = keyof typeof CLOCKS;

const DIVISORS: { readonly [clock in Clock]?: number } = { seconds: 1, milliseconds: 1e3, microseconds: 1e6, nanoseconds: 1e9 };
export const NUMBERS = Object.keys(DIVISORS) as Clock[];
export const WALLS: readonly Clock[] = ["newYork", "utc", "chicago"];

/** How a price is written. Databento's fixed prices are whole numbers of billionths. */
export const UNITS = { whole: "as they are", billionths: "in billionths" } as const;

export interface OwnLayout {
  clock: Clock;
  /** Places of columns, from 0. The date may stand apart from the time. */
  date: number | null;
  time: number;
  /** Four places, or one: of trades. */
  prices: readonly [number, number, number, number] | readonly [number];
  unit: keyof typeof UNITS;
  /** Length of a bar; 0 of trades. */
  barSeconds: number;
  /** Whether the time is that at which a bar begins, or ends. */
  stamps: "begin" | "end";
}

/** A field is text, or a number where the file has one: also of seconds, since 1970 on whichever clock was said. */
export type Field = string | number;

/** A file whose first lines can be looked at before it is read. */
export interface OwnSource {
  /** What a line of it is called. */
  readonly line: "Line" | "Row";
  /** The columns, and what a time in them may be. */
  readonly columns: readonly { readonly name: string; readonly clocks: readonly Clock[] }[];
  readonly first: readonly (readonly string[])[];
  /** Raises `Unreadable`. */
  read(layout: OwnLayout): Promise<Candle[]> | Candle[];
}

/** What cannot be read, and where. */
export class Unreadable extends Error {}

/** What a page can hold. */
export const MOST_LINES = 2_000_000;

/** Raises `Unreadable` where there are too many lines, or none. */
export function checkCount(count: number): void {
  if (!count) throw new Unreadable("The file has no line of data.");
  if (count > MOST_LINES) throw new Unreadable(`The file has ${count.toLocaleString("en")} lines, and this page holds ${MOST_LINES.toLocaleString("en")}: keep the days that you look at.`);
}

/** Raises `Unreadable`, which names the line. */
export async function readOwn(name: string, source: OwnSource, layout: OwnLayout): Promise<OwnData> {
  const candles = await source.read(layout);
  return { name, candles: candles.sort((one, other) => one.end - other.end) };
}

/** The candle of one line, which is named in what is raised. */
export function candleOf(name: string, fieldAt: (place: number) => Field | null | undefined, layout: OwnLayout): Candle {
  try {
    return candleFrom(fieldAt, layout);
  } catch (error) {
    if (error instanceof Unreadable) throw new Unreadable(`${name}: ${error.message}`);
    throw error;
  }
}

function candleFrom(fieldAt: (place: number) => Field | null | undefined, { date, time, prices, unit, clock, barSeconds, stamps }: OwnLayout): Candle {
  const at = (place: number) => {
    const field = fieldAt(place);
    if (field === undefined || field === null) throw new Unreadable(`it has nothing in column ${place + 1}.`);
    return field;
  };
  const priceAt = (place: number) => priceIn(at(place)) / (unit === "whole" ? 1 : 1e9);
  const instant = instantIn(date === null ? at(time) : `${at(date)} ${timeOfDay(at(time))}`, clock);
  const [open, high, low, close] = prices.length === 1 ? Array<number>(4).fill(priceAt(prices[0])) : prices.map(priceAt);
  if (low! > Math.min(open!, close!) || high! < Math.max(open!, close!)) throw new Unreadable("its high and low do not hold its open and close.");
  const start = stamps === "begin" || !barSeconds ? instant : instant - barSeconds;
  return { start, end: start + barSeconds, open: open!, high: high!, low: low!, close: close! };
}

function priceIn(field: Field): number {
  const price = typeof field === "number" ? field : /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(field) ? Number(field) : NaN;
  if (!Number.isFinite(price)) throw new Unreadable(`“${field}” is no price.`);
  return price;
}

/** Beside a date: 93000 could be half past nine, or 26 hours in seconds. */
function timeOfDay(field: Field): string {
  if (typeof field === "number") throw new Unreadable(`“${field}” is a number, and no time of a day.`);
  return field;
}

const [EARLIEST, LATEST] = [Date.UTC(1990) / 1000, Date.UTC(2100) / 1000];

/** Unix seconds. Raises `Unreadable`, also for what is no time of these decades: it was said to be what it is not. */
export function instantIn(field: Field, clock: Clock): number {
  const instant = clock in DIVISORS ? numberIn(field, clock) : typeof field === "number" ? onClock(field, clock) : writtenIn(field, clock);
  if (!(instant >= EARLIEST && instant < LATEST)) throw new Unreadable(`“${field}”, ${CLOCKS[clock]}, is no time between 1990 and 2100.`);
  return instant;
}

function numberIn(field: Field, clock: Clock): number {
  if (typeof field === "string" && !/^\d+(\.\d+)?$/.test(field)) throw new Unreadable(`“${field}” is no number of ${clock}.`);
  return Number(field) / DIVISORS[clock]!;
}

const WRITTEN = /^(\d{4})[-/]?(\d{2})[-/]?(\d{2})[T ,]+(\d{1,2}):?(\d{2}):?(\d{2})?(\.\d+)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/;

function writtenIn(text: string, clock: Clock): number {
  const found = WRITTEN.exec(text);
  if (!found) throw new Unreadable(`“${text}” is no date and time with the year first.`);
  const [, year, month, day, hours, minutes, seconds = "00", part = "0", offset] = found;
  if ((clock === "written") !== (offset !== undefined)) throw new Unreadable(clock === "written" ? `“${text}” has no offset.` : `“${text}” has an offset of its own.`);
  const [date, time] = [`${year}-${month}-${day}`, `${hours!.padStart(2, "0")}:${minutes}:${seconds}`];
  const wall = Date.parse(`${date}T${time}Z`) / 1000;
  if (!Number.isFinite(wall) || new Date(wall * 1000).toISOString().slice(0, 10) !== date) throw new Unreadable(`“${text}” is no date and time.`);
  return (offset ? wall - secondsOf(offset) : onClock(wall, clock)) + Number(part);
}

/** The instant at which a clock shows so many seconds since 1970. */
function onClock(wall: number, clock: Clock): number {
  if (clock === "newYork") return wall - newYorkOffset(wall + 5 * 3600); // five hours are near enough to be on the right side of a change
  if (clock === "chicago") return wall - newYorkOffset(wall + 6 * 3600) + 3600; // it is an hour behind, and changes on the same days
  return wall;
}

function secondsOf(offset: string): number {
  if (offset === "Z" || offset === "UTC") return 0;
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(-2))];
  return (offset[0] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60);
}
