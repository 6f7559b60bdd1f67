import { describe, expect, it } from "vitest";

import type { Actions } from "../../src/pages/session/actions";
import { keyAction, type Pressed } from "../../src/pages/session/keys";

/** What a key calls, with what; null for a key that is not the page's. */
function called(key: string, more: Partial<Pressed> = {}): unknown[] | null {
  const calls: unknown[] = [];
  const actions = new Proxy({}, { get: (_, name) => (...given: unknown[]) => calls.push(name, ...given) }) as Actions;
  const run = keyAction({ key, shiftKey: false, onSlider: false, hasStrike: true, ...more }, actions);
  run?.();
  return run && calls;
}

describe("keys", () => {
  it("move in time, with Shift by minutes", () => {
    expect([called("ArrowLeft"), called("ArrowRight", { shiftKey: true }), called("PageUp"), called("Home"), called(",")]).toEqual(
      [["step", -1], ["step", 60], ["step", 600], ["toEnd", -1], ["toMove", -1]]);
  });
  it("up and down choose a strike, but move in time on the slider", () => {
    expect([called("ArrowUp"), called("ArrowDown")]).toEqual([["moveStrike", 1], ["moveStrike", -1]]);
    expect([called("ArrowUp", { onSlider: true }), called("ArrowDown", { onSlider: true })]).toEqual([["step", 60], ["step", -60]]);
  });
  it("1 to 5 are the speeds", () => {
    expect(["1", "2", "3", "4", "5"].map((key) => called(key)![1])).toEqual([1, 5, 15, 60, 300]);
    expect([called("6"), called("0")]).toEqual([null, ["resetWindow"]]);
  });
  it("mean the same in capitals", () => {
    expect([called("F"), called("H"), called("V"), called("D", { shiftKey: true })]).toEqual([["toggleFollow"], ["toggleLater"], ["otherValue"], ["panBy", 0.2, 0]]);
  });
  it("show half an hour, with Shift an hour, and what was in view before", () => {
    expect([called("m"), called("M", { shiftKey: true }), called("Backspace"), called("z")]).toEqual([["showSpan", 1800], ["showSpan", 3600], ["undoWindow"], ["undoWindow"]]);
  });
  it("zoom there and back", () => {
    for (const [closer, wider] of [["+", "-"], ["e", "q"]] as const) expect((called(closer)![1] as number) * (called(wider)![1] as number)).toBeCloseTo(1);
    expect(called("=")).toEqual(called("+"));
  });
  it("Escape is the page's only while a strike is chosen", () => {
    expect([called("Escape"), called("Escape", { hasStrike: false })]).toEqual([["chooseStrike", null], null]);
  });
  it("are those of the help, and no others", () => {
    const page = [" ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", ",", ".", "+", "-", "e", "q", "a", "d", "w", "s", "0", "f", "h", "v", "b", "n", "p", "c", "l", "j", "g", "m", "x", "z", "Backspace"];
    for (const key of page) expect(called(key), key).not.toBeNull();
    for (const key of ["t", "?", "o", "Tab", "Enter", "F1"]) expect(called(key), key).toBeNull();
  });
});
