import { describe, expect, it } from "vitest";

import { moveBeside, playedTo, secondWithin, strikeBeside } from "../../src/pages/session/cursor";
import { makeView } from "./made";

describe("the chosen second", () => {
  it("is a whole one, and one of the session", () => {
    const session = { first: 10.2, last: 99.8 };
    expect([50.4, 50.5, -5, 10.3, 1e9].map((instant) => secondWithin(session, instant))).toEqual([50, 51, 11, 11, 99]);
  });
  it("goes to the largest change on either side, and nowhere where there is none", () => {
    const moves = [[10, 5], [30, -7], [50, 6]] as const;
    expect([9, 10, 29, 50].map((instant) => moveBeside(moves, instant, 1))).toEqual([10, 30, 30, null]);
    expect([10, 11, 30, 99].map((instant) => moveBeside(moves, instant, -1))).toEqual([null, 10, 10, 50]);
    expect(moveBeside([], 10, 1)).toBeNull();
  });
  it("plays on at its speed, and does not leap after a sleep", () => {
    expect(playedTo(100, 16, 60)).toBeCloseTo(100.96);
    expect(playedTo(100, 60_000, 1)).toBe(100.25);
  });
});

describe("the chosen strike", () => {
  const view = makeView();
  it("begins nearest to spot, whichever key is pressed", () => {
    expect([strikeBeside(view, null, 128, 1), strikeBeside(view, null, 128, -1), strikeBeside(view, null, null, 1)]).toEqual([130, 130, 100]);
  });
  it("goes to its neighbour and stops at the ends", () => {
    expect([strikeBeside(view, 110, 128, 1), strikeBeside(view, 110, 128, -1)]).toEqual([130, 100]);
    expect([strikeBeside(view, 130, null, 1), strikeBeside(view, 100, null, -1)]).toEqual([130, 100]);
    expect(strikeBeside(view, 112, null, 1)).toBe(130); // a link may name a strike that there is not
  });
});
