/** Sessions one beside the other, on one axis of prices and one scale: their cells, small, with the path of spot. */

import { scaleOf, type Scale, type Theme } from "../colour";
import { fill, h, setText } from "../dom";
import { compact, fixed } from "../format";
import { longDate } from "../time";
import type { SessionView } from "../view";
import type { Range } from "../window";
import { Bitmaps } from "./bitmap";
import { inks, Surface, type Inks } from "./canvas";
import { AXIS } from "./heatmap";

const RIGHT = 8;
const FOOT = 18;
/** Beyond the path of spot there is this much of its height. */
const ROOM = 0.35;

export interface StripModel {
  /** From the earliest on, as far as each is shown. */
  days: readonly SessionView[];
  /** The date of the one that is open. */
  open: string | null;
  signed: boolean;
  title: string;
  theme: Theme;
}

/** Where spot has been on all of the days, with some room around it. */
export function pricesOfStrip(days: readonly SessionView[]): Range {
  let [low, high] = [Infinity, -Infinity];
  for (const view of days) {
    for (const spot of view.array("spot_min")) if (spot > 0 && spot < low) low = spot;
    for (const spot of view.array("spot_max")) if (spot > high) high = spot;
  }
  if (low > high) return { low: 0, high: 1 };
  const room = (high - low) * ROOM || high * 0.01;
  return { low: low - room, high: high + room };
}

/** One scale for all of the days. */
export function scaleOfStrip(days: readonly SessionView[], signed: boolean): Scale {
  const parts = days.flatMap((view) => [...view.strikes.keys()].map((row) => {
    const cells = new Float64Array(view.columns);
    view.copy(row, 0, view.columns, cells, 0);
    return cells;
  }));
  const all = new Float64Array(parts.reduce((sum, one) => sum + one.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return scaleOf(all, signed);
}

export class Strip {
  readonly box = h("section", { class: "strip chart", "aria-label": "Sessions one beside the other", hidden: true });
  private readonly title = h("p", { class: "strip-title dim" });
  private readonly buttons = h("div", { class: "strip-days" });
  private readonly surface: Surface;
  private readonly bitmaps = new Bitmaps(24);
  private dates: readonly string[] = [];
  private model: StripModel | null = null;
  private scale: Scale | null = null;

  constructor(private readonly open: (date: string) => void) {
    this.surface = new Surface(this.box, "", () => this.draw());
    this.box.append(this.title, this.buttons);
  }

  show(model: StripModel | null): void {
    this.box.hidden = !model;
    if (!model) {
      this.model = null;
      return;
    }
    const { model: before } = this;
    const isSame = before && before.days.length === model.days.length && before.days.every((view, place) => view === model.days[place]);
    if (!isSame || before.signed !== model.signed) this.scale = scaleOfStrip(model.days, model.signed);
    this.model = model;
    if (isSame && before.open === model.open && before.theme === model.theme && before.title === model.title) return;
    this.showDays(model);
    this.draw();
  }

  private showDays({ days, open, title }: StripModel): void {
    setText(this.title, days.length ? `${title}, ${days.length} sessions, colours to ${compact(this.scale!.high)}` : `${title}: loading…`);
    const dates = days.map(({ head }) => head.session_date);
    if (dates.join() !== this.dates.join()) fill(this.buttons, ...dates.map((date) => h("button", { "data-day": date, "aria-label": longDate(date), onclick: () => this.open(date) }, longDate(date).slice(4, 10))));
    this.dates = dates;
    days.forEach((view, place) => {
      const button = this.buttons.children[place] as HTMLElement;
      const close = [...view.array("spot")].reverse().find((spot) => spot === spot);
      button.title = `${longDate(dates[place]!)}, last spot ${fixed(close)}`;
      if (dates[place] === open) button.setAttribute("aria-current", "date");
      else button.removeAttribute("aria-current");
    });
  }

  private draw(): void {
    const { model, scale, surface } = this;
    if (!model || !scale || !surface.width || !model.days.length) return;
    const context = surface.clear();
    const ink = inks(model.theme);
    const prices = pricesOfStrip(model.days);
    const slot = (surface.width - AXIS - RIGHT) / model.days.length;
    model.days.forEach((view, place) => this.drawDay(context, ink, view, AXIS + place * slot, slot - 2, prices));
    context.fillStyle = ink.dim;
    context.textAlign = "right";
    context.fillText(fixed(prices.high, 0), AXIS - 8, 8);
    context.fillText(fixed(prices.low, 0), AXIS - 8, surface.height - FOOT - 6);
    this.box.dataset.strip = JSON.stringify({ left: AXIS, slot, top: 0, height: surface.height - FOOT, ...prices, bound: scale.high });
  }

  private drawDay(context: CanvasRenderingContext2D, ink: Inks, view: SessionView, left: number, width: number, { low, high }: Range): void {
    const height = this.surface.height - FOOT;
    const y = (price: number) => ((high - price) / (high - low)) * height;
    const { theme } = this.model!;
    const full = view.origin;
    const part = view.columns / Math.max(1, full.columns);
    context.save();
    context.beginPath();
    context.rect(left, 0, width, height);
    context.clip();
    context.fillStyle = ink.panel;
    context.fillRect(left, 0, width, height);
    context.imageSmoothingEnabled = false;
    const edges = view.edges();
    if (view.columns) {
      const canvas = this.bitmaps.of(full, this.scale!, theme);
      for (let row = 0; row < view.strikes.length; row += 1) {
        const [top, bottom] = [Math.round(y(edges[row + 1]!)), Math.round(y(edges[row]!))];
        if (bottom > 0 && top < height && bottom > top) context.drawImage(canvas, 0, canvas.height - 1 - view.rows[row]!, view.columns, 1, left, top, width * part, bottom - top);
      }
    }
    this.tracePath(context, ink, view, (column) => left + ((column + 0.5) / Math.max(1, full.columns)) * width, y);
    context.restore();
  }

  private tracePath(context: CanvasRenderingContext2D, ink: Inks, view: SessionView, x: (column: number) => number, y: (price: number) => number): void {
    const path = new Path2D();
    let isDown = false;
    view.array("spot").forEach((spot, column) => {
      if (spot === spot && isDown) path.lineTo(x(column), y(spot));
      else if (spot === spot) path.moveTo(x(column), y(spot));
      isDown = spot === spot;
    });
    context.strokeStyle = ink.halo;
    context.lineWidth = 2.6;
    context.stroke(path);
    context.strokeStyle = ink.spot;
    context.lineWidth = 1.1;
    context.stroke(path);
    context.lineWidth = 1;
  }
}
