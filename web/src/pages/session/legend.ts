/** The legend: the scale of the colours, what bounds it, and what the marks mean. */

import { colourOn, valueOn, type Scale, type Theme } from "../../colour";
import { fill, h, setText } from "../../dom";
import { compact } from "../../format";
import type { Actions } from "./actions";
import { titleOfState } from "./comparison";
import { scaleText } from "./seen";
import { isHiding, overview, typeOf, type ScaleChoice, type SessionState } from "./state";

/** What is written under the scale, from its low end to its high one; beyond both lie the outliers. */
export function legendTicks(scale: Scale): string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((part) => `${part === 0 ? "≤ " : part === 1 ? "≥ " : ""}${compact(valueOn(part, scale))}`);
}

function inWords({ signed }: Scale, ticks: readonly string[]): string {
  return signed ? `from ${ticks[0]} blue over 0 to ${ticks[4]} orange` : `from ${ticks[0]} to ${ticks[4]}, the greater the further from the ground of the page`;
}

const CHOICES: readonly [ScaleChoice, string][] = [["day", "day"], ["window", "in view"], ["now", "until now"]];
const FIXED = "fixed";

export class Legend {
  readonly element: HTMLElement;
  private readonly picture = h("div", { class: "legend-scale", role: "img" });
  private readonly name = h("span", {});
  private readonly ticks = h("div", { class: "legend-ticks num" });
  private readonly key = h("div", { class: "legend-key dim" });
  private readonly select = h("select", { "aria-label": "Scale of the colours", onchange: () => this.choose() },
    ...CHOICES.map(([value, text]) => h("option", { value }, text)), h("option", { value: FIXED }, "fixed"));
  private readonly bound = h("input", { type: "number", min: 0, step: "any", "aria-label": "Bound of the fixed scale", hidden: true, onchange: () => this.fix() });
  private scale: Scale | null = null;
  private shown = "";

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.element = h("div", { class: "legend" },
      h("div", { class: "legend-name" }, this.name, h("label", { class: "dim" }, " scale ", this.select), this.bound),
      this.picture, this.ticks, this.key);
  }

  private choose(): void {
    const { value } = this.select;
    if (value !== FIXED) return this.actions.chooseScale(value as ScaleChoice);
    this.actions.chooseScale(Number((this.scale?.high ?? 1).toPrecision(3))); // what the colours are now, for a beginning
    this.bound.focus();
  }

  private fix(): void {
    const bound = Number(this.bound.value);
    if (bound > 0) this.actions.chooseScale(bound);
    this.bound.blur(); // the keys are the page's again
  }

  show(scale: Scale, theme: Theme): void {
    const view = overview(this.state);
    const { ladder, sums } = typeOf(this.state);
    this.element.hidden = !view || !ladder;
    if (!view || !ladder) return;
    this.showChoice();
    const [title, text] = [titleOfState(this.state), scaleText(this.state)];
    const shown = JSON.stringify([scale, theme, title, text]);
    if (shown === this.shown) return; // while a session plays, it is asked for with every column
    this.shown = shown;
    this.scale = scale;
    const ticks = legendTicks(scale);
    this.picture.setAttribute("aria-label", `${title}, ${text}: ${inWords(scale, ticks)}`);
    setText(this.name, title);
    fill(this.picture, stripe(scale, theme));
    fill(this.ticks, ...ticks.map((tick) => h("span", {}, tick)));
    fill(this.key,
      h("span", { class: "legend-scale-text" }, text),
      h("span", {}, h("i", { class: "dots", "aria-hidden": "true" }), ladder.dots),
      h("span", {}, h("i", { class: "hatch", "aria-hidden": "true" }), "no data"),
      sums.length ? h("span", {}, h("i", { class: "move", "aria-hidden": "true" }), "largest changes") : null);
  }

  private showChoice(): void {
    const { scale } = this.state;
    const isFixed = typeof scale === "number";
    this.select.value = isFixed ? FIXED : scale;
    // The day's end bounds nothing while it is hidden.
    this.select.options[0]!.textContent = isHiding(this.state) ? "day so far" : "day";
    this.bound.hidden = !isFixed;
    if (isFixed && Number(this.bound.value) !== scale) this.bound.value = String(scale);
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
