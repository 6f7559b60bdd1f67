/** The largest changes of a sum, each some minutes from the others. Pure; the service chooses those of a whole session in the
 * same way. */

const MOVES = 24;
const APART_SECONDS = 300;

/** Of the largest change of each column and its instant (NaN where there is none) those that are the largest of all. */
export function largestMoves(instants: Float64Array, changes: Float64Array): [number, number][] {
  const left = changes.map((change) => Math.abs(change) || 0);
  const found: number[] = [];
  while (found.length < MOVES) {
    const most = left.reduce((best, size, place) => (size > left[best]! ? place : best), 0);
    if (!left[most]) break;
    found.push(most);
    instants.forEach((instant, place) => {
      if (Math.abs(instant - instants[most]!) < APART_SECONDS) left[place] = 0;
    });
  }
  return found.sort((one, other) => one - other).map((place) => [instants[place]!, changes[place]!]);
}
