import { describe, expect, it } from "vitest";

import { distance, isSideways, pinchFactor, wheelFactor } from "../../src/pages/session/pointer";
import { detailOf, emptyState, lacks, overview, panelsOf, typeOf, valueBeside } from "../../src/pages/session/state";
import { hiddenTip, profileTip, seriesTip, tipContent } from "../../src/pages/session/tip";
import { lanesOf, typeOfCategory } from "../../src/record_types";
import { makeContracts, makeGreek, makeOrderflow, makeSnapshot, makeView, OPEN } from "./made";

describe("the tip", () => {
  it("has the exact values of the cell under the pointer, at its snapshot's time", () => {
    const { last, lines } = tipContent(makeView(), "gex_vol", OPEN + 13, 109);
    expect(last).toBe(OPEN + 20);
    expect(lines.map(([, text]) => text)).toEqual(["09:30:20", "14:30:20", "110.00", "11.00", "112.00"]);
  });
  it("says that a hole is one, at the pointer's time", () => {
    const { last, lines } = tipContent(makeView(), "gex_oi", OPEN + 25, 500);
    expect(last).toBeNaN();
    expect(lines.map(([name, text]) => [name, text])).toEqual([["New York", "09:30:25"], ["UTC", "14:30:25"], ["Strike", "130.00"], ["GEX OI", "no data"], ["Spot", "–"]]);
  });
});

describe("the tip of the profile", () => {
  const gex = typeOfCategory("gex_zero");
  it("has all values of the strike that is nearest, at the chosen second", () => {
    const { last, lines } = profileTip(gex, gex.panels, makeSnapshot(), 103)!;
    expect(last).toBe(OPEN + 20);
    expect(lines).toEqual([["Strike", "100.00", "strike"], ["GEX vol", "1.50", "gex_vol"], ["GEX OI", "−2.00", "gex_oi"], ["Earlier", "1.00  –  −3.00", "priors"]]);
  });
  it("is none where there is no snapshot", () => {
    expect(profileTip(gex, gex.panels, null, 103)).toBeNull();
  });
});

describe("the tip of the sums", () => {
  it("has whole numbers, and nothing where the feed reports none", () => {
    const [lane] = typeOfCategory("gex_zero").sums;
    const of = (values: number[]) => seriesTip({ ...makeView(), head: makeView().head, columnAt: () => 0, array: (name: string) => Float64Array.from(name === "last" ? [OPEN] : values) } as never, lane!, OPEN).lines.at(-1);
    expect([of([-1234.4, 5]), of([0, 0])]).toEqual([["Σ vol", "−1,234", "sum_gex_vol"], ["Σ vol", "–", "sum_gex_vol"]]);
  });
  it("says of what is hidden that it is", () => {
    expect(hiddenTip(OPEN).lines.map(([, text]) => text)).toEqual(["09:30:00", "later: hidden"]);
  });
});

describe("the tip of another record type", () => {
  it("names the value of a greek, and a volatility to three places", () => {
    const named = (value: string) => tipContent(makeGreek(value), value, OPEN + 13, 109).lines.find(([, , cell]) => cell === "value")!.slice(0, 2);
    expect([named("value"), named("put_ivol")]).toEqual([["Value", "11.00"], ["Put IV", "11.000"]]);
  });
  it("has the numbers of a lane, and says that a hole is one", () => {
    const [prices, net] = lanesOf(typeOfCategory("orderflow"), ["spot", "z_mlgamma", "net_dex"]);
    expect(seriesTip(makeOrderflow(), prices!, OPEN + 13)).toEqual({
      last: OPEN + 20, lines: [["New York", "09:30:20", "time"], ["Spot", "112.00", "spot"], ["Long gamma, nearest", "–", "z_mlgamma"]],
    });
    expect(seriesTip(makeOrderflow(), net!, OPEN + 13).lines.at(-1)).toEqual(["Net, nearest", "−2.000", "net_dex"]);
    expect(seriesTip(makeOrderflow(), { ...net!, title: "Vanna", series: [{ ...net!.series[0]!, text: "nearest" }] }, OPEN + 13).lines.at(-1)![0]).toBe("Vanna, nearest");
    expect(seriesTip(makeOrderflow(), prices!, OPEN + 25).lines).toEqual([["New York", "09:30:25", "time"], ["", "no data", "value"]]);
  });
});

