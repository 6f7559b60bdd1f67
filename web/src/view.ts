/** A session as `/view/session` sends it: a JSON head, and the arrays that it names. Pure. */

import { largestMoves } from "./moves";

export interface ViewHead {
  symbol: string;
  package: string;
  category: string;
  record_type: string;
  session_date: string;
  /** What the cells show; null where there are none. */
  value: string | null;
  /** They show by how much it has changed over so many minutes; null: the value itself. */
  change_minutes: number | null;
  start: number;
  end: number;
  column_seconds: number;
  open: number | null;
  close: number | null;
  early_close: boolean;
  snapshots: number;
  first: number;
  last: number;
  previous_session: string | null;
  next_session: string | null;
  /** Of all snapshots of the session; and of those that were known when the rest was asked for. */
  digest: string;
  known_digest: string | null;
  synthetic: boolean;
  strikes: number[];
  moves: [number, number][];
  arrays: [string, number][];
}

export class SessionView {
  readonly columns: number;
  readonly strikes: Float64Array;
  /** The whole that this is a part of: itself, unless it was cut. */
  readonly origin: SessionView;
  /** The places of the strikes in the whole. */
  readonly rows: Int32Array;
  private readonly cells: Float64Array;
  private readonly firsts: Int32Array;
  private part: SessionView | null = null;
  private found: [number, number][] | null = null;

  constructor(
    readonly head: ViewHead,
    private readonly arrays: ReadonlyMap<string, Float64Array>,
    cut?: { origin: SessionView; columns: number; rows: Int32Array },
  ) {
    this.origin = cut?.origin ?? this;
    this.strikes = Float64Array.from(head.strikes);
    this.cells = cut ? cut.origin.cells : this.array("cells");
    this.columns = cut?.columns ?? this.array("time").length;
    this.rows = cut?.rows ?? Int32Array.from(this.strikes, (_, place) => place);
    this.firsts = cut ? cut.origin.firsts : this.firstColumns();
  }

  get start(): number {
    return this.head.start;
  }

  /** The end of the last column. */
  get end(): number {
    return this.head.start + this.columns * this.head.column_seconds;
  }

  array(name: string): Float64Array {
    const found = this.arrays.get(name);
    if (!found) throw new Error(`The view has no ${name}.`);
    return found;
  }

  has(name: string): boolean {
    return this.arrays.has(name);
  }

  get names(): string[] {
    return [...this.arrays.keys()];
  }

  /** The same view with some of its arrays, or parts of its head, in the place of others. */
  with(arrays: Readonly<Record<string, Float64Array>>, head: Partial<ViewHead> = {}): SessionView {
    return new SessionView({ ...this.head, ...head }, new Map([...this.arrays, ...Object.entries(arrays)]));
  }

  /** Of each strike the first column that has it. */
  private firstColumns(): Int32Array {
    const { columns, cells } = this;
    return Int32Array.from(this.strikes, (_, row) => {
      let column = 0;
      while (column < columns && Number.isNaN(cells[row * columns + column])) column += 1;
      return column;
    });
  }

  /** What was known at an instant: columns that had ended by then, and the strikes and changes in them. */
  until(instant: number): SessionView {
    if (this.origin !== this) return this.origin.until(instant);
    const columns = Math.min(this.columns, Math.max(0, Math.floor((instant - this.start) / this.head.column_seconds + 1e-9)));
    if (columns === this.columns && this.head.last <= instant) return this;
    if (this.part?.columns === columns) return this.part;
    const { strikes, firsts, head } = this;
    // Before the first column has ended there is nothing to draw; which strikes there are is taken from it for the axis.
    const rows = this.rows.filter((row) => firsts[row]! < Math.max(1, columns));
    const end = this.start + columns * head.column_seconds;
    const arrays = new Map([...this.arrays].map(([name, values]) => [name, name === "cells" ? values : values.subarray(0, columns)] as const));
    const known = { ...head, strikes: Array.from(rows, (row) => strikes[row]!), last: Math.min(head.last, end), moves: head.moves.filter(([at]) => at <= end) };
    return (this.part = new SessionView(known, arrays, { origin: this, columns, rows }));
  }

  /** The largest changes of the sum. Which they are is not known before the end: a part finds its own. */
  get moves(): [number, number][] {
    if (this.origin === this || !this.has("moved")) return this.head.moves;
    return (this.found ??= largestMoves(this.array("moved_at"), this.array("moved")));
  }

  /** Part of the cells of a strike, into a place of an array. */
  copy(strike: number, from: number, to: number, into: Float64Array, place: number): void {
    const start = this.rows[strike]! * this.origin.columns;
    into.set(this.cells.subarray(start + from, start + to), place);
  }

  /** The column that an instant falls into, -1 outside: what is right after one column's end is of the next. */
  columnAt(instant: number): number {
    if (instant < this.start || instant > this.end) return -1;
    return Math.max(0, Math.ceil((instant - this.start) / this.head.column_seconds) - 1);
  }

  cell(strike: number, column: number): number {
    if (column < 0 || column >= this.columns) return NaN;
    return this.cells[this.rows[strike]! * this.origin.columns + column] ?? NaN;
  }

  /** The strike in whose band a price lies, by its place; -1 where there is none. */
  bandAt(price: number): number {
    const edges = this.edges();
    return this.strikes.length && price >= edges[0]! && price < edges.at(-1)! ? edges.filter((edge) => edge <= price).length - 1 : -1;
  }

  /** The strike nearest to a price, by its place. */
  strikeAt(price: number): number {
    let best = 0;
    for (let place = 1; place < this.strikes.length; place += 1) {
      if (Math.abs(this.strikes[place]! - price) < Math.abs(this.strikes[best]! - price)) best = place;
    }
    return best;
  }

  /** Where the band of each strike begins and ends in price: half way to its neighbours. */
  edges(): Float64Array {
    const { strikes } = this;
    const edges = new Float64Array(strikes.length + 1);
    for (let place = 1; place < strikes.length; place += 1) edges[place] = (strikes[place - 1]! + strikes[place]!) / 2;
    const step = strikes.length > 1 ? strikes[1]! - strikes[0]! : 1;
    edges[0] = (strikes[0] ?? 0) - step / 2;
    edges[strikes.length] = strikes.length
      ? strikes.at(-1)! + (strikes.length > 1 ? strikes.at(-1)! - strikes.at(-2)! : 1) / 2
      : 1;
    return edges;
  }
}

export function decodeView(buffer: ArrayBuffer): SessionView {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as ViewHead;
  const arrays = new Map<string, Float64Array>();
  let offset = 4 + length;
  for (const [name, size] of head.arrays) {
    arrays.set(name, new Float64Array(buffer, offset, size));
    offset += size * 8;
  }
  return new SessionView(head, arrays);
}
