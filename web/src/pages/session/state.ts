/** What the session page shows now: one object that the parts read. What is loaded is written by the loading, what is
 * chosen by the controller; a part never writes it. A new thing to show begins with a field here. Pure. */

import type { Feed, FeedStatus, SessionRow, Snapshot } from "../../api";
import type { State } from "../../state";
import type { SessionView } from "../../view";
import type { Window } from "../../window";

export type Value = State["value"];

export const SPEEDS: readonly number[] = [1, 5, 15, 60, 300];

/** How a value is called where it is written out. */
export const VALUE_NAMES: Readonly<Record<Value, string>> = { gex_vol: "GEX by volume", gex_oi: "GEX by open interest" };

export interface Loaded {
  feeds: readonly FeedStatus[];
  /** The feed's sessions. */
  rows: readonly SessionRow[];
  feed: Feed | null;
  date: string | null;
  /** The whole session by value; none until it is there. */
  views: Map<Value, SessionView>;
  /** The bound of the scale of each. */
  bounds: Map<Value, number>;
  /** What is zoomed into, with columns of its own. */
  detail: SessionView | null;
}

export interface Chosen {
  /** The value that is shown: one that has been asked for is not, until it is there. */
  value: Value;
  instant: number;
  /** The last snapshot at or before the instant, as far as it has come. */
  shown: Snapshot | null;
  strike: number | null;
  window: Window;
  /** Lines over the heatmap that are switched off. */
  hidden: ReadonlySet<string>;
  speed: number;
  playing: boolean;
}

export type SessionState = Loaded & Chosen;

export function emptyState(): SessionState {
  return {
    feeds: [], rows: [], feed: null, date: null, views: new Map(), bounds: new Map(), detail: null,
    value: "gex_vol", instant: 0, shown: null, strike: null, window: { time: { low: 0, high: 1 }, price: { low: 0, high: 1 } },
    hidden: new Set(), speed: 60, playing: false,
  };
}

/** The whole session in the shown value; null where there is none. */
export function overview(state: Readonly<SessionState>): SessionView | null {
  return state.views.get(state.value) ?? null;
}

/** The detail, if it is of the shown value. */
export function detailOf(state: Readonly<SessionState>): SessionView | null {
  return state.detail?.head.value === state.value ? state.detail : null;
}

/** Whose the view is: of the feed that is being opened only when it is there. */
export function feedOfView({ head }: SessionView): Feed {
  return { symbol: head.symbol, package: head.package, category: head.category };
}

export function boundOf(state: Readonly<SessionState>): number {
  return state.bounds.get(state.value) ?? 1;
}

/** Whether open interest is nothing that this feed reports. */
export function lacksOpenInterest({ feed, views, shown }: Readonly<SessionState>): boolean {
  if (feed?.package === "state") return true;
  const view = views.get("gex_oi");
  return view !== undefined && shown !== null && shown.strikes.every((row) => !row[2]) && view.head.moves.length === 0;
}