describe("the pointer", () => {
  it("zooms with the wheel, the same way there and back, and not at once through all", () => {
    expect(wheelFactor(-30) * wheelFactor(30)).toBeCloseTo(1);
    expect(wheelFactor(-30)).toBeLessThan(1);
    expect(wheelFactor(1e6)).toBe(wheelFactor(60));
  });
  it("moves where the wheel goes sideways, but not where Shift turned it", () => {
    const turned = (deltaX: number, deltaY: number, shiftKey = false) => isSideways({ deltaX, deltaY, shiftKey });
    expect([turned(30, 4), turned(4, 30), turned(0, -100), turned(100, 0, true)]).toEqual([true, false, false, false]);
  });
  it("zooms with two fingers as they part, even where they meet", () => {
    const place = (x: number) => ({ x, y: 0 });
    expect(pinchFactor(place(200), place(100), place(0))).toBe(0.5);
    expect(pinchFactor(place(0), place(10), place(0))).toBe(10);
    expect(distance({ x: 1, y: 2 }, { x: 4, y: -2 })).toBe(7);
  });
});

describe("what is shown", () => {
  it("is of the chosen value, the detail too", () => {
    const [vol, oi] = [makeView("gex_vol"), makeView("gex_oi")];
    const state = { ...emptyState(), views: new Map([["gex_vol", vol], ["gex_oi", oi]] as const), value: "gex_vol", detail: vol };
    expect([overview(state), detailOf(state)]).toEqual([vol, vol]);
    expect([overview({ ...state, value: "gex_oi" }), detailOf({ ...state, value: "gex_oi" })]).toEqual([oi, null]);
    expect(overview(emptyState())).toBeNull();
  });
  it("lacks open interest in a state feed, and where neither ladder nor session has any", () => {
    const state = { ...emptyState(), feed: { symbol: "X", package: "classic", category: "gex_zero" }, shown: makeSnapshot({ strikes: [[100, 1, 0], [110, 2, null]] }) };
    const views = new Map([["gex_oi", makeView("gex_oi", { moves: [] })]] as const);
    expect(lacks({ ...state, views }, "gex_oi")).toBe(true);
    expect(lacks({ ...state, views: new Map([["gex_oi", makeView("gex_oi")]]) }, "gex_oi")).toBe(false);
    expect(lacks({ ...state, views, shown: makeSnapshot() }, "gex_oi")).toBe(false);
    expect(lacks(state, "gex_oi")).toBe(false); // not known yet
    expect(lacks({ ...state, feed: { ...state.feed, package: "state" } }, "gex_oi")).toBe(true);
  });
});

describe("what is shown of another record type", () => {
  const of = (view = makeGreek(), value = "value") => ({ ...emptyState(), value, views: new Map([[value, view]]) });
  it("is that of the view: another feed may be on its way", () => {
    const state = { ...of(), feed: { symbol: "X", package: "orderflow", category: "orderflow" } };
    expect([typeOf(state).name, typeOf({ ...state, views: new Map() }).name]).toEqual(["greeks", "orderflow"]);
    expect(detailOf({ ...of(makeOrderflow(), ""), detail: makeOrderflow() })).not.toBeNull();
  });
  it("has value and volatilities beside each other", () => {
    const feed = { symbol: "X", package: "state", category: "gamma_zero" };
    expect(panelsOf({ ...of(), feed, shown: makeContracts() }).map(({ title }) => title)).toEqual(["Value", "IV"]);
    expect(panelsOf({ ...emptyState(), feed: { ...feed, category: "gex_zero" } }).map(({ title }) => title)).toEqual(["Volume"]);
  });
  it("goes round its values", () => {
    const around = (category: string, value: string) => valueBeside(typeOfCategory(category), value);
    expect(["value", "call_ivol", "put_ivol"].map((value) => around("gamma_zero", value))).toEqual(["call_ivol", "put_ivol", "value"]);
    expect([around("gex_zero", "gex_oi"), around("orderflow", "")]).toEqual(["gex_vol", ""]);
  });
});
