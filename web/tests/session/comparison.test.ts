/** What the session is compared with: which sessions that asks for, and what is drawn until they are there. */

import { describe, expect, it } from "vitest";

import { comparedOverview, isBeside, isDifference, nameOfCompanion, PARTNER, partnerOf, shiftBetween, titleOfState, wantedCompanions, wordOfState } from "../../src/pages/session/comparison";
import { emptyState, type CompanionViews, type SessionState } from "../../src/pages/session/state";
import { daysOfStrip } from "../../src/pages/session/sessions_before";
import { originBeside, originOf, scaleBeside, scaleOfState } from "../../src/pages/session/seen";
import { formatState, parseState, type Companion } from "../../src/state";
import { DATE, feedRow, makeGreek, makeSnapshot, makeView, OPEN } from "./made";

const of = (category: string, day = "same"): Companion => ({ symbol: null, package: "classic", category, day });
const feed = (category: string) => ({ symbol: "NQ_NDX", package: "classic", category });
const feeds = ["gex_zero", "gex_one", "gex_full"].map((category) => ({ ...feedRow("NQ_NDX", 9), category }));

function stateOf(more: Partial<SessionState>): SessionState {
  const view = makeView("gex_vol", { previous_session: "2025-11-13" });
  return { ...emptyState(), feeds, feed: feed("gex_zero"), date: DATE, views: new Map([["gex_vol", view]]), instant: OPEN + 40, ...more };
}

describe("what is asked for", () => {
  it("is another feed of the day, the session before, or a day by its date", () => {
    expect(wantedCompanions(stateOf({ companion: of("gex_full") }))).toMatchObject([{ part: PARTNER, feed: feed("gex_full"), date: DATE, shift: 0 }]);
    expect(wantedCompanions(stateOf({ companion: of("gex_zero", "previous") }))).toMatchObject([{ date: "2025-11-13", shift: 86_400 }]);
    expect(wantedCompanions(stateOf({ companion: of("gex_zero", "2025-10-31") }))).toMatchObject([{ shift: 14 * 86_400 + 3600 }]); // the clocks went back
  });
  it("is nothing where that is the session itself, another record type, or not there", () => {
    expect(wantedCompanions(stateOf({ companion: of("gex_zero") }))).toEqual([]);
    expect(wantedCompanions(stateOf({ companion: of("gamma_zero") }))).toEqual([]);
    expect(wantedCompanions(stateOf({ companion: of("gex_zero", "previous"), views: new Map([["gex_vol", makeView()]]) }))).toEqual([]);
    expect(wantedCompanions(stateOf({ companion: of("gex_full"), views: new Map() }))).toEqual([]);
  });
  it("is all three feeds by expiry, where the lake has them, without cells", () => {
    const extras = new Set(["expiry"] as const);
    expect(wantedCompanions(stateOf({ extras })).map(({ part, withCells }) => [part, withCells])).toEqual([["gex_zero", false], ["gex_one", false], ["gex_full", false]]);
    expect(wantedCompanions(stateOf({ extras, feeds: feeds.slice(1) }))).toEqual([]);
    expect(wantedCompanions(stateOf({ extras, value: "value", views: new Map([["value", makeGreek()]]) }))).toEqual([]);
  });
  it("keeps New York's clock", () => {
    expect([shiftBetween(DATE, DATE), shiftBetween("2025-03-10", "2025-03-07")]).toEqual([0, 3 * 86_400 - 3600]);
  });
});

