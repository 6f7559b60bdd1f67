/** The legend: the scale of the day's colours, and what the marks mean. */

import { colourAt, valueAt, type Theme } from "../../colour";
import { fill, h } from "../../dom";
import { compact } from "../../format";
import { boundOf, VALUE_NAMES, type SessionState } from "./state";

/** What is written under the scale, from its negative end to its positive one; beyond both lie the outliers. */
export function legendTicks(bound: number): string[] {
  return [-1, -0.5, 0, 0.5, 1].map((place) => `${Math.abs(place) === 1 ? (place < 0 ? "≤ " : "≥ ") : ""}${compact(valueAt(place, bound))}`);
}

export class Legend {
  readonly element = h("div", { class: "legend", role: "img" });

  constructor(private readonly state: Readonly<SessionState>) {}

  show(theme: Theme): void {
    const ticks = legendTicks(boundOf(this.state));
    const name = VALUE_NAMES[this.state.value];
    this.element.setAttribute("aria-label", `${name}: from ${ticks[0]} blue over 0 to ${ticks[4]} orange`);
    fill(this.element, h("div", { class: "legend-name" }, name, h("span", { class: "dim" }, " scale of the day, outliers beyond")),
      scale(theme), h("div", { class: "legend-ticks num" }, ...ticks.map((tick) => h("span", {}, tick))),
      h("div", { class: "legend-key dim" },
        h("span", {}, h("i", { class: "dots", "aria-hidden": "true" }), "earlier values, 1–30 min"),
        h("span", {}, h("i", { class: "hatch", "aria-hidden": "true" }), "no data"),
        h("span", {}, h("i", { class: "move", "aria-hidden": "true" }), "largest changes")));
  }
}

function scale(theme: Theme): HTMLCanvasElement {
  const canvas = h("canvas", { width: 201, height: 1 });
  const context = canvas.getContext("2d")!;
  for (let x = 0; x <= 200; x += 1) {
    const [red, green, blue] = colourAt(x / 100 - 1, theme);
    context.fillStyle = `rgb(${red},${green},${blue})`;
    context.fillRect(x, 0, 1, 1);
  }
  return canvas;
}
