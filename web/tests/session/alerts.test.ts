/** What a reader is told of: from two snapshots, and of age once. */

import { expect, it } from "vitest";

import { Alerts, happenings } from "../../src/pages/session/alerts";
import { emptyState } from "../../src/pages/session/state";
import { typeOfCategory } from "../../src/record_types";
import { makeContracts, makeSnapshot, OPEN } from "./made";

const GEX = typeOfCategory("gex_zero");
const at = (second: number, more = {}) => makeSnapshot({ timestamp: OPEN + second, sum_gex_vol: 5, ...more });

it("spot crosses a level, or a level spot", () => {
  const texts = (before: object, after: object) => happenings(GEX, at(1, before), at(2, after)).map(({ text }) => text);
  expect(texts({ spot: 109 }, { spot: 110.5 })).toEqual(["Spot 110.50 is above zero gamma 110.00 now"]);
  expect(texts({ spot: 112, zero_gamma: 110 }, { spot: 112, zero_gamma: 113 })).toEqual(["Spot 112.00 is below zero gamma 113.00 now"]);
  expect(texts({ spot: 109 }, { spot: 110 })).toHaveLength(1);
  expect(texts({ spot: 110 }, { spot: 111 })).toEqual([]); // it had been reached already
  expect(texts({ spot: 90 }, { spot: 140 })).toEqual(["− vol 100.00", "+ vol 130.00", "zero gamma 110.00"].map((name) => `Spot 140.00 is above ${name} now`));
});

it("a level that either snapshot lacks is not crossed", () => {
  expect(happenings(GEX, at(1, { spot: 109, zero_gamma: 0 }), at(2, { spot: 111 }))).toEqual([]);
  expect(happenings(GEX, at(1, { spot: null }), at(2))).toEqual([]);
});

it("a sum changes its sign; one that is 0 all day does not", () => {
  expect(happenings(GEX, at(1, { sum_gex_vol: -3 }), at(2, { sum_gex_vol: 4.2 }))).toEqual([{ watch: "sums", text: "Σ vol is positive now: 4" }]);
  expect(happenings(GEX, at(1, { sum_gex_oi: 3 }), at(2, { sum_gex_oi: -1234.4 }))).toEqual([{ watch: "sums", text: "Σ OI is negative now: −1,234" }]);
  expect(happenings(GEX, at(1, { sum_gex_oi: 0 }), at(2, { sum_gex_oi: 0 }))).toEqual([]);
  expect(happenings(typeOfCategory("gamma_zero"), makeContracts({ spot: 100 }), makeContracts({ spot: 120 }))).toHaveLength(1);
});

it("only what is watched is told, forwards, and an age once", () => {
  const told: string[] = [];
  const state = { ...emptyState(), watched: new Set(["levels", "age"] as const) };
  const alerts = new Alerts(state, { showAlerts: () => {}, sound: () => told.push("tone") }, (text) => told.push(text));
  alerts.moved(at(1, { spot: 109, sum_gex_vol: -5 }), at(2, { spot: 111 }));
  alerts.moved(at(2, { spot: 111 }), at(1, { spot: 109 }));
  for (const state of ["fresh", "red", "red", "amber", "red"] as const) alerts.aged({ seconds: 1, text: "", state }, OPEN + 5);
  alerts.aged(null, OPEN);
  expect(told).toEqual(["09:30:02  Spot 111.00 is above zero gamma 110.00 now", "09:30:05  Nothing new since 09:30:05", "09:30:05  Nothing new since 09:30:05"]);
  alerts.toggleSound();
  alerts.moved(at(2, { spot: 111 }), at(3, { spot: 109 }));
  alerts.toggleSound();
  alerts.moved(at(3, { spot: 109 }), at(4, { spot: 111 }));
  expect(told.slice(3).map((text) => text.slice(0, 8))).toEqual(["tone", "09:30:03", "tone", "09:30:04"]); // the first as it is switched on
  state.alerts = state.alerts.slice(2);
  expect(state.alerts[0]).toEqual({ instant: OPEN + 5, text: "Nothing new since 09:30:05" });
});
