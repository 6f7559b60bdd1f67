/** What of the loaded session is to be drawn: all of it, or what had been seen at the chosen second; and the scale and the
 * axes that follow from it. Pure. */

import { NO_SCALE, scaleOf, type Scale } from "../../colour";
import { notesUntil, type Note } from "../../notes";
import { columnEndedBy } from "../../computed";
import { candlesWithin, type Candle } from "../../own/candles";
import type { SessionView } from "../../view";
import type { Window } from "../../window";
import { comparedDetail, comparedOverview, isOfOtherTicker, isSigned, partnerOf } from "./comparison";
import { wholeOf } from "./scales";
import { detailOf, isHiding, overview, type SessionState } from "./state";

/** The whole session, as far as it is shown. */
export function seenOverview(state: Readonly<SessionState>): SessionView | null {
  return known(state, comparedOverview(state));
}

/** As much of a view as is shown. */
export function known<V extends SessionView | null>(state: Readonly<SessionState>, view: V): V {
  return view && isHiding(state) ? (view.until(state.instant) as V) : view;
}

/** The part in view, as far as it is shown. */
export function seenDetail(state: Readonly<SessionState>): SessionView | null {
  return known(state, comparedDetail(state));
}

/** Own candles in view, none narrower than can be seen; of those that are later as little as of all else. */
export function candlesOf(state: Readonly<SessionState>, width: number): Candle[] {
  const { own, window: { time }, instant } = state;
  return own ? candlesWithin(own, time.low, time.high, Math.max(1, width / 5), isHiding(state) ? instant : Infinity) : [];
}

/** The notes, as far as they are shown. */
export function seenNotes(state: Readonly<SessionState>): readonly Note[] {
  return isHiding(state) ? notesUntil(state.notes, state.instant) : state.notes;
}

/** All that can be in view: the hours of the session, which are known beforehand, and the prices as far as they are shown. */
export function wholeOfState(state: Readonly<SessionState>): Window {
  const view = overview(state);
  if (!view) return state.window;
  return { time: { low: view.start, high: view.end }, price: wholeOf(seenOverview(state)!).price };
}

/** The scale of the colours, as it was chosen. Nothing hidden bounds it. */
export function scaleOfState(state: Readonly<SessionState>): Scale {
  const view = seenOverview(state);
  if (!view?.strikes.length) return NO_SCALE;
  const signed = isSigned(state);
  const { scale } = state;
  if (typeof scale === "number") return { signed, low: signed ? -scale : 0, high: scale };
  if (scale === "window") return scaleOfWindow(state, view, signed);
  return scaleOfView(scale === "now" ? view.until(state.instant) : view, signed);
}

/** The scale of the map beside it: the same, but of another ticker, whose values are of another size, its own. */
export function scaleBeside(state: Readonly<SessionState>, whole: SessionView): Scale {
  const scale = scaleOfState(state);
  if (!isOfOtherTicker(state) || typeof state.scale === "number") return scale;
  return scaleOfView(state.scale === "now" ? whole.until(state.instant) : whole, scale.signed);
}

interface Origin {
  readonly price: number;
  readonly unit: "points" | "percent";
}

/** What prices are told from at the axis: spot at the second. */
export function originOf({ axis, shown }: Readonly<SessionState>): Origin | null {
  return axis !== "price" && shown?.spot ? { price: shown.spot, unit: axis } : null;
}

/** Beside it; of another ticker its own spot, in the last column that had ended. */
export function originBeside(state: Readonly<SessionState>): Origin | null {
  const [origin, partner] = [originOf(state), partnerOf(state)];
  if (!origin || !partner || !isOfOtherTicker(state)) return origin;
  const price = [partner.detail, partner.whole].map((view) => view?.array("spot")[columnEndedBy(view, state.instant)]).find(Boolean);
  return price ? { ...origin, price } : null;
}

/** What the scale follows from, in words. */
export function scaleText({ scale, ...state }: Readonly<SessionState>): string {
  if (typeof scale === "number") return "fixed scale";
  if (scale === "window") return isHiding(state) ? "scale of what is in view and not hidden" : "scale of what is in view";
  return scale === "now" || isHiding(state) ? "scale of what had been seen until then" : "scale of the day";
}

const scales = new WeakMap<SessionView, Scale>();

/** It is asked for in every frame, and changes with every column at most. */
function scaleOfView(view: SessionView, signed: boolean): Scale {
  const found = scales.get(view) ?? scaleOf(cellsWithin(view, 0, view.columns, 0, view.strikes.length), signed);
  scales.set(view, found);
  return found;
}

/** The scale of what was last in view. */
let latest: { view: SessionView; of: readonly number[]; scale: Scale } | null = null;

function scaleOfWindow(state: Readonly<SessionState>, whole: SessionView, signed: boolean): Scale {
  const { time, price } = state.window;
  const full = detailOf(state);
  const view = (full && full.start <= time.low && full.end >= time.high ? seenDetail(state) : null) ?? whole;
  const step = view.head.column_seconds;
  const from = Math.max(0, Math.floor((time.low - view.start) / step + 1e-6));
  const to = Math.min(view.columns, Math.ceil((time.high - view.start) / step - 1e-6));
  const rows = [...view.strikes.keys()].filter((row) => view.strikes[row]! >= price.low && view.strikes[row]! <= price.high);
  const of = [from, to, rows[0] ?? 0, (rows.at(-1) ?? -1) + 1] as const;
  if (latest?.view !== view || latest.of.join() !== of.join()) latest = { view, of, scale: scaleOf(cellsWithin(view, ...of), signed) };
  return latest.scale;
}

function cellsWithin(view: SessionView, from: number, to: number, low: number, high: number): Float64Array {
  const width = Math.max(0, to - from);
  const cells = new Float64Array(width * Math.max(0, high - low));
  for (let row = low; row < high; row += 1) view.copy(row, from, from + width, cells, (row - low) * width);
  return cells;
}
