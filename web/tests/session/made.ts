/** Small sessions for tests. */

import type { FeedStatus, SessionRow, Snapshot } from "../../src/api";
import type { Value } from "../../src/pages/session/state";
import { SessionView, type ViewHead } from "../../src/view";

export const DATE = "2025-11-14";
export const OPEN = 1763130600; // 09:30:00 in New York

/** Four columns of ten seconds, three strikes; cell = strike's place * 10 + column. Spot leaves the ladder upwards. */
export function makeView(value: Value = "gex_vol", more: Partial<ViewHead> = {}): SessionView {
  const step = more.column_seconds ?? 10;
  const times = [1, 2, 3, 4].map((column) => OPEN + column * step);
  const head: ViewHead = {
    symbol: "NQ_NDX", package: "classic", category: "gex_zero", record_type: "gex", session_date: DATE, value, start: OPEN, end: OPEN + 4 * step,
    column_seconds: step, open: null, close: null, early_close: false, snapshots: 4, first: OPEN + 1.5, last: OPEN + 4 * step,
    previous_session: null, next_session: null, synthetic: true, strikes: [100, 110, 130], moves: [[OPEN + 10, 5], [OPEN + 30, -7]], digest: "d", known_digest: "d", change_minutes: null, arrays: [], ...more,
  };
  const arrays: Record<string, number[]> = {
    cells: [0, 1, 2, 3, 10, 11, NaN, 13, 20, 21, 22, 23],
    time: times,
    last: [times[0]!, times[1]!, NaN, times[3]!],
    spot: [111, 112, NaN, 114], spot_min: [95.5, 112, NaN, 114], spot_max: [111, 150, NaN, 114],
  };
  return new SessionView(head, new Map(Object.entries(arrays).map(([name, values]) => [name, Float64Array.from(values)])));
}

/** The same session of a greek: the cells are those of `makeView`. */
export const makeGreek = (value = "value", more: Partial<ViewHead> = {}) => makeView(value, { package: "state", category: "gamma_zero", record_type: "greeks", moves: [], ...more });

/** The same session of orderflow: no strikes, but numbers through time; a hole in the third column. */
export function makeOrderflow(more: Partial<ViewHead> = {}): SessionView {
  const view = makeView("", { package: "orderflow", category: "orderflow", record_type: "orderflow", value: null, strikes: [], moves: [], ...more });
  const arrays: Record<string, number[]> = {
    cells: [],
    net_dex: [1, -2, NaN, 3], net_dex_min: [0.5, -4, NaN, 3], net_dex_max: [1, -1, NaN, 8],
    z_mlgamma: [130, 0, NaN, 140],
  };
  for (const name of ["time", "last", "spot", "spot_min", "spot_max"]) arrays[name] = [...view.array(name)];
  return new SessionView(view.head, new Map(Object.entries(arrays).map(([name, values]) => [name, Float64Array.from(values)])));
}

export function makeSnapshot(more: Partial<Snapshot> = {}): Snapshot {
  return {
    timestamp: OPEN + 20, spot: 112.5, zero_gamma: 110, major_pos_vol: 130, major_pos_oi: 0, major_neg_vol: 100, major_neg_oi: null,
    sum_gex_vol: -1234.4, sum_gex_oi: 99.6, delta_risk_reversal: 0.1234, min_dte: 0, sec_min_dte: 1,
    strikes: [[100, 1.5, -2, [1, null, -3]], [110, null, 4]], max_priors: [[110, 3], [100, -4.5]], ...more,
  };
}

export function makeContracts(more: Partial<Snapshot> = {}): Snapshot {
  return {
    timestamp: OPEN + 20, spot: 112.5, major_positive: 130, major_negative: 100, major_long_gamma: 0, major_short_gamma: 110, min_dte: 0, sec_min_dte: 1,
    mini_contracts: [[100, 0.21, 0.22, -1.5, [-1, null, 2], null, null], [110, 0.2, null, 4, [], null, null], [130, 0, 0.25, 3]], ...more,
  };
}

export const feedRow = (ticker: string, snapshots: number, first = "2025-11-03", last = "2025-11-14", kind = "classic") =>
  ({ ticker, package: kind, category: "gex_zero", first_session: first, last_session: last, snapshots }) as FeedStatus;

export const sessionRow = (session_date: string, gaps = 0) => ({ session_date, gaps }) as SessionRow;

/** The part of a view from a column on, as the service gives it. */
export function tailOf(view: SessionView, from: number, more: Partial<ViewHead> = {}): SessionView {
  const cells = [...view.strikes.keys()].flatMap((row) => Array.from({ length: view.columns - from }, (_, place) => view.cell(row, from + place)));
  const arrays = new Map(view.names.map((name) => [name, name === "cells" ? Float64Array.from(cells) : view.array(name).slice(from)]));
  return new SessionView({ ...view.head, start: view.start + from * view.head.column_seconds, ...more }, arrays);
}

/** The view as the service sends it. */
export function encodeView(view: SessionView): ArrayBuffer {
  const names = ["cells", "time", "last", "spot", "spot_min", "spot_max"];
  const arrays = names.map((name) => view.array(name));
  let head = JSON.stringify({ ...view.head, arrays: names.map((name, place) => [name, arrays[place]!.length]) });
  head += " ".repeat((8 - ((head.length + 4) % 8)) % 8);
  const buffer = new ArrayBuffer(4 + head.length + arrays.reduce((sum, one) => sum + one.byteLength, 0));
  new DataView(buffer).setUint32(0, head.length, true);
  new Uint8Array(buffer, 4).set(new TextEncoder().encode(head));
  let offset = 4 + head.length;
  for (const array of arrays) {
    new Float64Array(buffer, offset, array.length).set(array);
    offset += array.byteLength;
  }
  return buffer;
}
