import { describe, expect, it } from "vitest";

import { legendTicks } from "../../src/pages/session/legend";
import { ageOf, priorTexts, readoutTexts } from "../../src/pages/session/readout";
import { makeContracts, makeSnapshot, OPEN } from "./made";

const feed = { symbol: "NQ_NDX", package: "classic", category: "gex_zero" };
const at = (instant: number, more: object = {}) => readoutTexts({ shown: makeSnapshot(), instant, strike: null, feed, absence: "none", ...more });

describe("the readout", () => {
  it("has the numbers of the snapshot, as traders write them", () => {
    expect(at(OPEN + 20)).toEqual({
      spot: "112.50", asof: "as of 09:30:20 New York", zero_gamma: "110.00", distance: "+2.50", major_pos_vol: "130.00", major_pos_oi: "–",
      major_neg_vol: "100.00", major_neg_oi: "–", sum_gex_vol: "−1,234", sum_gex_oi: "100", delta_risk_reversal: "0.123", dte: "0 / 1",
      strike: "none chosen", strike_vol: "–", strike_oi: "–", strike_priors: "–",
    });
  });
  it("says how old the snapshot is at the second", () => {
    expect(at(OPEN + 27).asof).toBe("as of 09:30:20, 7 s before");
    expect(ageOf({ shown: makeSnapshot(), instant: OPEN + 27 })).toBe(7);
  });
  it("has the values of the chosen strike, and none of one that the ladder lacks", () => {
    expect(at(OPEN + 20, { strike: 100 })).toMatchObject({ strike: "100.00", strike_vol: "1.50", strike_oi: "−2.00", strike_priors: "1.00  –  −3.00" });
    expect(at(OPEN + 20, { strike: 110 })).toMatchObject({ strike_vol: "–", strike_oi: "4.00", strike_priors: "–" });
    expect(at(OPEN + 20, { strike: 777 })).toMatchObject({ strike: "777.00", strike_vol: "–", strike_oi: "–" });
  });
  it("shows no open interest for a state feed, which has none", () => {
    expect(at(OPEN + 20, { feed: { ...feed, package: "state" }, strike: 100 })).toMatchObject({ sum_gex_oi: "–", strike_oi: "–", sum_gex_vol: "−1,234" });
  });
  it("tells what is not loaded from what there is none of", () => {
    const said = (["loading", "none", "lost", "failed"] as const).map((absence) => at(OPEN, { shown: null, absence }).asof);
    expect(said).toEqual(["loading…", "no snapshot yet", "not loaded: the server does not answer", "not loaded"]);
  });
  it("says that there is no snapshot yet", () => {
    const texts = at(OPEN, { shown: null });
    expect([texts.asof, texts.spot, texts.dte, texts.distance]).toEqual(["no snapshot yet", "–", "–", "–"]);
    expect(ageOf({ shown: null, instant: OPEN })).toBe(0);
  });
  it("has a row for each of the largest changes, empty where the snapshot has fewer", () => {
    expect(priorTexts(makeSnapshot())).toEqual([["110.00", "+3.00"], ["100.00", "−4.50"], ["–", "–"], ["–", "–"], ["–", "–"], ["–", "–"]]);
    expect(priorTexts(null)).toHaveLength(6);
  });
});

it("the legend names the bounds, beyond which all have the last colour", () => {
  const ticks = legendTicks({ signed: true, low: -1000, high: 1000 });
  expect([ticks[0], ticks[2], ticks[4]]).toEqual(["≤ −1K", "0", "≥ 1K"]);
  expect(ticks[1]).toBe(`−${ticks[3]}`);
});

it("the legend of what lies on one side of zero goes from the least to the greatest", () => {
  expect(legendTicks({ signed: false, low: 0.18, high: 0.22 })).toEqual(["≤ 0.18", "0.19", "0.2", "0.21", "≥ 0.22"]);
});

describe("the readout of another record type", () => {
  const greek = { symbol: "NQ_NDX", package: "state", category: "gamma_zero" };
  it("has the levels of a greek, and of the chosen strike value and volatilities", () => {
    expect(readoutTexts({ shown: makeContracts(), instant: OPEN + 20, strike: 100, feed: greek, absence: "none" })).toEqual({
      spot: "112.50", asof: "as of 09:30:20 New York", dte: "0 / 1", major_positive: "130.00", major_negative: "100.00", major_long_gamma: "–",
      major_short_gamma: "110.00", strike: "100.00", strike_value: "−1.50", strike_call_ivol: "0.210", strike_put_ivol: "0.220", strike_priors: "−1.00  –  2.00",
    });
  });
  it("has every number of orderflow, a price of 0 as none", () => {
    const shown = { timestamp: OPEN + 20, spot: 112.5, z_mlgamma: 0, dexoflow: -0.456, zcvr: 0.6125 };
    const texts = readoutTexts({ shown, instant: OPEN + 20, strike: null, feed: { ...greek, package: "orderflow", category: "orderflow" }, absence: "none" });
    expect(texts).toMatchObject({ spot: "112.50", z_mlgamma: "–", dexoflow: "−0.46", zcvr: "0.613", one_net_dex: "–" });
    expect(texts).not.toHaveProperty("strike");
  });
});
