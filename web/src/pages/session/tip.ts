/** The tip under the pointer: what exactly lies there in the picture. */

import type { Snapshot } from "../../api";
import type { Plot } from "../../charts/canvas";
import { columnEndedBy } from "../../computed";
import { fill, h } from "../../dom";
import { fixed, level, NOTHING } from "../../format";
import type { Candle } from "../../own/candles";
import { priorsIn, rowsOf, strikeOf, valueIn } from "../../ladder";
import { EXPIRIES, shownValue, typeOfFeed, type Lane, type Panel, type RecordType } from "../../record_types";
import { newYork, utc } from "../../time";
import type { SessionView } from "../../view";
import type { Value } from "./state";

const LINE = 22;

type Line = [name: string, text: string, cell: string];

export interface TipContent {
  /** When the cell's snapshot was taken; NaN where there is none. */
  last: number;
  /** Name, text, and the name of the cell that holds it. */
  lines: Line[];
}

/** `shift` is how many seconds the view is later than its own clock, `ratio` how many of its own prices are one. */
export function tipContent(view: SessionView, value: Value, instant: number, price: number, shift = 0, ratio = 1): TipContent {
  const column = view.columnAt(instant);
  const row = view.strikeAt(price);
  const known = shownValue(typeOfFeed(view.head), value);
  const last = view.array("last")[column] ?? NaN;
  const isHole = Number.isNaN(last);
  return {
    last,
    lines: [
      ["New York", newYork(isHole ? instant : last), "time"],
      ["UTC", utc((isHole ? instant : last) - shift), "utc"],
      ["Strike", fixed(view.strikes[row]! * ratio), "strike"],
      [shortOf(view, known?.short ?? ""), isHole ? "no data" : fixed(view.cell(row, column), known?.digits), "value"],
      ["Spot", fixed(view.array("spot")[column]! * ratio), "spot"],
    ],
  };
}

/** A value, or by how much it has changed. */
const shortOf = ({ head }: SessionView, short: string) => (head.change_minutes ? `${short}, ${head.change_minutes} min` : short);

/** What one less the other is, and what both are. */
export function differenceTip(shown: SessionView, one: SessionView, other: SessionView, name: string, value: Value, instant: number, price: number): TipContent {
  const { last, lines } = tipContent(shown, value, instant, price);
  const digits = shownValue(typeOfFeed(one.head), value)?.digits;
  const column = one.columnAt(instant);
  const strike = shown.strikes[shown.strikeAt(price)]!;
  const [band, ended] = [other.bandAt(strike), columnEndedBy(other, one.start + (column + 1) * one.head.column_seconds)];
  const theirs = band < 0 || ended < 0 ? NaN : other.cell(band, ended);
  const at = other.strikes[band];
  return {
    last,
    lines: [
      ...lines.map(([text, content, cell]): Line => (cell === "value" ? [`${text}, less`, content, cell] : [text, content, cell])),
      ["this", fixed(one.cell(one.strikeAt(strike), column), digits), "this"],
      [at === undefined || at === strike ? name : `${name}, ${fixed(at)}`, fixed(theirs, digits), "other"],
    ],
  };
}

/** Open, high, low and close of a reader's own bar. */
export function ownLine({ open, high, low, close }: Candle): Line {
  return ["own", [open, high, low, close].map((price) => fixed(price)).join("  "), "own"];
}

/** Where what comes later is hidden. */
export function hiddenTip(instant: number): TipContent {
  return { last: NaN, lines: [["New York", newYork(instant), "time"], ["", "later: hidden", "value"]] };
}

/** The values of the strike under the pointer at the chosen second, of the panels that are shown. */
export function profileTip(type: RecordType, panels: readonly Panel[], shown: Snapshot | null, price: number): TipContent | null {
  const rows = rowsOf(type, shown);
  const [first] = rows;
  if (!shown || !first) return null;
  const row = rows.reduce((best, one) => (Math.abs(strikeOf(one) - price) < Math.abs(strikeOf(best) - price) ? one : best), first);
  const priors = panels.some(({ dots }) => dots) ? priorsIn(type, row) : [];
  const values = panels.flatMap(({ values: names }) => names.map((name) => shownValue(type, name)!));
  return {
    last: shown.timestamp,
    lines: [
      ["Strike", fixed(strikeOf(row)), "strike"],
      ...values.map((value): Line => [value.short, fixed(valueIn(row, value), value.digits), value.name]),
      ...(priors.length ? [["Earlier", priors.map((one) => fixed(one)).join("  "), "priors"] as Line] : []),
    ],
  };
}

/** The numbers of a lane in the column under the pointer. */
export function seriesTip(view: SessionView, { title, form, price, series }: Lane, instant: number): TipContent {
  const column = view.columnAt(instant);
  const last = view.array("last")[column] ?? NaN;
  const isHole = Number.isNaN(last);
  const isEmpty = form === "area" && series.every(({ name }) => view.array(name).every((value) => !value));
  const numbers = series.map(({ name, text }): Line => {
    const value = view.array(name)[column] ?? NaN;
    return [EXPIRIES.some((expiry) => expiry === text) ? `${title}, ${text}` : capital(text), isEmpty ? NOTHING : price ? level(value) : fixed(value, form === "area" ? 0 : 3), name];
  });
  const time: Line[] = [["New York", newYork(isHole ? instant : last), "time"]];
  return { last, lines: isHole ? [...time, ["", "no data", "value"]] : [...time, ...numbers] };
}

const capital = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}`;

export class Tip {
  readonly element = h("div", { class: "tip", hidden: true });

  hide(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    fill(this.element);
  }

  /** Show what lies at a place of a picture. */
  show({ last, lines }: TipContent, plot: Plot, { x, y }: { x: number; y: number }): void {
    const { element } = this;
    element.hidden = false;
    fill(element, ...lines.map(([name, text, cell]) => h("div", {}, h("span", { class: "dim" }, name), h("span", { class: "num", "data-tip": cell }, text))));
    element.dataset.instant = String(last);
    element.classList.toggle("is-left", x > plot.left + plot.width * 0.6);
    element.style.setProperty("--x", `${x}px`);
    element.style.setProperty("--y", `${Math.max(0, Math.min(y, plot.top + plot.height - LINE * lines.length))}px`);
  }
}
