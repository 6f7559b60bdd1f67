import { describe, expect, it } from "vitest";

import { ageOfSession } from "../../src/pages/session/age";
import { DATE, OPEN } from "./made";

const head = { session_date: DATE, open: OPEN, close: OPEN + 23_400, last: OPEN + 100 };
const state = (seconds: number) => ageOfSession(head, head.last + seconds)?.state;

describe("the age of the newest second", () => {
  it("turns amber after ten seconds and red after a minute", () => {
    expect([state(0), state(10), state(11), state(60), state(61)]).toEqual(["fresh", "fresh", "amber", "amber", "red"]);
    expect(ageOfSession(head, head.last + 75.9)?.text).toBe("1 min 15 s old");
  });
  it("is none below zero: clocks differ", () => {
    expect(ageOfSession(head, head.last - 3)?.text).toBe("0 s old");
  });
  it("is nothing of a day that is over, nor outside of its hours", () => {
    for (const now of [OPEN - 1, OPEN + 23_401, OPEN + 86_400]) expect(ageOfSession(head, now)).toBeNull();
    expect(ageOfSession({ ...head, open: null }, OPEN + 5)).toBeNull();
  });
});
