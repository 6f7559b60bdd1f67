/** A session as `/view/session` sends it: a JSON head, and the arrays that it names. Pure. */

export interface ViewHead {
  symbol: string;
  package: string;
  category: string;
  record_type: string;
  session_date: string;
  /** What the cells show; null where there are none. */
  value: string | null;
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
  synthetic: boolean;
  strikes: number[];
  moves: [number, number][];
  arrays: [string, number][];
}

export class SessionView {
  readonly columns: number;
  readonly strikes: Float64Array;
  readonly cells: Float64Array;

  constructor(
    readonly head: ViewHead,
    private readonly arrays: ReadonlyMap<string, Float64Array>,
  ) {
    this.strikes = Float64Array.from(head.strikes);
    this.cells = this.array("cells");
    this.columns = this.array("time").length;
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

  /** The column that an instant falls into, -1 outside: what is right after one column's end is of the next. */
  columnAt(instant: number): number {
    if (instant < this.start || instant > this.end) return -1;
    return Math.max(0, Math.ceil((instant - this.start) / this.head.column_seconds) - 1);
  }

  cell(strike: number, column: number): number {
    return this.cells[strike * this.columns + column] ?? NaN;
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
