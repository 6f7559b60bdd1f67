/** A session that grows: of its picture only the columns are fetched that are new, or had not ended. Pure. */

import type { PictureOrder } from "./api";
import type { SessionView } from "./view";

/** As many cells as the service gives of one picture. */
const MOST_CELLS = 1_200_000;

type Part = Required<Pick<PictureOrder, "columns" | "range" | "known">>;

/** How many columns had ended by the newest second: they stand as they are. */
function endedColumns({ head, start, columns }: SessionView): number {
  return Math.min(columns, Math.max(0, Math.floor((head.last - start) / head.column_seconds + 1e-9)));
}

/** For so long the last snapshot stands in columns that end after it, however short they are. */
const HELD_SECONDS = 5;
/** How much is asked for at first: it is not known yet how much there is. */
const NEXT_COLUMNS = 8;
const MOST_TRIES = 3;

/** The columns that are new up to an instant, and one before them, which is known: what lies right at the beginning of a part is
 * counted with its first column. Null where all has to be fetched. */
function newPart(view: SessionView, until: number): Part | null {
  const ended = endedColumns(view);
  const { start, columns, head: { column_seconds: step, last } } = view;
  if (!ended || ended >= columns) return null;
  const to = Math.min(columns, Math.max(ended + NEXT_COLUMNS, Math.ceil((until + HELD_SECONDS - start) / step)));
  return { columns: to - ended + 1, range: [start + (ended - 1) * step, start + to * step], known: last };
}

/** Whether a part holds all that there is by now of its session, or of a picture of it. */
function isAll(tail: SessionView, view: SessionView): boolean {
  return tail.head.last + HELD_SECONDS <= tail.end || tail.end >= view.end - 1e-6;
}

/** The view with its new columns; null where they are of another session than it was, or do not fit. */
export function grownBy(view: SessionView, tail: SessionView): SessionView | null {
  const kept = endedColumns(view);
  const step = view.head.column_seconds;
  const fits = tail.head.column_seconds === step && Math.abs(tail.start - (view.start + (kept - 1) * step)) < 1e-6 && tail.columns <= view.columns - kept + 1 && isAll(tail, view);
  const strikes = [...new Set([...view.strikes, ...tail.strikes])].sort((one, other) => one - other);
  if (!fits || isReplaced(view, tail) || tail.head.first !== view.head.first || strikes.length * view.columns > MOST_CELLS) return null;
  const cells = new Float64Array(strikes.length * view.columns).fill(NaN);
  strikes.forEach((strike, row) => {
    const [before, after] = [view.strikes.indexOf(strike), tail.strikes.indexOf(strike)];
    if (before >= 0) view.copy(before, 0, kept, cells, row * view.columns);
    if (after >= 0) tail.copy(after, 1, tail.columns, cells, row * view.columns + kept);
  });
  const arrays = Object.fromEntries(view.names.filter((name) => name !== "cells").map((name) => {
    const joined = view.array(name).slice();
    joined.set(tail.array(name).subarray(1), kept);
    return [name, joined];
  }));
  const { last, snapshots, moves, digest, known_digest, previous_session, next_session, synthetic } = tail.head;
  return view.with({ ...arrays, cells }, { strikes, last, snapshots, moves, digest, known_digest, previous_session, next_session, synthetic });
}

/** Whether what was known of a session is no longer what it consists of. */
export function isReplaced(before: SessionView, view: SessionView): boolean {
  return view.head.known_digest !== before.head.digest;
}

/** Whether nothing that comes can change it any more. */
export function isEnded(view: SessionView): boolean {
  return endedColumns(view) === view.columns;
}

/** The view as it is by now: with its new columns where that will do, else all of it. One of a whole session has to be
 * fetched anew where the session goes on beyond its end. */
export async function renewed(view: SessionView, ask: (part: Part | { known: number }) => Promise<SessionView>, isWhole: boolean): Promise<SessionView> {
  let part = newPart(view, view.head.last);
  let tail = part && (await ask(part));
  for (let tries = 0; part && tail && tries < MOST_TRIES && !isAll(tail, view) && !isReplaced(view, tail); tries += 1) {
    part = newPart(view, tail.head.last);
    tail = await ask(part!);
  }
  const isOutgrown = isWhole && tail !== null && tail.head.last > view.end;
  return (tail && !isOutgrown && grownBy(view, tail)) || ask({ known: view.head.last });
}
