/** What the session page shows now: one object that the parts read. What is loaded is written by the loading, what is
 * chosen by the controller; a part never writes it. A new thing to show begins with a field here. Pure. */

import type { Feed, FeedStatus, SessionRow, Snapshot } from "../../api";
import { rowsOf, valueIn } from "../../ladder";
import { lanesOf, reports, shownValue, typeOfFeed, type Lane, type Panel, type RecordType } from "../../record_types";
import type { Note } from "../../notes";
import type { OwnData } from "../../own/candles";
import type { Axis, Companion, Extra } from "../../state";
import type { SessionView } from "../../view";
import type { Window } from "../../window";

/** By the name of its column; "" where there are no cells. */
export type Value = string;

export const SPEEDS: readonly number[] = [1, 5, 15, 60, 300];

export interface Loaded {
  feeds: readonly FeedStatus[];
  /** The feed's sessions. */
  rows: readonly SessionRow[];
  feed: Feed | null;
  date: string | null;
  /** The whole session by what its cells show (`lookOf`); none until it is there. */
  views: Map<string, SessionView>;
  /** What is zoomed into, with columns of its own. */
  detail: SessionView | null;
  /** Why there is no snapshot of the chosen second. */
  absence: Absence;
  /** Sessions beside it, by their part: what it is compared with, the feeds by expiry. On the clock of the session. */
  companions: ReadonlyMap<string, CompanionViews>;
  /** The last snapshot of the session before. */
  prior: { readonly of: string; readonly date: string; readonly snapshot: Snapshot } | null;
  /** The sessions of the strip, from the earliest on; the one that is open is the last. */
  strip: readonly SessionView[];
  /** The notes of the session, as far as they may be known. */
  notes: readonly Note[];
  /** The reader's own bars or trades; they live in the page alone. */
  own: OwnData | null;
}

export interface CompanionViews {
  readonly feed: Feed;
  readonly date: string;
  /** Seconds from its own clock to that of the session. */
  readonly shift: number;
  /** What it was fetched as. */
  readonly look: string;
  readonly whole: SessionView | null;
  readonly detail: SessionView | null;
}

/** It is on its way; the session has none as early as that; the server does not answer, or refuses. */
export type Absence = "loading" | "none" | "lost" | "failed";

/** What bounds the colours: the day, what is in view, what had been seen until the second, or a number. */
export type ScaleChoice = "day" | "window" | "now" | number;

/** Whether what comes later is hidden, by choice; "" as long as nobody has chosen: playing hides it then. */
export type Later = "" | "hidden" | "shown";

export const PANELS = ["heat", "beside", "profile", "sums", "expiry", "lanes"] as const;

/** Where the pointer is: in which picture, and where in it. What lies there follows from what the picture shows now. */
export interface Pointed {
  panel: (typeof PANELS)[number];
  x: number;
  y: number;
}

/** What a reader can be told of while a session is followed or played. */
export const WATCHES = ["levels", "sums", "age"] as const;
export type Watch = (typeof WATCHES)[number];

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
  /** The time series that are drawn, where there are no cells. */
  series: readonly string[];
  speed: number;
  playing: boolean;
  /** The chosen second is the newest one, whatever comes. */
  following: boolean;
  later: Later;
  scale: ScaleChoice;
  /** Minutes over which the cells show the change; 0: the value itself. */
  change: number;
  companion: Companion | null;
  compare: "minus" | "beside";
  extras: ReadonlySet<Extra>;
  axis: Axis;
  watched: ReadonlySet<Watch>;
  /** Whether a tone goes with what a reader is told. */
  sound: boolean;
  /** What has happened, the latest first. */
  alerts: readonly { readonly instant: number; readonly text: string }[];
  pointed: Pointed | null;
}

export type SessionState = Loaded & Chosen;

export function emptyState(): SessionState {
  return {
    feeds: [], rows: [], feed: null, date: null, views: new Map(), detail: null, absence: "loading", companions: new Map(), prior: null, strip: [], notes: [], own: null,
    value: "gex_vol", instant: 0, shown: null, strike: null, window: { time: { low: 0, high: 1 }, price: { low: 0, high: 1 } },
    hidden: new Set(), series: [], speed: 60, playing: false, following: false, later: "", scale: "day",
    change: 0, companion: null, compare: "minus", extras: new Set(), axis: "price", watched: new Set(), sound: false, alerts: [], pointed: null,
  };
}

/** What cells show, in a word: the value, or how much it has changed over some minutes. */
export const lookOf = (value: Value, change: number) => (value && change ? `${value} ${change}` : value);

export const lookOfView = ({ head }: SessionView) => lookOf(head.value ?? "", head.change_minutes ?? 0);

/** The whole session as it is shown; null where there is none. */
export function overview(state: Readonly<SessionState>): SessionView | null {
  return state.views.get(lookOf(state.value, state.change)) ?? null;
}

/** The detail, if it is of what is shown. */
export function detailOf(state: Readonly<SessionState>): SessionView | null {
  return state.detail && lookOfView(state.detail) === lookOf(state.value, state.change) ? state.detail : null;
}

/** The value that comes after another, of those that the feed reports; the same where there is no other. */
export function valueBeside({ values }: RecordType, value: Value, feed: Feed | null = null): Value {
  const known = values.filter((one) => reports(feed, one));
  const place = known.findIndex(({ name }) => name === value);
  return known[(place + 1) % known.length]?.name ?? value;
}

/** Whose the view is: of the feed that is being opened only when it is there. */
export function feedOfView({ head }: SessionView): Feed {
  return { symbol: head.symbol, package: head.package, category: head.category };
}

/** Whether what comes later than the chosen second is hidden. */
export function isHiding({ later }: Pick<SessionState, "later">): boolean {
  return later === "hidden";
}

/** The record type of what is shown; before anything is, that of what is being opened. */
export function typeOf(state: Readonly<SessionState>): RecordType {
  return typeOfFeed(overview(state)?.head ?? state.feed);
}

/** The chosen series in their lanes. */
export function lanesOfState(state: Readonly<SessionState>): Lane[] {
  return lanesOf(typeOf(state), state.series);
}

/** Whether a value is nothing that this feed reports, as open interest of state feeds. */
export function lacks(state: Readonly<SessionState>, name: Value): boolean {
  const { feed, shown } = state;
  const value = shownValue(typeOf(state), name);
  if (!value?.absentIn) return false;
  if (!reports(feed, value)) return true;
  const whole = state.views.get(name);
  const view = whole && isHiding(state) ? whole.until(state.instant) : whole;
  return view !== undefined && shown !== null && rowsOf(typeOf(state), shown).every((row) => !valueIn(row, value)) && view.moves.length === 0;
}

/** The panels of the profile that this feed has something for. */
export function panelsOf(state: Readonly<SessionState>): Panel[] {
  return typeOf(state).panels.filter(({ values }) => !values.every((name) => lacks(state, name)));
}
