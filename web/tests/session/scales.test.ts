import { describe, expect, it } from "vitest";

import { columnsFor, detailRange, needsDetail, panned, wholeOf, zoomedPrice, zoomedTime } from "../../src/pages/session/scales";
import { makeView, OPEN } from "./made";

const whole = { time: { low: 0, high: 1000 }, price: { low: 0, high: 100 } };

it("all of a session is its columns and strikes, and spot where it left them", () => {
  expect(wholeOf(makeView())).toEqual({ time: { low: OPEN, high: OPEN + 40 }, price: { low: 95, high: 150 } });
});

describe("zoom and move", () => {
  it("time keeps the second under the pointer, and half a minute at least", () => {
    const closer = zoomedTime(whole, whole, 0.5, 250);
    expect(closer).toEqual({ time: { low: 125, high: 625 }, price: whole.price });
    const closest = zoomedTime(whole, whole, 1e-6, 500).time;
    expect(closest.high - closest.low).toBeCloseTo(30);
  });
  it("strikes stop at about six, around a price that is in view", () => {
    const closest = zoomedPrice(whole, whole, 60, 1e-6, 50).price;
    expect(closest.high - closest.low).toBeCloseTo(10);
    expect(zoomedPrice(whole, whole, 60, 0.5, 1e9).price).toEqual({ low: 50, high: 100 });
    expect(zoomedPrice(whole, whole, 3, 1e-6, 50).price).toEqual({ low: 25, high: 75 });
  });
  it("moving is by parts of what is in view, up to the ends", () => {
    const window = { time: { low: 100, high: 200 }, price: { low: 10, high: 20 } };
    expect(panned(window, whole, 0.2, -0.5)).toEqual({ time: { low: 120, high: 220 }, price: { low: 5, high: 15 } });
    expect(panned(window, whole, -9, 99)).toEqual({ time: { low: 0, high: 100 }, price: { low: 90, high: 100 } });
  });
});

it("columns are as many as the screen has pixels, in steps and within bounds", () => {
  expect([columnsFor(1010, 1), columnsFor(1010, 1.5), columnsFor(1010, 3), columnsFor(100, 1), columnsFor(5000, 1)]).toEqual([1000, 1500, 2000, 400, 2000]);
});

describe("the detail", () => {
  const overview = makeView("gex_vol", { column_seconds: 60 });
  const part = { low: OPEN + 100, high: OPEN + 150 };
  it("is wanted in a window, not for all of a session, nor below a second a column", () => {
    expect(needsDetail(part, overview, null, 400)).toBe(true);
    expect(needsDetail({ low: OPEN, high: OPEN + 230 }, overview, null, 400)).toBe(false);
    expect(needsDetail({ low: OPEN + 1, high: OPEN + 2 }, makeView("gex_vol", { column_seconds: 1 }), null, 400)).toBe(false);
  });
  it("is wanted anew where the one at hand ends, or is too coarse", () => {
    const fine = makeView("gex_vol", { start: OPEN + 90, column_seconds: 20 });
    expect(needsDetail(part, overview, fine, 2)).toBe(false);
    expect(needsDetail(part, overview, fine, 400)).toBe(true);
    expect(needsDetail({ low: OPEN + 80, high: OPEN + 150 }, overview, fine, 2)).toBe(true);
  });
  it("has a margin to move in, within the session", () => {
    expect(detailRange({ low: 100.5, high: 200.5 }, whole.time)).toEqual([75, 226]);
    expect(detailRange({ low: 10, high: 990 }, whole.time)).toEqual([0, 1000]);
  });
});
