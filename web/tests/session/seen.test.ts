import { describe, expect, it } from "vitest";

import { scaleOfState, scaleText, seenDetail, seenOverview, wholeOfState } from "../../src/pages/session/seen";
import { emptyState, type SessionState } from "../../src/pages/session/state";
import { SessionView } from "../../src/view";
import { makeOrderflow, makeView, OPEN } from "./made";

const view = makeView();
const window = { time: { low: OPEN, high: OPEN + 40 }, price: { low: 95, high: 150 } };
const at = (seconds: number, more: Partial<SessionState> = {}): SessionState =>
  ({ ...emptyState(), views: new Map([["gex_vol", view]]), instant: OPEN + seconds, window, ...more });
const hiding = (seconds: number, more: Partial<SessionState> = {}) => at(seconds, { later: "hidden", ...more });

describe("what is hidden", () => {
  it("is every column that has not ended by the second, with its changes and extremes", () => {
    const seen = seenOverview(hiding(29))!;
    expect([seen.columns, seen.end, [...seen.array("spot")], seen.moves]).toEqual([2, OPEN + 20, [111, 112], [[OPEN + 10, 5]]]);
    expect([seen.cell(0, 1), seen.cell(0, 2), seen.cell(0, -1), seen.columnAt(OPEN + 25)]).toEqual([1, NaN, NaN, -1]);
    expect([seenOverview(hiding(9))!.columns, seenOverview(hiding(30))!.columns, seenOverview(hiding(40))]).toEqual([0, 3, view]);
  });
  it("is nothing where it is not wanted", () => {
    expect([seenOverview(at(9)), seenOverview(at(9, { later: "shown" }))]).toEqual([view, view]);
  });
  it("is cut off the part in view too", () => {
    expect(seenDetail(hiding(20, { detail: view }))!.columns).toBe(2);
  });
  it("is the same object until the next column has ended: what is drawn from it need not be drawn anew", () => {
    expect(seenOverview(hiding(21))).toBe(seenOverview(hiding(29)));
  });
  it("is a strike that was not there yet", () => {
    const cells = Float64Array.from([NaN, NaN, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]);
    const arrays = new Map(["time", "last", "spot", "spot_min", "spot_max"].map((name) => [name, view.array(name)]));
    const later = new SessionView(view.head, new Map([...arrays, ["cells", cells]]));
    const seen = later.until(OPEN + 20);
    expect([[...seen.strikes], [...seen.rows], seen.cell(0, 1), [...later.until(OPEN + 30).strikes]]).toEqual([[110, 130], [1, 2], 11, [100, 110, 130]]);
  });
});

describe("all that can be in view", () => {
  it("has the prices that had been seen, and the hours of the session", () => {
    expect(wholeOfState(hiding(10))).toEqual({ time: window.time, price: { low: 95, high: 140 } }); // spot goes to 150 in the second column
    expect(wholeOfState(hiding(20)).price).toEqual({ low: 95, high: 150 });
    expect(wholeOfState(at(10)).price).toEqual({ low: 95, high: 150 });
  });
});

describe("the scale", () => {
  const bound = (state: SessionState) => scaleOfState(state).high;
  it("is of the day, unless what comes later is hidden", () => {
    // The 99.5 % quantile of so few cells is the greatest but one.
    expect([bound(at(20)), bound(hiding(20)), bound(hiding(10))]).toEqual([22, 20, 10]);
  });
  it("is of what had been seen until then, also where the rest is drawn", () => {
    expect(bound(at(20, { scale: "now" }))).toBe(bound(hiding(20)));
  });
  it("is of what is in view: its columns and its strikes", () => {
    const zoomed = { time: { low: OPEN + 10, high: OPEN + 20 }, price: { low: 95, high: 115 } };
    expect(bound(at(40, { scale: "window", window: zoomed }))).toBe(1); // of 1 and 11
    expect(bound(hiding(10, { scale: "window", window: zoomed }))).toBe(1); // of nothing
    expect(bound(at(40, { scale: "window", window }))).toBe(bound(at(40)));
  });
  it("is a number", () => {
    expect(scaleOfState(hiding(10, { scale: 7 }))).toEqual({ signed: true, low: -7, high: 7 });
  });
  it("says what it follows from", () => {
    expect([at(1), hiding(1), at(1, { scale: "now" }), at(1, { scale: "window" }), at(1, { scale: 5 })].map(scaleText)).toEqual([
      "scale of the day", "scale of what had been seen until then", "scale of what had been seen until then", "scale of what is in view", "fixed scale"]);
  });
  it("is none where there are no cells", () => {
    expect(scaleOfState({ ...emptyState(), value: "", views: new Map([["", makeOrderflow()]]) }).high).toBe(1);
  });
});
