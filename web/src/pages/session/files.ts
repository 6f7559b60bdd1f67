/** What is saved from the page: the picture, the cells in view, the ladder; and how the files are called. */

import type { Feed, Snapshot } from "../../api";
import { inks } from "../../charts/canvas";
import type { Theme } from "../../colour";
import { download } from "../../dom";
import { level } from "../../format";
import { numberIn, priorsIn, rowsOf } from "../../ladder";
import { noteLine, notesByRow, quoted, type Note } from "../../notes";
import { picture } from "../../picture";
import { typeOfFeed, type RecordType } from "../../record_types";
import { longDate, newYork, newYorkMoment, utc } from "../../time";
import type { SessionView } from "../../view";
import type { Range, Window } from "../../window";
import type { FileKind } from "./actions";
import { isBeside, nameOfCompanion, partnerOf, titleOfState, wordOfState } from "./comparison";
import { scaleOfState, seenDetail, seenNotes, seenOverview } from "./seen";
import { feedOfView, typeOf, type SessionState, type Value } from "./state";

export function fileName({ symbol, package: kind, category }: Feed, date: string, suffix: string): string {
  return `${date}_${symbol}_${kind}_${category}_${suffix}`;
}

/** The instants of a view's snapshots in a window of time, by column. */
function columnsWithin(view: SessionView, { low, high }: Range): [column: number, instant: number][] {
  const edge = view.head.column_seconds;
  return [...view.array("last")].flatMap((instant, column): [number, number][] => (instant >= low - edge && instant <= high ? [[column, instant]] : []));
}

/** What notes say in the rows of an instant, as the last field. */
function noteFields(notes: readonly Note[], { low, high }: Range, columns: readonly (readonly [number, number])[]): (instant: number) => string {
  const within = notes.filter(({ instant }) => instant >= low && instant <= high);
  const texts = notesByRow(within, columns.map(([, instant]) => instant));
  return (instant) => quoted(texts.get(instant) ?? "");
}

/** The cells in view, as exact as the API gave them. */
export function cellsCsv(view: SessionView, value: Value, window: Window, notes: readonly Note[] = []): string {
  const lines = [`new_york,utc,strike,${value},spot,synthetic,notes`];
  const spots = view.array("spot");
  const columns = columnsWithin(view, window.time);
  const noteAt = noteFields(notes, window.time, columns);
  for (const [column, time] of columns) {
    for (let row = 0; row < view.strikes.length; row += 1) {
      const cell = view.cell(row, column);
      const strike = view.strikes[row]!;
      if (cell === cell && strike >= window.price.low && strike <= window.price.high) lines.push(`${stamp(time)},${strike},${cell},${spots[column]},${view.head.synthetic},${noteAt(time)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** The chosen series in view, a line for each snapshot that is shown. */
export function seriesCsv(view: SessionView, names: readonly string[], { time }: Window, notes: readonly Note[] = []): string {
  const lines = [["new_york,utc", ...names, "synthetic", "notes"].join(",")];
  const columns = columnsWithin(view, time);
  const noteAt = noteFields(notes, time, columns);
  for (const [column, instant] of columns) {
    const numbers = names.map((name) => view.array(name)[column]!).map((value) => (value === value ? value : ""));
    lines.push([stamp(instant), ...numbers, view.head.synthetic, noteAt(instant)].join(","));
  }
  return `${lines.join("\n")}\n`;
}

/** All strikes of one snapshot, with their earlier values. */
export function ladderCsv(type: RecordType, snapshot: Snapshot, synthetic: boolean): string {
  const columns = type.ladder?.columns ?? [];
  const lines = [["new_york,utc", ...columns, "synthetic"].join(",")];
  for (const row of rowsOf(type, snapshot)) {
    const numbers = row.slice(0, type.ladder!.priors);
    const priors = priorsIn(type, row);
    const all = columns.map((_, place) => (place < numbers.length ? numbers[place] : priors[place - numbers.length]) ?? "");
    lines.push([stamp(snapshot.timestamp), ...all, synthetic].join(","));
  }
  return `${lines.join("\n")}\n`;
}

/** New York's time and UTC. */
function stamp(instant: number): string {
  return `${newYorkMoment(instant)},${new Date(instant * 1000).toISOString().replace(".000Z", "Z")}`;
}

/** 10:15:00 -> 101500 */
function compactClock(instant: number): string {
  return newYork(instant).replaceAll(":", "");
}

export function saveFile(kind: FileKind, state: Readonly<SessionState>, canvases: HTMLCanvasElement[][][], theme: Theme): void {
  const view = seenOverview(state); // what is hidden is not saved either
  const { shown, value, window } = state;
  if (!view) return;
  const save = (suffix: string, content: Blob) => download(fileName(feedOfView(view), view.head.session_date, suffix), content);
  const csv = (text: string) => new Blob([text], { type: "text/csv" });
  if (kind === "picture") {
    pictureOf(state, canvases, theme)?.toBlob((blob) => blob && save(`${compactClock(state.instant)}.png`, blob), "image/png");
  } else if (kind === "cells") {
    const middle = (window.time.low + window.time.high) / 2;
    const detail = seenDetail(state);
    const finest = detail && middle >= detail.start && middle <= detail.end ? detail : view;
    const word = wordOfState(state);
    save(`${word || "series"}.csv`, csv(value ? cellsCsv(finest, word, window, seenNotes(state)) : seriesCsv(finest, state.series, window, seenNotes(state))));
  } else if (shown && typeOf(state).ladder) {
    save(`${compactClock(shown.timestamp)}_ladder.csv`, csv(ladderCsv(typeOf(state), shown, view.head.synthetic)));
  }
}

/** The charts as they stand, with a title; null where nothing is shown. */
export function pictureOf(state: Readonly<SessionState>, rows: HTMLCanvasElement[][][], theme: Theme): HTMLCanvasElement | null {
  const view = seenOverview(state);
  if (!view) return null;
  const { instant, shown, value } = state;
  const { head } = view;
  const beside = isBeside(state) ? `beside it ${nameOfCompanion(partnerOf(state)!, view)}` : "";
  return picture({
    title: `${head.symbol}  ${head.package} ${head.category}  ${longDate(head.session_date)}`,
    subtitle: [`${newYork(instant)} New York  ${utc(instant)} UTC`, titleOfState(state), `spot ${level(shown?.spot)}`, ...zeroGamma(head, shown), beside].filter(Boolean).join("   "),
    synthetic: head.synthetic,
    scale: value ? scaleOfState(state) : null,
    inks: inks(theme),
    rows,
    notes: seenNotes(state).filter((note) => note.instant >= state.window.time.low && note.instant <= state.window.time.high).map(noteLine),
  });
}

/** Where the feed has one. */
function zeroGamma(feed: Pick<Feed, "package" | "category">, shown: Snapshot | null): string[] {
  return typeOfFeed(feed).levels.some(({ series }) => series === "zero_gamma") ? [`zero gamma ${level(numberIn(shown, "zero_gamma"))}`] : [];
}
