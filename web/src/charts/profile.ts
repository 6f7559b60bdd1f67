/** The ladder at the chosen second, panel beside panel: bars around zero with earlier values as dots, or lines. */

import type { Snapshot } from "../api";
import type { Theme } from "../colour";
import { compact, fixed, level, niceCeiling } from "../format";
import { numberIn, priorsIn, rowsOf, strikeOf, valueIn, type Row } from "../ladder";
import { shownValue, type InkName, type Panel, type RecordType, type ShownValue } from "../record_types";
import type { Range } from "../window";
import { crisp, inks, NOWHERE, plate, spread, Surface, type Crosshair, type Inks, type Plot } from "./canvas";
import { FOOT, line, priceTicks } from "./heatmap";

const TOP = 6;
const GAP = 14;
const LABELS = 114;
/** The lines of a panel, in its order. */
const LINES: readonly InkName[] = ["positive", "negative"];

/** A panel in its place, on its scale. */
interface Placed {
  panel: Panel;
  values: ShownValue[];
  left: number;
  width: number;
  title: string;
  low: number;
  high: number;
}

export interface ProfileModel {
  type: RecordType;
  /** Those of the type's panels that this feed has something for. */
  panels: readonly Panel[];
  snapshot: Snapshot | null;
  price: Range;
  strike: number | null;
  /** A value that is drawn up to a bound at least, so that its bars of two times can be compared by their lengths. */
  fixed: { readonly value: string; readonly bound: number } | null;
  theme: Theme;
}

/** The scale of a panel: the same on both sides of zero for bars, from the least to the greatest for lines. */
export function scaleOfPanel(panel: Panel, values: readonly ShownValue[], rows: readonly Row[], type: RecordType, fixed: ProfileModel["fixed"] = null): Range {
  const found = rows
    .flatMap((row) => [...values.map((value) => valueIn(row, value)), ...(panel.dots ? priorsIn(type, row) : [])])
    .filter((one): one is number => one !== null);
  if (panel.form === "bars") {
    const most = found.reduce((before, one) => Math.max(before, Math.abs(one)), 0);
    const bound = fixed && panel.values.includes(fixed.value) && most <= fixed.bound ? fixed.bound : niceCeiling(most);
    return { low: -bound, high: bound };
  }
  const known = found.filter((one) => one !== 0); // no option has a volatility of 0
  if (!known.length) return { low: 0, high: 1 };
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low) * 0.1 || high * 0.1 || 1;
  return { low: Math.max(0, low - room), high: high + room };
}

export class Profile {
  private readonly surface: Surface;
  private readonly top: Surface;
  private model: ProfileModel | null = null;
  private pointed: Crosshair = NOWHERE;

  constructor(readonly box: HTMLElement) {
    this.surface = new Surface(box, "", () => this.draw());
    this.top = new Surface(box, "Profile by strike", () => this.drawCrosshair());
  }

  get canvases(): HTMLCanvasElement[] {
    return [this.surface.canvas, this.top.canvas];
  }

  describe(text: string): void {
    this.top.canvas.setAttribute("aria-label", text);
  }

  /** Where the pointer is, in whichever picture. */
  point(place: Crosshair): void {
    this.pointed = place;
    this.drawCrosshair();
  }

  get plot(): Plot {
    return { left: 0, top: TOP, width: Math.max(10, this.surface.width), height: this.height };
  }

  isInside(x: number, y: number): boolean {
    return x >= 0 && x <= this.surface.width && y >= TOP && y <= TOP + this.height;
  }

  private drawCrosshair(): void {
    if (!this.model || !this.top.width) return;
    const context = this.top.clear();
    const { price } = this.pointed;
    const y = price === null ? NaN : this.y(price);
    const isPointed = this.isInside(0, y);
    this.box.dataset.pointed = isPointed ? String(Math.round(y)) : "";
    if (!isPointed) return;
    context.strokeStyle = inks(this.model.theme).dim;
    context.setLineDash([2, 3]);
    line(context, 4, crisp(y), this.surface.width - LABELS, crisp(y));
  }

  show(model: ProfileModel): void {
    this.model = model;
    this.draw();
  }

  private get height(): number {
    return Math.max(10, this.surface.height - FOOT - TOP);
  }

  private y(price: number): number {
    const { low, high } = this.model!.price;
    return TOP + ((high - price) / (high - low)) * this.height;
  }

