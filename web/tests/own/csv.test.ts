/** A reader's own file: read as it was said to be, or not at all. */

import { describe, expect, it } from "vitest";

import { candlesWithin } from "../../src/own/candles";
import { csvSource, fieldsOf, linesOf, type Separator } from "../../src/own/csv";
import { checkCount, instantIn, readOwn, type OwnLayout } from "../../src/own/layout";
import { OPEN } from "../session/made";

const bars: OwnLayout = { unit: "whole", clock: "newYork", date: null, time: 0, prices: [1, 2, 3, 4], barSeconds: 60, stamps: "begin" };
const BARS = "time,open,high,low,close\n2025-11-14 09:31:00,2,4,1,3\n2025-11-14 09:30:00,1,3,0.5,2\n";

const own = (text: string, layout: Partial<OwnLayout> = {}, separator: Separator = "comma", hasHeader = true) => readOwn("a.csv", csvSource(linesOf(text), separator, hasHeader), { ...bars, ...layout });

it("bars are known when they end, whichever end of them is written", async () => {
  const read = async (stamps: "begin" | "end") => (await own(BARS, { stamps })).candles.map(({ start, end }) => [start - OPEN, end - OPEN]);
  expect(await read("begin")).toEqual([[0, 60], [60, 120]]);
  expect(await read("end")).toEqual([[-60, 0], [0, 60]]);
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

it("what can be read in two ways, or in none, is refused with its line", async () => {
  const refused: [line: string, said: string, more?: Partial<OwnLayout>][] = [
    ["11/14/2025 09:30:00,1,2,0,1", "Line 2: “11/14/2025 09:30:00” is no date and time with the year first."],
    ["2025-11-14 09:30:00Z,1,2,0,1", "has an offset of its own"],
    ["2025-11-14 09:30:00,1,2,0,1", "has no offset", { clock: "written" }],
    ["2025-02-30 09:30:00,1,2,0,1", "is no date and time"],
    ["2025-11-14 09:30:00,1,2,0,x", "“x” is no price"],
    ["2025-11-14 09:30:00,1,2,0", "it has nothing in column 5"],
    ["2025-11-14 09:30:00,1,2,1.5,1.7", "do not hold"],
    ["noon,1,2,0,1", "no number of seconds", { clock: "seconds" }],
    ["1763130600000,1,2,0,1", "“1763130600000”, Unix seconds, is no time between 1990 and 2100", { clock: "seconds" }],
    ["", "no line of data"],
  ];
  for (const [line, said, more] of refused) await expect(own(`head\n${line}`, more), line).rejects.toThrow(said);
});

it("a file is no longer than a page can hold", () => {
  expect(() => checkCount(2_000_001)).toThrow("The file has 2,000,001 lines, and this page holds 2,000,000");
});

it("fields may be quoted, a date may stand apart, and prices may be in billionths", async () => {
  expect(fieldsOf('"2025-11-14, 09:30",1;2', "comma")).toEqual(["2025-11-14, 09:30", "1;2"]);
  const { candles } = await own("2025/11/14;09:30:00.000;7250000000", { date: 0, time: 1, prices: [2], unit: "billionths", barSeconds: 0 }, "semicolon", false);
  expect(candles).toEqual([{ start: OPEN, end: OPEN, open: 7.25, high: 7.25, low: 7.25, close: 7.25 }]);
});

describe("candles", async () => {
  const lines = [1, 2, 9, 10, 11, 25].map((second, place) => `${OPEN + second},${[5, 8, 3, 6, 7, 1][place]}`).join("\n");
  const [trades, minutes] = [await own(lines, { clock: "seconds", prices: [1], barSeconds: 0 }, "comma", false), await own(BARS)];
  it("are joined so that none is too narrow, each of what came after the one before", () => {
    expect(candlesWithin(trades, OPEN, OPEN + 30, 3)).toEqual([
      { start: OPEN, end: OPEN + 10, open: 5, high: 8, low: 3, close: 6 },
      { start: OPEN + 10, end: OPEN + 11, open: 7, high: 7, low: 7, close: 7 },
      { start: OPEN + 20, end: OPEN + 25, open: 1, high: 1, low: 1, close: 1 },
    ]);
  });
  it("hold nothing that had not ended", () => {
    expect(candlesWithin(trades, OPEN, OPEN + 30, 3, OPEN + 9).map(({ close }) => close)).toEqual([3]);
    expect(candlesWithin(minutes, OPEN, OPEN + 600, 100, OPEN + 119)).toHaveLength(1);
  });
  it("are those in view", () => {
    expect(candlesWithin(trades, OPEN + 10, OPEN + 20, 100).map(({ close }) => close)).toEqual([6, 7]);
    expect(candlesWithin(minutes, OPEN + 30, OPEN + 40, 100)).toHaveLength(1);
  });
});
