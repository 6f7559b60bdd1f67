import { describe, expect, it } from "vitest";

import { addressOf, instantOfLink, windowOfLink } from "../../src/pages/session/address";
import { wholeOf } from "../../src/pages/session/scales";
import { emptyState, type SessionState } from "../../src/pages/session/state";
import { formatState, parseState } from "../../src/state";
import { DATE, makeView, OPEN } from "./made";

const view = makeView();
const whole = wholeOf(view);
const feed = { symbol: "NQ_NDX", package: "classic", category: "gex_zero" };
const shown = (more: Partial<SessionState> = {}): SessionState => ({ ...emptyState(), feed, date: DATE, views: new Map([["gex_vol", view]]), instant: OPEN + 12, window: whole, ...more });

describe("the link to what is shown", () => {
  it("names feed, day and second, and a window only where one is zoomed into", () => {
    expect(formatState({ page: "session", ...addressOf(shown()) })).toBe(`#/session?symbol=NQ_NDX&package=classic&category=gex_zero&date=${DATE}&at=09:30:12`);
    const window = { time: { low: OPEN + 5, high: OPEN + 25 }, price: { low: 99.987, high: 120 } };
    expect(addressOf(shown({ window, strike: 110, hidden: new Set(["zero"]) }))).toMatchObject({ from: "09:30:05", to: "09:30:25", low: 99.99, high: 120, strike: 110, hidden: ["zero"] });
  });
  it("opens the same again", () => {
    const window = { time: { low: OPEN + 5, high: OPEN + 25 }, price: { low: 100, high: 120 } };
    const link = parseState(formatState({ page: "session", ...addressOf(shown({ window })) }));
    expect([windowOfLink(link, DATE, whole), instantOfLink(link, DATE, view.head)]).toEqual([window, OPEN + 12]);
  });
  it("names no second where nothing is shown", () => {
    expect(addressOf({ ...emptyState(), feed, date: DATE })).toMatchObject({ feed, date: DATE, at: null, from: null, low: null });
  });
});

describe("a link", () => {
  it("that names nothing opens the whole session at its end", () => {
    const link = parseState("#/session");
    expect([windowOfLink(link, DATE, whole), instantOfLink(link, DATE, view.head)]).toEqual([whole, view.head.last]);
  });
  it("that names what is not in the session opens what is nearest", () => {
    const link = parseState("#/session?at=04:00:00&from=09:00:00&to=09:30:20&low=-5&high=100");
    expect(instantOfLink(link, DATE, view.head)).toBe(view.head.first);
    expect(windowOfLink(link, DATE, whole)).toEqual({ time: { low: OPEN, high: OPEN + 20 }, price: { low: 95, high: 100 } });
  });
  it("with half a window, or one that is upside down, opens all of it", () => {
    for (const hash of ["#/session?from=09:30:10&low=100", "#/session?from=09:30:20&to=09:30:10&low=120&high=100"]) {
      expect(windowOfLink(parseState(hash), DATE, whole)).toEqual(whole);
    }
  });
});
