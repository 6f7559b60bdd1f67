import { describe, expect, it } from "vitest";

import { extentOf, keyOf, scaleOfLane } from "../src/charts/lanes";
import { scaleOfPanel } from "../src/charts/profile";
import { groupsOfFeeds } from "../src/feeds";
import { numberIn, priorsIn, rowsOf, valueIn } from "../src/ladder";
import { lanesOf, RECORD_TYPES, seriesNames, shownValue, titleOf, typeOfCategory, valueOfType } from "../src/record_types";
import { feedRow, makeContracts, makeOrderflow, makeSnapshot, OPEN } from "./session/made";

const [gex, greeks, orderflow] = ["gex_zero", "gamma_zero", "orderflow"].map(typeOfCategory) as [typeof RECORD_TYPES[0], typeof RECORD_TYPES[0], typeof RECORD_TYPES[0]];

describe("a record type", () => {
  it("is known by its category, the usual one where it is not known", () => {
    expect(["gex_one", "charm_zero", "orderflow", "theta"].map((category) => typeOfCategory(category).name)).toEqual(["gex", "greeks", "orderflow", "gex"]);
  });
  it("has values of its own", () => {
    expect([valueOfType(gex, "gex_oi"), valueOfType(gex, "value"), valueOfType(greeks, ""), valueOfType(orderflow, "gex_vol")]).toEqual(["gex_oi", "gex_vol", "value", ""]);
    expect(titleOf({ package: "state", category: "vanna_one" }, "value")).toBe("Exposure to vanna");
    expect(titleOf({ package: "classic", category: "gex_zero" }, "gex_oi")).toBe("GEX by open interest");
  });
  it("names each series once, and as usual only what there is", () => {
    const names = seriesNames(orderflow);
    expect([names.length, new Set(names).size, orderflow.usual.every((name) => names.includes(name)), seriesNames(greeks)]).toEqual([35, 35, true, []]);
  });
  it("has in its readout a cell for every value, level and sum", () => {
    for (const { readout, values, levels, sums } of RECORD_TYPES) {
      const cells = readout.flatMap(({ rows }) => rows.flatMap((row) => row.cells));
      const wanted = [...values.map(({ cell }) => cell), ...levels.filter(({ id }) => id !== "spot").map(({ series }) => series), ...sums.flatMap(({ series }) => series.map(({ name }) => name))];
      expect(cells).toEqual(expect.arrayContaining(wanted));
      expect(new Set(cells).size).toBe(cells.length);
    }
  });
});

describe("lanes", () => {
  it("hold the chosen series, what is measured alike together", () => {
    const found = lanesOf(orderflow, ["one_dexoflow", "spot", "o_mlgamma", "dexoflow", "one_net_put_dex", "gone"]);
    expect(found.map(({ title, series }) => [title, ...series.map(({ text }) => text)])).toEqual(
      [["Price", "spot", "long gamma, next"], ["Delta flow", "nearest", "next"], ["Net DEX", "net puts, next"]]);
    expect(found[0]!.series.map(({ dash }) => dash.length > 0)).toEqual([false, true]);
    expect([lanesOf(orderflow, []), lanesOf(greeks, ["spot"]), lanesOf(gex, []).map(({ title }) => title)]).toEqual([[], [], ["Σ vol", "Σ OI"]]);
  });
  it("reach from the least to the greatest in view; a price of 0 is none", () => {
    const [prices, net] = lanesOf(orderflow, ["z_mlgamma", "net_dex"]);
    const all = { low: OPEN, high: OPEN + 40 };
    expect([extentOf(makeOrderflow(), net!, all), extentOf(makeOrderflow(), prices!, all)]).toEqual([{ low: -4, high: 8 }, { low: 130, high: 140 }]);
    expect(extentOf(makeOrderflow(), net!, { low: OPEN, high: OPEN + 9 })).toEqual({ low: 0.5, high: 1 });
  });
  it("have a little room around lines, and zero under an area", () => {
    expect(scaleOfLane({ low: 100, high: 200 }, { form: "lines" })).toEqual({ low: 92, high: 208 });
    expect(scaleOfLane({ low: 50, high: 50 }, { form: "lines" })).toEqual({ low: 49.5, high: 50.5 });
    expect(scaleOfLane({ low: Infinity, high: -Infinity }, { form: "lines" })).toEqual({ low: 0, high: 1 });
    expect(scaleOfLane({ low: -7, high: 0 }, { form: "area" })).toEqual({ low: -8, high: 0 });
  });
  it("say what is drawn in further rows where one is too short", () => {
    const [lane] = lanesOf(orderflow, ["net_dex", "one_net_dex"]);
    const width = (text: string) => text.length * 7;
    expect(keyOf(lane!, 0, 999, width).map(({ text, row }) => [text, row])).toEqual([["Net DEX", 0], ["net, nearest", 0], ["net, next", 0]]);
    expect(keyOf(lane!, 0, 150, width).map(({ row }) => row)).toEqual([0, 1, 2]);
    expect(keyOf({ ...lane!, form: "area" }, 0, 999, width)).toEqual([]);
  });
});

