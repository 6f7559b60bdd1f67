/** All that a reader can do on the session page. Toolbar, transport, stage and keys call these; the controller does them.
 * A new control begins with a line here. */

import type { Feed } from "../../api";
import type { Note } from "../../notes";
import type { OwnData } from "../../own/candles";
import type { Axis, Companion, Extra } from "../../state";
import type { Window } from "../../window";
import type { Direction } from "./cursor";
import type { Pointed, ScaleChoice, SessionState, Value, Watch } from "./state";

/** What can be saved: the picture, the cells or series in view, the ladder at the second. */
export type FileKind = "picture" | "cells" | "ladder";

export interface Actions {
  chooseFeed(feed: Feed): void;
  openDate(date: string): void;
  /** The session before or after. */
  neighbour(direction: Direction): void;
  chooseValue(value: Value): void;
  otherValue(): void;
  /** Show by how much the value has changed over so many minutes; 0: the value itself. */
  chooseChange(minutes: number): void;
  nextChange(): void;
  /** Compare with another feed or day; null: no longer. */
  chooseCompanion(companion: Companion | null): void;
  chooseCompare(compare: SessionState["compare"]): void;
  /** Show something beside the session, or no longer. */
  toggleExtra(extra: Extra): void;
  /** Draw the reader's own bars or trades over the map; null: no longer. */
  showOwn(own: OwnData | null): void;
  chooseAxis(axis: Axis): void;
  nextAxis(): void;
  /** Tell of something while the session is followed or played, or no longer. */
  toggleWatch(watch: Watch): void;
  toggleSound(): void;
  toggleOverlay(id: string): void;
  /** Draw a time series, or no longer. */
  toggleSeries(name: string): void;
  usualSeries(): void;
  chooseScale(scale: ScaleChoice): void;
  /** Hide what comes later than the chosen second, or show it. */
  toggleLater(): void;
  save(kind: FileKind): void;
  /** Write a note at the second, or change one. */
  openNote(note: Note | null): void;
  saveNote(instant: number, text: string, note: Note | null): Promise<void>;
  deleteNote(note: Note): Promise<void>;

  seek(instant: number): void;
  /** To the first snapshot; to the last, and on with it. */
  toEnd(direction: Direction): void;
  /** By some seconds; what plays stops. */
  step(seconds: number): void;
  /** To the largest change before or after. */
  toMove(direction: Direction): void;
  togglePlay(): void;
  pause(): void;
  /** Stay at the newest second, or no longer. */
  toggleFollow(): void;
  setSpeed(speed: number): void;

  /** Zoom by a factor (below 1: closer) around an instant, else around the chosen one. */
  zoomTime(factor: number, around?: number): void;
  zoomPrice(factor: number, around?: number): void;
  /** Move by parts of what is in view. */
  panBy(time: number, price: number): void;
  resetWindow(): void;
  /** So many seconds around the chosen one. */
  showSpan(seconds: number): void;
  /** A rectangle of the picture. */
  showBox(window: Window): void;
  /** What was in view before. */
  undoWindow(): void;

  moveStrike(direction: Direction): void;
  /** The strike nearest to a price; null for none. */
  chooseStrike(price: number | null): void;
  /** A second and a strike at once. */
  pick(instant: number, price: number): void;
  /** The pointer is over a picture; null where it is over none. */
  point(place: Pointed | null): void;
}