describe("what is drawn", () => {
  const other = (look: string): CompanionViews => ({ feed: feed("gex_full"), date: DATE, shift: 0, look, whole: makeView().with({ cells: new Float64Array(12).fill(1) }), detail: null });
  const compared = (look: string, more: Partial<SessionState> = {}) => stateOf({ companion: of("gex_full"), companions: new Map([[PARTNER, other(look)]]), ...more });
  it("is the session itself, under its own name, until the other is there in what is shown", () => {
    for (const state of [stateOf({ companion: of("gex_full") }), compared("gex_oi"), compared("gex_vol 5")]) {
      expect([isDifference(state), comparedOverview(state)!.cell(1, 1), titleOfState(state)]).toEqual([false, 11, "GEX by volume"]);
    }
    const state = compared("gex_vol");
    expect([comparedOverview(state)!.cell(1, 1), titleOfState(state), wordOfState(state)]).toEqual([10, "GEX by volume, less classic gex_full", `gex_vol_minus_classic_gex_full_${DATE}`]);
  });
  it("side by side is the session itself", () => {
    const state = compared("gex_vol", { compare: "beside" });
    expect([isDifference(state), comparedOverview(state)!.cell(1, 1)]).toEqual([false, 11]);
  });
  it("of another ticker stands beside it on the session's prices, with its own scale and spot, and is never taken from it", () => {
    const spx = { symbol: "ES_SPX", package: "classic", category: "gex_zero" };
    const view = makeView();
    // A quarter of the prices, and ten times the values; its first column has no spot.
    const quarter = (name: string) => view.array(name).map((price) => price / 4);
    const [first, ...spots] = quarter("spot");
    const theirs = view.with({ cells: view.array("cells").map((value) => value * 10), spot: Float64Array.of(NaN, ...spots), spot_min: quarter("spot_min"), spot_max: quarter("spot_max") },
      { symbol: "ES_SPX", strikes: [25, 27.5, 32.5] });
    const found: CompanionViews = { feed: spx, date: DATE, shift: 0, look: "gex_vol", whole: theirs, detail: null };
    const state = stateOf({ companion: { ...spx, day: "same" }, companions: new Map([[PARTNER, found]]), axis: "percent", shown: makeSnapshot() });
    expect([first, isDifference(state), isBeside(state), comparedOverview(state)!.cell(1, 1)]).toEqual([27.75, false, true, 11]);
    const partner = partnerOf(state)!;
    expect([partner.ratio, partner.since, [...partner.whole.strikes], partner.whole.array("spot")[3]]).toEqual([0.25, OPEN + 20, [100, 110, 130], 114]);
    expect([scaleBeside(state, partner.whole).high, scaleBeside({ ...state, scale: 7 }, partner.whole).high]).toEqual([scaleOfState(state).high * 10, 7]);
    expect([originOf(state)!.price, originBeside(state)!.price, originBeside({ ...state, instant: OPEN + 25 })!.price]).toEqual([112.5, 114, 112]);
    expect(nameOfCompanion(partner, view)).toBe("ES_SPX classic gex_zero");
    expect(wantedCompanions(state)).toMatchObject([{ feed: spx, date: DATE }]);
    expect(partnerOf({ ...state, value: "gex_oi" })).toBeNull();
  });
  it("is named by what sets it apart", () => {
    const view = makeView();
    expect(nameOfCompanion({ feed: feed("gex_zero"), date: "2025-11-13" }, view)).toBe("Thu 13 Nov 2025");
    expect(nameOfCompanion({ feed: feed("gex_one"), date: "2025-11-13" }, view)).toBe("classic gex_one, Thu 13 Nov 2025");
  });
  it("lies on both sides of zero where it is a change, also of what has but one", () => {
    const view = makeGreek("call_ivol", { change_minutes: 5 });
    const state = { ...emptyState(), feed: { symbol: "NQ_NDX", package: "state", category: "gamma_zero" }, value: "call_ivol", change: 5, views: new Map([["call_ivol 5", view]]) };
    expect([scaleOfState(state).signed, titleOfState(state), wordOfState(state)]).toEqual([true, "IV of calls, change over 5 min", "call_ivol_change_5min"]);
  });
});

it("the strip is of twenty sessions at most, and of none that came later", () => {
  const rows = Array.from({ length: 28 }, (_, day) => ({ session_date: `2025-11-${String(day + 1).padStart(2, "0")}`, import_id: "1" })).reverse();
  const days = daysOfStrip(rows, "2025-11-25").map(({ session_date }) => session_date);
  expect([days.length, days[0], days.at(-1)]).toEqual([20, "2025-11-06", "2025-11-25"]);
});

it("a link says all of it", () => {
  const link = "#/session?symbol=NQ_NDX&package=classic&category=gex_zero&date=2025-11-14&change=15&with=classic/gex_full/2025-11-13&compare=beside&show=prior,strip&axis=percent";
  expect(parseState(link)).toMatchObject({ change: 15, companion: of("gex_full", "2025-11-13"), compare: "beside", extras: ["prior", "strip"], axis: "percent" });
  expect(formatState(parseState(link))).toBe(link);
  expect(parseState("#/session?change=7&with=classic&show=all&axis=feet")).toMatchObject({ change: 0, companion: null, extras: [], axis: "price" });
  expect(parseState("#/session?with=classic/gex_full/yesterday").companion).toBeNull();
  const other = parseState("#/session?symbol=NQ_NDX&with=ES_SPX:classic/gex_full/previous");
  expect(other.companion).toEqual({ ...of("gex_full", "previous"), symbol: "ES_SPX" });
  expect(formatState({ ...other, page: "session" })).toContain("with=ES_SPX:classic/gex_full/previous");
});
