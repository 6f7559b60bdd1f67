/** Where the chosen second and the chosen strike go next. Pure. */

import type { SessionView, ViewHead } from "../../view";

export type Direction = 1 | -1;

/** The whole second of the session that is nearest. */
export function secondWithin({ first, last }: Pick<ViewHead, "first" | "last">, instant: number): number {
  return Math.min(Math.max(Math.round(instant), Math.ceil(first)), Math.floor(last));
}

/** The largest change after or before an instant. */
export function moveBeside(moves: readonly (readonly [number, number])[], instant: number, direction: Direction): number | null {
  const instants = moves.map(([at]) => at);
  const next = direction > 0 ? instants.find((one) => one > instant) : instants.reverse().find((one) => one < instant);
  return next ?? null;
}

/** The strike above or below; where none is chosen, the one nearest to spot. */
export function strikeBeside(view: Pick<SessionView, "strikes" | "strikeAt">, strike: number | null, spot: number | null, direction: Direction): number | null {
  const { strikes } = view;
  const from = view.strikeAt(strike ?? spot ?? strikes[0]!);
  const place = strike === null ? from : Math.min(strikes.length - 1, Math.max(0, from + direction));
  return strikes[place] ?? null;
}

/** Where playing has come to after some milliseconds; a tab that was asleep does not leap. */
export function playedTo(instant: number, milliseconds: number, speed: number): number {
  return instant + (Math.min(250, milliseconds) / 1000) * speed;
}
