/** The tip under the pointer: what exactly is in that cell of the heatmap. */

import type { Heatmap } from "../../charts/heatmap";
import { fill, h } from "../../dom";
import { fixed } from "../../format";
import { newYork, utc } from "../../time";
import type { SessionView } from "../../view";
import type { Value } from "./state";

const HEIGHT = 110;

export interface TipContent {
  /** When the cell's snapshot was taken; NaN where there is none. */
  last: number;
  /** Name, text, and the name of the cell that holds it. */
  lines: [name: string, text: string, cell: string][];
}

export function tipContent(view: SessionView, value: Value, instant: number, price: number): TipContent {
  const column = view.columnAt(instant);
  const row = view.strikeAt(price);
  const last = view.array("last")[column] ?? NaN;
  const isHole = Number.isNaN(last);
  return {
    last,
    lines: [
      ["New York", newYork(isHole ? instant : last), "time"],
      ["UTC", utc(isHole ? instant : last), "utc"],
      ["Strike", fixed(view.strikes[row]), "strike"],
      [value === "gex_vol" ? "GEX vol" : "GEX OI", isHole ? "no data" : fixed(view.cell(row, column)), "value"],
      ["Spot", fixed(view.array("spot")[column]), "spot"],
    ],
  };
}

export class Tip {
  readonly element = h("div", { class: "tip", hidden: true });

  hide(): void {
    this.element.hidden = true;
  }

  /** Show what lies at a place of the heatmap. */
  show(heat: Heatmap, value: Value, { x, y }: { x: number; y: number }): void {
    const { element } = this;
    element.hidden = false;
    const instant = heat.instantAt(x);
    const { last, lines } = tipContent(heat.viewAt(instant), value, instant, heat.priceAt(y));
    fill(element, ...lines.map(([name, text, cell]) => h("div", {}, h("span", { class: "dim" }, name), h("span", { class: "num", "data-tip": cell }, text))));
    element.dataset.instant = String(last);
    const { left, width } = heat.plot;
    element.classList.toggle("is-left", x > left + width * 0.6);
    element.style.setProperty("--x", `${x}px`);
    element.style.setProperty("--y", `${Math.min(y, heat.box.clientHeight - HEIGHT)}px`);
  }
}
