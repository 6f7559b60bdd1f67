/** A reader's own file: read as it was said to be, or not at all. */

import { describe, expect, it } from "vitest";

import { candlesWithin, fieldsOf, instantIn, readOwn, type OwnLayout } from "../src/own_data";
import { OPEN } from "./session/made";

const bars: OwnLayout = { separator: "comma", hasHeader: true, clock: "newYork", date: null, time: 0, prices: [1, 2, 3, 4], barSeconds: 60, stamps: "begin" };
const BARS = "time,open,high,low,close\n2025-11-14 09:31:00,2,4,1,3\n2025-11-14 09:30:00,1,3,0.5,2\n";

it("bars are known when they end, whichever end of them is written", () => {
  const read = (stamps: "begin" | "end") => readOwn("a.csv", BARS, { ...bars, stamps }).candles.map(({ start, end }) => [start - OPEN, end - OPEN]);
  expect(read("begin")).toEqual([[0, 60], [60, 120]]);
  expect(read("end")).toEqual([[-60, 0], [0, 60]]);
});

it("a time is the same instant however it is written", () => {
  const written: [string, OwnLayout["clock"]][] = [
    [`${OPEN}`, "seconds"], [`${OPEN}000`, "milliseconds"], [`${OPEN}000000`, "microseconds"], [`${OPEN}000000000`, "nanoseconds"],
    ["2025-11-14 09:30:00", "newYork"], ["20251114 093000", "newYork"], ["2025/11/14 08:30:00", "chicago"], ["2025-11-14T14:30:00", "utc"],
    ["2025-11-14T14:30:00Z", "written"], ["2025-11-14T09:30:00-05:00", "written"], ["2025-11-14 15:30:00.000+0100", "written"], ["2025-11-14 9:30", "newYork"],
  ];
  for (const [text, clock] of written) expect(instantIn(text, clock), text).toBe(OPEN);
  expect(instantIn("2025-07-14 08:30:00", "chicago")).toBe(Date.parse("2025-07-14T13:30:00Z") / 1000);
  expect(instantIn("2025-11-14 09:30:00.25", "newYork")).toBe(OPEN + 0.25);
});

it("what can be read in two ways, or in none, is refused with its line", () => {
  const of = (line: string, more: Partial<OwnLayout> = {}) => () => readOwn("a.csv", `head\n${line}`, { ...bars, ...more });
  expect(of("11/14/2025 09:30:00,1,2,0,1")).toThrow("Line 2: “11/14/2025 09:30:00” is no date and time with the year first.");
  expect(of("2025-11-14 09:30:00Z,1,2,0,1")).toThrow("has an offset of its own");
  expect(of("2025-11-14 09:30:00,1,2,0,1", { clock: "written" })).toThrow("has no offset");
  expect(of("2025-02-30 09:30:00,1,2,0,1")).toThrow("is no date and time");
  expect(of("2025-11-14 09:30:00,1,2,0,x")).toThrow("“x” is no price");
  expect(of("2025-11-14 09:30:00,1,2,0")).toThrow("it has 4 fields");
  expect(of("2025-11-14 09:30:00,1,2,1.5,1.7")).toThrow("do not hold");
  expect(of("noon,1,2,0,1", { clock: "seconds" })).toThrow("no number of seconds");
  expect(() => readOwn("a.csv", "head\n", bars)).toThrow("no line of data");
});

it("fields may be quoted, and a date may stand apart", () => {
  expect(fieldsOf('"2025-11-14, 09:30",1;2', "comma")).toEqual(["2025-11-14, 09:30", "1;2"]);
  const { candles } = readOwn("a.txt", "2025/11/14;09:30:00.000;7", { ...bars, separator: "semicolon", hasHeader: false, date: 0, time: 1, prices: [2], barSeconds: 0 });
  expect(candles).toEqual([{ start: OPEN, end: OPEN, open: 7, high: 7, low: 7, close: 7 }]);
});

describe("candles", () => {
  const trades = readOwn("a.csv", [1, 2, 9, 10, 11, 25].map((second, place) => `${OPEN + second},${[5, 8, 3, 6, 7, 1][place]}`).join("\n"), { ...bars, hasHeader: false, clock: "seconds", prices: [1], barSeconds: 0 });
  it("are joined so that none is too narrow, each of what came after the one before", () => {
    expect(candlesWithin(trades, OPEN, OPEN + 30, 3)).toEqual([
      { start: OPEN, end: OPEN + 10, open: 5, high: 8, low: 3, close: 6 },
      { start: OPEN + 10, end: OPEN + 11, open: 7, high: 7, low: 7, close: 7 },
      { start: OPEN + 20, end: OPEN + 25, open: 1, high: 1, low: 1, close: 1 },
    ]);
  });
  it("hold nothing that had not ended", () => {
    expect(candlesWithin(trades, OPEN, OPEN + 30, 3, OPEN + 9).map(({ close }) => close)).toEqual([3]);
    expect(candlesWithin(readOwn("a.csv", BARS, bars), OPEN, OPEN + 600, 100, OPEN + 119)).toHaveLength(1);
  });
  it("are those in view", () => {
    expect(candlesWithin(trades, OPEN + 10, OPEN + 20, 100).map(({ close }) => close)).toEqual([6, 7]);
    expect(candlesWithin(readOwn("a.csv", BARS, bars), OPEN + 30, OPEN + 40, 100)).toHaveLength(1);
  });
});
