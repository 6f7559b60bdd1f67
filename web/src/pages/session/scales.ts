/** How much of a session is in view, and in how many columns. Pure. */

import type { SessionView } from "../../view";
import { fit, pan, zoom, type Range, type Window } from "../../window";

const LEAST_SECONDS = 30;

/** All of a session. */
export function wholeOf(view: SessionView): Window {
  const edges = view.edges();
  let [low, high] = [edges[0]!, edges.at(-1)!];
  for (const spot of view.array("spot_min")) if (spot > 0 && spot < low) low = spot; // spot may leave a short ladder
  for (const spot of view.array("spot_max")) if (spot > high) high = spot;
  return { time: { low: view.start, high: view.end }, price: { low, high } };
}

export function zoomedTime(window: Window, whole: Window, factor: number, around: number): Window {
  return { ...window, time: zoom(window.time, whole.time, factor, around, LEAST_SECONDS) };
}

/** Closer until about six of the strikes are in view. */
export function zoomedPrice(window: Window, whole: Window, strikes: number, factor: number, around: number): Window {
  const least = (whole.price.high - whole.price.low) / Math.max(2, strikes / 6);
  const inside = Math.min(Math.max(around, window.price.low), window.price.high);
  return { ...window, price: zoom(window.price, whole.price, factor, inside, least) };
}

/** As much of a window as there is, no closer than one can zoom in time. */
export function within({ time, price }: Window, whole: Window): Window {
  const middle = (time.low + time.high) / 2;
  const size = Math.max(time.high - time.low, LEAST_SECONDS);
  return { time: fit({ low: middle - size / 2, high: middle + size / 2 }, whole.time), price: fit(price, whole.price) };
}

/** Moved by parts of what is in view. */
export function panned(window: Window, whole: Window, time: number, price: number): Window {
  return {
    time: pan(window.time, whole.time, time * (window.time.high - window.time.low)),
    price: pan(window.price, whole.price, price * (window.price.high - window.price.low)),
  };
}

/** How many columns a heatmap of that width is worth: in steps, so that a small change of size asks for nothing anew. */
export function columnsFor(width: number, pixelRatio: number): number {
  return Math.min(2000, Math.max(400, Math.round((width * Math.min(2, pixelRatio)) / 50) * 50));
}

/** Whether a window deserves columns of its own, finer than those that are there. */
export function needsDetail({ low, high }: Range, overview: SessionView, detail: SessionView | null, columns: number): boolean {
  if (high - low > (overview.end - overview.start) * 0.85 || overview.head.column_seconds <= 1) return false;
  return !(detail && detail.start <= low && detail.end >= high && detail.head.column_seconds <= Math.max(1, ((high - low) / columns) * 1.6));
}

/** What is fetched for a window: it, and a margin to move in. */
export function detailRange({ low, high }: Range, whole: Range): [number, number] {
  const margin = (high - low) * 0.25;
  return [Math.max(whole.low, Math.floor(low - margin)), Math.min(whole.high, Math.ceil(high + margin))];
}
