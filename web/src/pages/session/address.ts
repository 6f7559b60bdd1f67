/** What is shown <-> the link that opens it again. Pure; how a link is spelled is ../../state. */

import type { State } from "../../state";
import { instantOf, newYork } from "../../time";
import type { SessionView, ViewHead } from "../../view";
import { fit, same, type Range, type Window } from "../../window";
import { wholeOfState } from "./seen";
import { overview, typeOf, type SessionState } from "./state";

/** The link to what is shown now. */
export function addressOf(state: Readonly<SessionState>): Omit<State, "page" | "importId"> {
  const { window } = state;
  const view = overview(state);
  const whole = wholeOfState(state);
  const zoomed = !same(window.time, whole.time);
  const tall = !same(window.price, whole.price);
  return {
    feed: state.feed, date: state.date, value: state.value, series: typeOf(state).groups.length ? [...state.series] : null,
    at: view ? newYork(state.instant) : null,
    from: zoomed ? newYork(window.time.low) : null,
    to: zoomed ? newYork(window.time.high) : null,
    low: tall ? Math.round(window.price.low * 100) / 100 : null,
    high: tall ? Math.round(window.price.high * 100) / 100 : null,
    strike: state.strike, hidden: [...state.hidden],
    follow: state.following, later: state.later, scale: state.scale,
    change: state.change, companion: state.companion, compare: state.compare, extras: [...state.extras], axis: state.axis,
  };
}

/** The window that a link names, inside the session; all of it where it names none. */
export function windowOfLink(link: Pick<State, "from" | "to" | "low" | "high">, date: string, whole: Window): Window {
  const range = (low: number | null, high: number | null, bounds: Range) =>
    low !== null && high !== null && low < high ? fit({ low: Math.max(low, bounds.low), high: Math.min(high, bounds.high) }, bounds) : bounds;
  return { time: range(instantOrNull(date, link.from), instantOrNull(date, link.to), whole.time), price: range(link.low, link.high, whole.price) };
}

/** What of a window fits another session: prices where spot was among them, a strike that there is. */
export function fitting<L extends Pick<State, "low" | "high" | "strike">>(link: L, view: SessionView): L {
  const [least, most] = [view.array("spot_min"), view.array("spot_max")];
  const fits = link.low !== null && link.high !== null && least.some((low, column) => low <= link.high! && most[column]! >= link.low!);
  const strike = link.strike !== null && view.strikes.includes(link.strike) ? link.strike : null;
  return { ...link, low: fits ? link.low : null, high: fits ? link.high : null, strike };
}

/** The instant that a link names, inside the session; its last where it names none. */
export function instantOfLink(link: Pick<State, "at">, date: string, { first, last }: Pick<ViewHead, "first" | "last">): number {
  return Math.min(Math.max(instantOrNull(date, link.at) ?? last, first), last);
}

function instantOrNull(date: string, text: string | null): number | null {
  return text ? instantOf(date, text) : null;
}
