/** The tip under the pointer: what exactly is in that cell of the heatmap. */

import type { Plot } from "../../charts/canvas";
import { fill, h } from "../../dom";
import { fixed, level } from "../../format";
import { EXPIRIES, shownValue, typeOfFeed, type Lane } from "../../record_types";
import { newYork, utc } from "../../time";
import type { SessionView } from "../../view";
import type { Value } from "./state";

const LINE = 22;

export interface TipContent {
  /** When the cell's snapshot was taken; NaN where there is none. */
  last: number;
  /** Name, text, and the name of the cell that holds it. */
  lines: [name: string, text: string, cell: string][];
}

export function tipContent(view: SessionView, value: Value, instant: number, price: number): TipContent {
  const column = view.columnAt(instant);
  const row = view.strikeAt(price);
  const known = shownValue(typeOfFeed(view.head), value);
  const last = view.array("last")[column] ?? NaN;
  const isHole = Number.isNaN(last);
  return {
    last,
    lines: [
      ["New York", newYork(isHole ? instant : last), "time"],
      ["UTC", utc(isHole ? instant : last), "utc"],
      ["Strike", fixed(view.strikes[row]), "strike"],
      [known?.short ?? "", isHole ? "no data" : fixed(view.cell(row, column), known?.digits), "value"],
      ["Spot", fixed(view.array("spot")[column]), "spot"],
    ],
  };
}

/** The numbers of a lane in the column under the pointer. */
export function seriesTip(view: SessionView, { title, price, series }: Lane, instant: number): TipContent {
  const column = view.columnAt(instant);
  const last = view.array("last")[column] ?? NaN;
  const isHole = Number.isNaN(last);
  const numbers = series.map(({ name, text }): [string, string, string] => {
    const value = view.array(name)[column] ?? NaN;
    return [EXPIRIES.some((expiry) => expiry === text) ? `${title}, ${text}` : capital(text), price ? level(value) : fixed(value, 3), name];
  });
  const time: TipContent["lines"] = [["New York", newYork(isHole ? instant : last), "time"]];
  return { last, lines: isHole ? [...time, ["", "no data", "value"]] : [...time, ...numbers] };
}

const capital = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}`;

export class Tip {
  readonly element = h("div", { class: "tip", hidden: true });

  hide(): void {
    this.element.hidden = true;
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