describe("a ladder", () => {
  it("is read by the places of its record type", () => {
    const [[row], [other]] = [rowsOf(greeks, makeContracts()), rowsOf(gex, makeSnapshot())];
    expect([valueIn(row, shownValue(greeks, "value")!), valueIn(row, shownValue(greeks, "put_ivol")!), priorsIn(greeks, row)]).toEqual([-1.5, 0.22, [-1, null, 2]]);
    expect([valueIn(other, shownValue(gex, "gex_oi")!), priorsIn(gex, other), rowsOf(orderflow, makeContracts()), rowsOf(gex, null)]).toEqual([-2, [1, null, -3], [], []]);
    expect([numberIn(makeContracts(), "major_positive"), numberIn(makeContracts(), "zero_gamma"), numberIn(null, "spot")]).toEqual([130, null, null]);
  });
  it("has bars around zero as far as earlier values reach, and volatilities from the least to the greatest", () => {
    const [bars, lines] = greeks.panels;
    const rows = rowsOf(greeks, makeContracts({ mini_contracts: [[100, 0.2, 0.25, 1, [-45]], [110, 0, 0.3, 2]] }));
    const of = (panel: typeof bars, bound = 0, value = "value") => scaleOfPanel(panel!, panel!.values.map((name) => shownValue(greeks, name)!), rows, greeks, { value, bound });
    expect(of(bars)).toEqual({ low: -50, high: 50 });
    expect([of(bars, 120), of(bars, 45), of(bars, 44), of(bars, 120, "call_ivol")].map(({ high }) => high)).toEqual([120, 45, 50, 50]); // fixed, as far as nothing reaches beyond
    expect([of(lines).low, of(lines).high].map((one) => one.toFixed(3))).toEqual(["0.190", "0.310"]);
  });
});

it("feeds are grouped by ticker and record type, in whatever order they come", () => {
  const row = (ticker: string, category: string, record_type = typeOfCategory(category).name) => ({ ...feedRow(ticker, 1), category, record_type });
  const feeds = [row("SPX", "orderflow"), row("NDX", "gamma_zero"), row("SPX", "gex_zero"), row("NDX", "gex_one"), row("SPX", "gex_full")];
  expect(groupsOfFeeds(feeds).map(({ label, feeds: group }) => [label, group.map(({ category }) => category)])).toEqual([
    ["SPX · GEX", ["gex_zero", "gex_full"]], ["SPX · Orderflow", ["orderflow"]], ["NDX · GEX", ["gex_one"]], ["NDX · Greeks", ["gamma_zero"]]]);
  expect(groupsOfFeeds([])).toEqual([]);
});