  priceAt(y: number): number {
    const { low, high } = this.model!.price;
    return high - ((y - TOP) / this.height) * (high - low);
  }

  draw(): void {
    const { model } = this;
    if (!model || !this.surface.width) return;
    const context = this.surface.clear();
    const ink = inks(model.theme);
    const { snapshot, type } = model;
    const inView = rowsOf(type, snapshot).filter((row) => strikeOf(row) >= model.price.low && strikeOf(row) <= model.price.high);
    const panels = this.place(inView);
    for (const panel of panels) this.drawFrame(context, panel, ink);
    this.box.dataset.panels = JSON.stringify({ panels: panels.map(({ left, width, title, low, high }) => ({ left, width, title, bound: high, low, high })), top: TOP, height: this.height });
    if (!snapshot) return;
    const rowHeight = Math.max(1, Math.min(13, this.spacing(inView) * 0.68));
    context.save();
    context.beginPath();
    context.rect(0, TOP, this.surface.width, this.height);
    context.clip();
    for (const placed of panels) {
      if (placed.panel.form === "bars") this.drawBars(context, placed, inView, rowHeight, ink);
      else placed.values.forEach((value, place) => this.drawLine(context, placed, inView, value, ink[LINES[place]!]));
    }
    if (inView.some((row) => strikeOf(row) === model.strike)) {
      const y = this.y(model.strike!);
      context.strokeStyle = ink.text;
      for (const panel of panels) context.strokeRect(panel.left + 0.5, crisp(y - rowHeight / 2) - 1.5, panel.width - 1, rowHeight + 2);
    }
    context.restore();
    this.drawLevels(context, snapshot, ink);
    this.drawCrosshair();
  }

  private place(rows: readonly Row[]): Placed[] {
    const { panels, type, fixed } = this.model!;
    const width = (this.surface.width - LABELS - 8 - GAP * (panels.length - 1)) / panels.length;
    return panels.map((panel, place) => {
      const values = panel.values.map((name) => shownValue(type, name)!);
      return { panel, values, left: 4 + place * (width + GAP), width, title: width > 150 ? panel.title : panel.short, ...scaleOfPanel(panel, values, rows, type, fixed) };
    });
  }

  private drawBars(context: CanvasRenderingContext2D, placed: Placed, rows: readonly Row[], height: number, ink: Inks): void {
    const [value] = placed.values;
    for (const row of rows) {
      const y = this.y(strikeOf(row));
      this.drawBar(context, placed, y, height, valueIn(row, value!) ?? 0, ink);
      if (placed.panel.dots) this.drawPriors(context, placed, y, priorsIn(this.model!.type, row), ink);
    }
  }

  /** From strike to strike that has a value, with a dot at each. */
  private drawLine(context: CanvasRenderingContext2D, placed: Placed, rows: readonly Row[], value: ShownValue, colour: string): void {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.3;
    const places = rows.flatMap((row) => {
      const found = valueIn(row, value);
      return found ? [[this.x(placed, found), this.y(strikeOf(row))] as const] : [];
    });
    context.beginPath();
    places.forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
    for (const [x, y] of places) context.fillRect(x - 1.5, y - 1.5, 3, 3);
    context.lineWidth = 1;
  }

