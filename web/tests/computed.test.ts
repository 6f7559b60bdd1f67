/** What is computed of several views: against the sums and differences themselves. */

import { describe, expect, it } from "vitest";

import { byExpiry, columnEndedBy, difference, shifted } from "../src/computed";
import { grownBy, isEnded, renewed } from "../src/growth";
import { makeView, OPEN, tailOf } from "./session/made";

const view = makeView();

describe("one less another", () => {
  it("is the difference of each cell, none where one has none", () => {
    const other = makeView().with({ cells: Float64Array.from([1, 1, 1, 1, 2, 2, 2, 2, 5, 5, 5, NaN]) });
    expect([...difference(view, other).array("cells")]).toEqual([-1, 0, 1, 2, 8, 9, NaN, 11, 15, 16, 17, NaN]);
    expect(difference(view, other)).toBe(difference(view, other)); // asked for in every frame
  });
  it("takes of each strike the band of the other in which it lies", () => {
    const other = makeView("gex_vol", { strikes: [93, 103, 118] }); // bands from 88, 98, 110.5 to 125.5
    expect([...difference(view, other).array("cells")]).toEqual([-10, -10, NaN, -10, 0, 0, NaN, 0, NaN, NaN, NaN, NaN]);
  });
  it("knows of the other no more than had ended by then", () => {
    const coarse = makeView("gex_vol", { column_seconds: 20 });
    expect([10, 19, 20, 40, 80, 100].map((second) => columnEndedBy(coarse, OPEN + second))).toEqual([-1, -1, 0, 1, 3, -1]);
    expect([...difference(view, coarse).array("cells")].slice(0, 4)).toEqual([NaN, 1, 2, 2]);
  });
  it("hides what comes later", () => {
    const part = difference(view, makeView().with({ cells: new Float64Array(12) })).until(OPEN + 20);
    expect([part.columns, part.cell(1, 0), part.cell(1, 2)]).toEqual([2, 10, NaN]);
  });
});

it("another day's view is on the clock of this one", () => {
  const moved = shifted(view, 86_400);
  expect([moved.start, moved.head.last, moved.array("time")[0], moved.head.moves[0]![0]]).toEqual([OPEN + 86_400, OPEN + 86_440, OPEN + 86_410, OPEN + 86_410]);
  expect(moved.array("cells")).toBe(view.array("cells"));
});

it("the rest is the sum of all expiries less that of the nearest and the next", () => {
  const of = (...sums: number[]) => makeView().with({ sum_gex_vol: Float64Array.from(sums) });
  const all = byExpiry(of(1, 2, NaN, 4), of(10, 20, 30, -40), of(100, 200, 300, 400), "sum_gex_vol");
  expect([...all.array("expiry_zero")]).toEqual([1, 2, NaN, 4]);
  expect([...all.array("expiry_rest")]).toEqual([89, 178, NaN, 436]);
});

describe("a session that has grown", () => {
  const young = makeView("gex_vol", { last: OPEN + 25, digest: "young" }).with({
    cells: Float64Array.from([0, 1, 99, NaN, 10, 11, 99, NaN, 20, 21, 99, NaN]), last: Float64Array.from([OPEN + 10, OPEN + 20, OPEN + 25, NaN]),
  });
  const old = makeView("gex_vol", { digest: "old", known_digest: "young" });
  it("is that which would be fetched whole: what had ended stays, the rest is new", () => {
    const grown = grownBy(young, tailOf(old, 1))!;
    for (const name of old.names) expect(grown.array(name), name).toEqual(old.array(name));
    expect(grown.head).toEqual(old.head);
  });
  it("has the strikes of both", () => {
    const wider = makeView("gex_vol", { strikes: [100, 120, 130], known_digest: "young" });
    const grown = grownBy(young, tailOf(wider, 1))!;
    expect([...grown.strikes]).toEqual([100, 110, 120, 130]);
    expect([[0, 3], [1, 1], [1, 3], [2, 1], [2, 3], [3, 3]].map(([row, column]) => grown.cell(row!, column!))).toEqual([3, 11, NaN, NaN, 13, 23]);
  });
  it("is not taken for what it was where it has been replaced, or is in other columns", () => {
    expect(grownBy(young, tailOf(old, 1, { known_digest: "other" }))).toBeNull();
    expect(grownBy(young, tailOf(old, 2))).toBeNull();
    expect(grownBy(young, tailOf(old, 1, { first: OPEN }))).toBeNull();
  });
  it("is asked for a few columns at first, and for as many as there are when it says how many", async () => {
    const wide = (last: number, digest: string, known: string) => {
      const columns = 100;
      const times = Float64Array.from({ length: columns }, (_, place) => OPEN + (place + 1) * 10);
      const shown = times.map((time) => (time - last < 10 ? 7 : NaN));
      const arrays = { time: times, last: shown, spot: shown, spot_min: shown, spot_max: shown, cells: Float64Array.from([...shown, ...shown, ...shown]) };
      return makeView("gex_vol", { last, end: OPEN + 1000, digest, known_digest: known }).with(arrays);
    };
    const [before, after] = [wide(OPEN + 105, "a", "a"), wide(OPEN + 700, "b", "a")];
    const asked: number[] = [];
    const grown = await renewed(before, async (part) => {
      const { range: [start, end], columns } = part as { range: [number, number]; columns: number };
      asked.push(columns);
      const from = (start - OPEN) / 10;
      const partOf = (name: string) => after.array(name).slice(from, (end - OPEN) / 10);
      const cells = [0, 1, 2].flatMap((row) => Array.from({ length: columns }, (_, place) => after.cell(row, from + place)));
      return tailOf(after, from).with({ ...Object.fromEntries(["time", "last", "spot", "spot_min", "spot_max"].map((name) => [name, partOf(name)])), cells: Float64Array.from(cells) });
    }, true);
    expect(asked).toEqual([9, 62]);
    for (const name of after.names) expect(grown.array(name), name).toEqual(after.array(name));
  });
  it("is fetched whole where it has outgrown its picture, or nothing of it had ended", async () => {
    const asked: unknown[] = [];
    const ask = async (part: object) => { asked.push(part); return "range" in part ? tailOf(old, 1, { last: OPEN + 50 }) : old; };
    expect(await renewed(young, ask, true)).toBe(old);
    expect(asked).toEqual([{ columns: 3, range: [OPEN + 10, OPEN + 40], known: OPEN + 25 }, { known: OPEN + 25 }]);
    expect(await renewed(makeView("gex_vol", { last: OPEN + 5 }), ask, true)).toBe(old);
    expect(asked).toHaveLength(3);
    expect((await renewed(young, ask, false)).head.last).toBe(OPEN + 50); // a part may end where it likes
    expect([isEnded(young), isEnded(old)]).toEqual([false, true]);
  });
});
