import { expect, it } from "vitest";

import { largestMoves } from "../src/moves";

const found = (moves: [number, number][]) => largestMoves(Float64Array.from(moves, ([at]) => at), Float64Array.from(moves, ([, change]) => change));

it("the largest changes come in order of time, and stand apart", () => {
  expect(found([[0, 5], [200, -9], [NaN, NaN], [499, 8], [500, 3], [900, -1]])).toEqual([[200, -9], [500, 3], [900, -1]]);
  expect(found([[0, 0], [NaN, NaN]])).toEqual([]);
  expect(found(Array.from({ length: 40 }, (_, place) => [place * 300, place + 1]))).toHaveLength(24);
});

it("which they are depends on what is known", () => {
  const all: [number, number][] = [[0, 5], [200, -9]];
  expect([found(all.slice(0, 1)), found(all)]).toEqual([[[0, 5]], [[200, -9]]]);
});