  private spacing(rows: readonly Row[]): number {
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last || rows.length < 2) return 12;
    return Math.abs(this.y(strikeOf(first)) - this.y(strikeOf(last))) / (rows.length - 1);
  }

  private drawFrame(context: CanvasRenderingContext2D, panel: Placed, ink: Inks): void {
    const centre = panel.left + panel.width / 2;
    context.fillStyle = ink.panel;
    context.fillRect(panel.left, TOP, panel.width, this.height);
    context.strokeStyle = ink.grid;
    for (const price of priceTicks(this.model!.price.low, this.model!.price.high, this.height / 34)) {
      line(context, panel.left, crisp(this.y(price)), panel.left + panel.width, crisp(this.y(price)));
    }
    for (const part of [-0.5, 0.5]) {
      const x = crisp(centre + part * (panel.width / 2) );
      line(context, x, TOP, x, TOP + this.height);
    }
    if (panel.panel.form === "bars") {
      context.strokeStyle = ink.dim;
      line(context, crisp(centre), TOP, crisp(centre), TOP + this.height);
    }
    context.strokeStyle = ink.grid;
    context.strokeRect(crisp(panel.left) - 1, crisp(TOP) - 1, panel.width + 1, this.height + 1);
    context.fillStyle = ink.dim;
    const y = TOP + this.height + 13;
    context.textAlign = "left";
    context.fillText(compact(panel.low), panel.left, y);
    context.textAlign = "right";
    context.fillText(compact(panel.high), panel.left + panel.width, y);
    context.textAlign = "center";
    context.fillStyle = ink.text;
    if (panel.panel.form === "bars") return context.fillText(panel.title, centre, y);
    panel.values.forEach(({ short }, place) => {
      context.fillStyle = ink[LINES[place]!];
      context.textAlign = place ? "left" : "right";
      const word = short.split(" ")[0]!;
      context.fillText(panel.width > 220 ? short : panel.width > 140 ? word : word[0]!, centre + (place ? 4 : -4), y);
    });
  }

  private x({ left, width, low, high }: Placed, value: number): number {
    return left + Math.max(0, Math.min(1, (value - low) / (high - low))) * width;
  }

  private drawBar(context: CanvasRenderingContext2D, panel: Placed, y: number, height: number, value: number, ink: Inks): void {
    if (!value) return;
    const zero = this.x(panel, 0);
    const x = this.x(panel, value);
    context.fillStyle = value > 0 ? ink.positive : ink.negative;
    context.fillRect(Math.min(zero, x), y - height / 2, Math.max(1, Math.abs(x - zero)), height);
  }

  /** The earlier a value, the fainter its dot. */
  private drawPriors(context: CanvasRenderingContext2D, panel: Placed, y: number, priors: readonly (number | null)[], ink: Inks): void {
    context.fillStyle = ink.text;
    for (let place = priors.length - 1; place >= 0; place -= 1) {
      const value = priors[place];
      if (value === null || value === undefined) continue;
      const x = this.x(panel, value);
      if (Math.abs(x - this.x(panel, 0)) < 1.5) continue;  // on the line of zero they would be a string of beads
      context.globalAlpha = 0.95 - place * 0.17;
      context.beginPath();
      context.arc(x, y, place === 0 ? 1.7 : 1.3, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  private drawLevels(context: CanvasRenderingContext2D, snapshot: Snapshot, ink: Inks): void {
    const right = this.surface.width - LABELS + 2;
    const wanted = [...this.model!.type.levels].reverse()
      .map(({ short, series, inkOfProfile, dash }) => ({ name: short, price: numberIn(snapshot, series) ?? 0, ink: ink[inkOfProfile], dash: [...dash] }))
      .filter(({ price }) => price && price >= this.model!.price.low && price <= this.model!.price.high);
    for (const { price, ink: colour, dash } of wanted) {
      context.strokeStyle = colour;
      context.globalAlpha = 0.8;
      context.setLineDash(dash);
      line(context, 4, crisp(this.y(price)), right - 2, crisp(this.y(price)));
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    this.box.dataset.levels = JSON.stringify(wanted.map(({ name, price }) => `${name} ${fixed(price)}`));
    const places = spread(wanted.map(({ price }) => this.y(price)), 15, TOP + 7, TOP + this.height - 7);
    wanted.forEach(({ name, price, ink: colour }, index) => {
      const y = places[index]!;
      context.strokeStyle = colour;
      line(context, right - 2, this.y(price), right + 6, y);
      const text = `${name} ${fixed(price)}`;
      if (name === "spot") plate(context, text, right + 6, y, ink.panel, ink.spot);
      else {
        context.fillStyle = colour;
        context.textAlign = "left";
        context.fillText(text, right + 10, y + 0.5);
      }
    });
  }
}

export function describeLadder(type: RecordType, snapshot: Snapshot | null): string {
  if (!snapshot) return "Profile: no snapshot at this second";
  const [value] = type.values;
  const rows = rowsOf(type, snapshot);
  const size = (row: Row | undefined) => Math.abs(valueIn(row, value!) ?? 0);
  const largest = rows.reduce<Row | undefined>((most, row) => (!most || size(row) > size(most) ? row : most), undefined);
  const where = largest ? `, largest ${value!.button.toLowerCase()} ${fixed(valueIn(largest, value!))} at ${fixed(strikeOf(largest))}` : "";
  return `Profile of ${rows.length} strikes, spot ${level(snapshot.spot)}${where}`;
}
