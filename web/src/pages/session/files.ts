/** What is saved from the page: the picture, the cells in view, the ladder; and how the files are called. */

import type { Feed, Snapshot } from "../../api";
import { inks } from "../../charts/canvas";
import type { Theme } from "../../colour";
import { download } from "../../dom";
import { level } from "../../format";
import { picture } from "../../picture";
import { longDate, newYork, newYorkMoment, utc } from "../../time";
import type { SessionView } from "../../view";
import type { Window } from "../../window";
import type { FileKind } from "./actions";
import { boundOf, detailOf, feedOfView, overview, VALUE_NAMES, type SessionState, type Value } from "./state";

export function fileName({ symbol, package: kind, category }: Feed, date: string, suffix: string): string {
  return `${date}_${symbol}_${kind}_${category}_${suffix}`;
}

/** The cells in view, as exact as the API gave them. */
export function cellsCsv(view: SessionView, value: Value, window: Window): string {
  const lines = [`new_york,utc,strike,${value},spot,synthetic`];
  const times = view.array("last");
  const spots = view.array("spot");
  const edge = view.head.column_seconds;
  for (let column = 0; column < view.columns; column += 1) {
    const time = times[column]!;
    if (Number.isNaN(time) || time < window.time.low - edge || time > window.time.high) continue;
    for (let row = 0; row < view.strikes.length; row += 1) {
      const cell = view.cell(row, column);
      const strike = view.strikes[row]!;
      if (cell === cell && strike >= window.price.low && strike <= window.price.high) lines.push(`${stamp(time)},${strike},${cell},${spots[column]},${view.head.synthetic}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** All strikes of one snapshot, with their earlier values. */
export function ladderCsv(snapshot: Snapshot, synthetic: boolean): string {
  const lines = ["new_york,utc,strike,gex_vol,gex_oi,prior_1,prior_2,prior_3,prior_4,prior_5,synthetic"];
  for (const [strike, vol, oi, priors] of snapshot.strikes) {
    const earlier = [0, 1, 2, 3, 4].map((place) => priors?.[place] ?? "");
    lines.push([stamp(snapshot.timestamp), strike, vol ?? "", oi ?? "", ...earlier, synthetic].join(","));
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
  const view = overview(state);
  const { shown, value, window } = state;
  if (!view) return;
  const save = (suffix: string, content: Blob) => download(fileName(feedOfView(view), view.head.session_date, suffix), content);
  const csv = (text: string) => new Blob([text], { type: "text/csv" });
  if (kind === "picture") {
    savePicture(state, view, canvases, theme, (blob) => save(`${compactClock(state.instant)}.png`, blob));
  } else if (kind === "cells") {
    const middle = (window.time.low + window.time.high) / 2;
    const detail = detailOf(state);
    save(`${value}.csv`, csv(cellsCsv(detail && middle >= detail.start && middle <= detail.end ? detail : view, value, window)));
  } else if (shown) {
    save(`${compactClock(shown.timestamp)}_ladder.csv`, csv(ladderCsv(shown, view.head.synthetic)));
  }
}

function savePicture(state: Readonly<SessionState>, { head }: SessionView, rows: HTMLCanvasElement[][][], theme: Theme, done: (blob: Blob) => void): void {
  const { instant, shown, value } = state;
  picture({
    title: `${head.symbol}  ${head.package} ${head.category}  ${longDate(head.session_date)}`,
    subtitle: `${newYork(instant)} New York  ${utc(instant)} UTC   ${VALUE_NAMES[value]}   spot ${level(shown?.spot)}   zero gamma ${level(shown?.zero_gamma)}`,
    synthetic: head.synthetic,
    bound: boundOf(state),
    inks: inks(theme),
    rows,
  }, done);
}
