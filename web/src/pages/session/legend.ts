/** The legend: the scale of the day's colours, and what the marks mean. */

import { colourOn, valueOn, type Scale, type Theme } from "../../colour";
import { fill, h } from "../../dom";
import { compact } from "../../format";
import { titleOf } from "../../record_types";
import { feedOfView, overview, scaleOfState, typeOf, type SessionState } from "./state";

/** What is written under the scale, from its low end to its high one; beyond both lie the outliers. */
export function legendTicks(scale: Scale): string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((part) => `${part === 0 ? "≤ " : part === 1 ? "≥ " : ""}${compact(valueOn(part, scale))}`);
}

function inWords({ signed }: Scale, ticks: readonly string[]): string {
  return signed ? `from ${ticks[0]} blue over 0 to ${ticks[4]} orange` : `from ${ticks[0]} to ${ticks[4]}, the greater the further from the ground of the page`;
}

export class Legend {
  readonly element = h("div", { class: "legend", role: "img" });

  constructor(private readonly state: Readonly<SessionState>) {}

  show(theme: Theme): void {
    const view = overview(this.state);
    const { ladder, sums } = typeOf(this.state);
    if (!view || !ladder) return fill(this.element);
    const scale = scaleOfState(this.state);
    const ticks = legendTicks(scale);
    const name = titleOf(feedOfView(view), this.state.value);
    this.element.setAttribute("aria-label", `${name}: ${inWords(scale, ticks)}`);
    fill(this.element, h("div", { class: "legend-name" }, name, h("span", { class: "dim" }, " scale of the day, outliers beyond")),
      stripe(scale, theme), h("div", { class: "legend-ticks num" }, ...ticks.map((tick) => h("span", {}, tick))),
      h("div", { class: "legend-key dim" },
        h("span", {}, h("i", { class: "dots", "aria-hidden": "true" }), ladder.dots),
        h("span", {}, h("i", { class: "hatch", "aria-hidden": "true" }), "no data"),
        sums.length ? h("span", {}, h("i", { class: "move", "aria-hidden": "true" }), "largest changes") : null));
  }
}

function stripe(scale: Scale, theme: Theme): HTMLCanvasElement {
  const canvas = h("canvas", { width: 201, height: 1 });
  const context = canvas.getContext("2d")!;
  for (let x = 0; x <= 200; x += 1) {
    const [red, green, blue] = colourOn(x / 200, scale, theme);
    context.fillStyle = `rgb(${red},${green},${blue})`;
    context.fillRect(x, 0, 1, 1);
  }
  return canvas;
}
