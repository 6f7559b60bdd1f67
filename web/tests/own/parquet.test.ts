/** Parquet as Polars, pyarrow and DuckDB write it (tools/make_own_files.py): the same bars, whatever the types; or words. */

import { describe, expect, it } from "vitest";

import { readOwn, type Clock, type OwnLayout, type OwnSource } from "../../src/own/layout";
import { parquetSource } from "../../src/own/parquet";
import { OPEN } from "../session/made";
import FILES from "./files.json";

const bytesOf = (name: keyof typeof FILES) => Uint8Array.from(atob(FILES[name]), (letter) => letter.charCodeAt(0));
const sourceOf = (name: keyof typeof FILES, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (bytes) => bytes) => parquetSource(new Blob([change(bytesOf(name))]));
const layoutOf = (clock: Clock, more: Partial<OwnLayout> = {}): OwnLayout => ({ unit: "whole", clock, date: null, time: 0, prices: [1, 2, 3, 4], barSeconds: 60, stamps: "begin", ...more });

/** To a microsecond: a double holds no more of so many nanoseconds. */
const candlesOf = async (source: OwnSource, layout: OwnLayout) =>
  (await readOwn("a", source, layout)).candles.map((candle) => ({ ...candle, start: Math.round(candle.start * 1e6) / 1e6, end: Math.round(candle.end * 1e6) / 1e6 }));

const BARS = [
  { start: OPEN, end: OPEN + 60, open: 1, high: 3, low: 0.5, close: 2 },
  { start: OPEN + 60, end: OPEN + 120, open: 2, high: 4, low: 1, close: 3 },
  { start: OPEN + 120.25, end: OPEN + 180.25, open: 3, high: 5.5, low: 2.25, close: 4 },
];
const WALLS = ["newYork", "utc", "chicago"];

describe("the schema says what a time is, and asks for its clock where it does not", () => {
  const files: [name: keyof typeof FILES, asked: string[], first: string][] = [
    ["polars-utc-ns", ["schema"], "2025-11-14 14:30:00.000Z"],
    ["polars-newyork-us", ["schema"], "2025-11-14 14:30:00.000Z"],
    ["polars-naive-ms", WALLS, "2025-11-14 09:30:00.000"],
    ["pyarrow-utc-ns", ["schema"], "2025-11-14 14:30:00.000Z"],
    ["pyarrow-naive-us", WALLS, "2025-11-14 09:30:00.000"],
    ["pyarrow-int96", WALLS, "2025-11-14 09:30:00.000"],
    ["duckdb-timestamptz", ["schema"], "2025-11-14 14:30:00.000Z"],
    ["duckdb-timestamp", WALLS, "2025-11-14 09:30:00.000"],
    ["duckdb-decimal", ["schema"], "2025-11-14 14:30:00.000Z"],
  ];
  it.each(files)("%s", async (name, asked, first) => {
    const source = await sourceOf(name);
    expect(source.columns.map((column) => column.name)).toEqual(["time", "open", "high", "low", "close"]);
    expect(source.columns[0]!.clocks).toEqual(asked);
    expect(source.first[0]).toEqual([first, "1", "3", "0.5", "2"]);
    expect(await candlesOf(source, layoutOf(asked.length > 1 ? "newYork" : "schema"))).toEqual(BARS);
  });
});

it.each(["pyarrow-date-time", "duckdb-date-time"] as const)("a date beside a time of day: %s", async (name) => {
  const source = await sourceOf(name);
  expect(source.columns.slice(0, 2).map(({ clocks }) => clocks)).toEqual([[], WALLS]);
  expect(source.first[2]!.slice(0, 2)).toEqual(["2025-11-14", "09:32:00.250"]);
  expect(await candlesOf(source, layoutOf("newYork", { date: 0, time: 1, prices: [2, 3, 4, 5] }))).toEqual(BARS);
});

it("text is read as in a CSV, over several groups of rows", async () => {
  const source = await sourceOf("polars-text");
  expect(await candlesOf(source, layoutOf("newYork"))).toEqual(BARS);
  await expect(readOwn("a", source, layoutOf("written"))).rejects.toThrow("Row 1: “2025-11-14 09:30:00” has no offset.");
});

it("whole numbers are nanoseconds and billionths where the reader says so, as Databento's are", async () => {
  const source = await sourceOf("databento");
  expect(source.columns.map(({ name }) => name)).toEqual(["time", "open", "high", "low", "close", "side"]); // is_last is neither time nor price
  expect(source.columns[0]!.clocks).toEqual(["seconds", "milliseconds", "microseconds", "nanoseconds"]);
  expect(await candlesOf(source, layoutOf("nanoseconds", { unit: "billionths" }))).toEqual(BARS);
  await expect(readOwn("a", source, layoutOf("milliseconds"))).rejects.toThrow("Row 1: “1763130600000000000”, Unix milliseconds, is no time between 1990 and 2100.");
  await expect(readOwn("a", source, layoutOf("nanoseconds", { prices: [5], barSeconds: 0 }))).rejects.toThrow("Row 1: “B” is no price.");
  await expect(readOwn("a", source, layoutOf("newYork", { date: 5 }))).rejects.toThrow("is a number, and no time of a day");
});

it("what cannot be read is said, and nothing is taken", async () => {
  await expect(readOwn("a", await sourceOf("null"), layoutOf("schema"))).rejects.toThrow("Row 2: it has nothing in column 1.");
  await expect(sourceOf("gzip")).rejects.toThrow("It is compressed with GZIP, which is not read here: write it with zstd or snappy.");
  await expect(sourceOf("nested")).rejects.toThrow("It has no column of times, numbers or text.");
  await expect(parquetSource(new Blob(["PAR1, but no more"]))).rejects.toThrow("It cannot be read as Parquet");
});

it("damaged files end in words or in bars, and never in another fault", async () => {
  for (const name of ["polars-utc-ns", "pyarrow-utc-ns"] as const) {
    const length = bytesOf(name).length;
    for (let place = 4; place < length; place += 101) {
      const damage = (bytes: Uint8Array<ArrayBuffer>) => bytes.map((byte, one) => (one === place ? byte ^ 0xff : byte));
      const read = async () => readOwn(name, await sourceOf(name, damage), layoutOf("schema"));
      await read().catch((error: Error) => expect(error.constructor.name, `${name} ${place} ${error.stack}`).toBe("Unreadable"));
    }
  }
});
