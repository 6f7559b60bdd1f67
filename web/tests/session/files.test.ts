import { describe, expect, it } from "vitest";

import { cellsCsv, fileName, ladderCsv, seriesCsv } from "../../src/pages/session/files";
import { typeOfCategory } from "../../src/record_types";
import { makeContracts, makeOrderflow, makeSnapshot, makeView, OPEN } from "./made";

const all = { time: { low: OPEN, high: OPEN + 40 }, price: { low: 0, high: 999 } };

it("a file is named by day, feed and what it holds", () => {
  expect(fileName({ symbol: "NQ_NDX", package: "classic", category: "gex_zero" }, "2025-11-14", "gex_vol.csv")).toBe("2025-11-14_NQ_NDX_classic_gex_zero_gex_vol.csv");
});

describe("the cells as CSV", () => {
  it("are those that there are: no row for a hole, none for a strike without a value", () => {
    const lines = cellsCsv(makeView(), "gex_vol", all).trimEnd().split("\n");
    expect(lines[0]).toBe("new_york,utc,strike,gex_vol,spot,synthetic,notes");
    expect(lines[1]).toBe("2025-11-14 09:30:10,2025-11-14T14:30:10Z,100,0,111,true,");
    expect(lines).toHaveLength(1 + 3 * 3);
    expect(lines.join()).not.toContain("NaN");
  });
  it("have the notes of their seconds, also of one in a hole", () => {
    const notes = [{ id: "1", instant: OPEN + 12, text: 'said "no",\ntwice', changedAt: "" }, { id: "2", instant: OPEN + 25, text: "in the hole", changedAt: "" }, { id: "3", instant: OPEN + 99, text: "out of view", changedAt: "" }];
    const text = cellsCsv(makeView(), "gex_vol", all, notes);
    expect(text.match(/,100,.*"said ""no"",\ntwice"\n/)).not.toBeNull();
    expect(text.match(/09:30:20,.*,in the hole\n/g)).toHaveLength(3);
    expect(text).not.toContain("out of view");
  });
  it("are those in view", () => {
    const window = { time: { low: OPEN + 35, high: OPEN + 40 }, price: { low: 105, high: 130 } };
    expect(cellsCsv(makeView(), "gex_oi", window).split("\n").slice(1, -1).map((line) => line.split(",").slice(2, 4))).toEqual([["110", "13"], ["130", "23"]]);
  });
});

it("the ladder as CSV has every strike, and nothing where the vendor gave nothing", () => {
  expect(ladderCsv(typeOfCategory("gex_zero"), makeSnapshot(), false)).toBe(
    "new_york,utc,strike,gex_vol,gex_oi,prior_1,prior_2,prior_3,prior_4,prior_5,synthetic\n" +
    "2025-11-14 09:30:20,2025-11-14T14:30:20Z,100,1.5,-2,1,,-3,,,false\n" +
    "2025-11-14 09:30:20,2025-11-14T14:30:20Z,110,,4,,,,,,false\n");
});

it("the ladder of a greek has its own columns", () => {
  expect(ladderCsv(typeOfCategory("gamma_zero"), makeContracts(), true)).toBe(
    "new_york,utc,strike,call_ivol,put_ivol,value,prior_1,prior_2,prior_3,synthetic\n" +
    "2025-11-14 09:30:20,2025-11-14T14:30:20Z,100,0.21,0.22,-1.5,-1,,2,true\n" +
    "2025-11-14 09:30:20,2025-11-14T14:30:20Z,110,0.2,,4,,,,true\n" +
    "2025-11-14 09:30:20,2025-11-14T14:30:20Z,130,0,0.25,3,,,,true\n");
});

it("chosen series as CSV have a line for each snapshot that is shown, and none for a hole", () => {
  const lines = seriesCsv(makeOrderflow(), ["net_dex", "spot"], all).trimEnd().split("\n");
  expect(lines.map((line) => line.split(",").slice(2).join())).toEqual(["net_dex,spot,synthetic,notes", "1,111,true,", "-2,112,true,", "3,114,true,"]);
  expect(seriesCsv(makeOrderflow(), ["spot"], { ...all, time: { low: OPEN + 35, high: OPEN + 40 } }).split("\n")).toHaveLength(3);
});
