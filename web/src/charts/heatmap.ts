/** Strike by time in colours, with the path of spot and the levels over it. */

import { indexOfPower, powersOf, tableOf, type Scale, type Theme } from "../colour";
import { fixed, niceStep } from "../format";
import type { Level } from "../record_types";
import { newYork, tickText, timeTicks } from "../time";
import type { SessionView } from "../view";
import type { Range, Window } from "../window";
import { crisp, inks, NOWHERE, plate, Surface, type Crosshair, type Inks, type Plot } from "./canvas";

export const AXIS = 68;
export const FOOT = 22;

export interface HeatmapModel {
  overview: SessionView;
  detail: SessionView | null;
  scale: Scale;
  levels: readonly Level[];
  window: Window;
  instant: number;
  strike: number | null;
  hidden: ReadonlySet<string>;
  theme: Theme;
}

/** The picture of the cells, one pixel each; drawing scales it. */
interface Bitmap {
  view: SessionView;
  theme: Theme;
  scale: Scale;
  canvas: HTMLCanvasElement;
  powers: Float64Array;
}

function paint({ view, theme, scale, canvas, powers }: Bitmap): void {
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const table = tableOf(scale, theme);
  const rows = view.strikes.length;
  for (let row = 0; row < rows; row += 1) {
    const target = (rows - 1 - row) * view.columns;
    const source = row * view.columns;
    for (let column = 0; column < view.columns; column += 1) {
      const power = powers[source + column]!;
      if (power === power) pixels[target + column] = table[indexOfPower(power, scale)]!;
    }
  }
  context.putImageData(image, 0, 0);
}

export class Heatmap {
  private readonly base: Surface;
  private readonly top: Surface;
  private bitmaps: Bitmap[] = [];
  private model: HeatmapModel | null = null;
  private pointed: Crosshair = NOWHERE;

  constructor(readonly box: HTMLElement) {
    this.base = new Surface(box, "", () => this.draw());
    this.top = new Surface(box, "Strike by time", () => this.drawCursor());
  }

  get canvases(): HTMLCanvasElement[] {
    return [this.base.canvas, this.top.canvas];
  }

  describe(text: string): void {
    this.top.canvas.setAttribute("aria-label", text);
  }

  get plot(): Plot {
    return { left: AXIS, top: 6, width: Math.max(10, this.base.width - AXIS - 8), height: Math.max(10, this.base.height - FOOT - 6) };
  }

  x(instant: number, window = this.model!.window): number {
    const { left, width } = this.plot;
    return left + ((instant - window.time.low) / (window.time.high - window.time.low)) * width;
  }

  y(price: number, window = this.model!.window): number {
    const { top, height } = this.plot;
    return top + ((window.price.high - price) / (window.price.high - window.price.low)) * height;
  }

  instantAt(x: number): number {
    const { left, width } = this.plot;
    const { low, high } = this.model!.window.time;
    return low + ((x - left) / width) * (high - low);
  }

  priceAt(y: number): number {
    const { top, height } = this.plot;
    const { low, high } = this.model!.window.price;
    return high - ((y - top) / height) * (high - low);
  }

  isInside(x: number, y: number): boolean {
    const { left, top, width, height } = this.plot;
    return x >= left && x <= left + width && y >= top && y <= top + height;
  }

  /** The finest view that shows an instant. */
  viewAt(instant: number): SessionView {
    const { detail, overview } = this.model!;
    return detail && instant >= detail.start && instant <= detail.end ? detail : overview;
  }

  show(model: HeatmapModel): void {
    this.model = model;
    this.draw();
  }

  /** Where the pointer is, in whichever picture. */
  point(place: Crosshair): void {
    this.pointed = place;
    this.drawCursor();
  }

  /** The cursor alone, which moves in every frame. */
  moveTo(instant: number, strike: number | null): void {
    if (!this.model) return;
    this.model = { ...this.model, instant, strike };
    this.drawCursor();
  }

  draw(): void {
    const { model, plot } = this;
    if (!model || !this.base.width) return;
    const context = this.base.clear();
    const ink = inks(model.theme);
    context.save();
    context.beginPath();
    context.rect(plot.left, plot.top, plot.width, plot.height);
    context.clip();
    context.fillStyle = ink.panel;
    context.fillRect(plot.left, plot.top, plot.width, plot.height);
    this.hatch(context, ink);
    const views = model.detail ? [model.overview, model.detail] : [model.overview];
    for (const view of views) this.drawCells(context, view);
    this.drawGrid(context, ink);
    for (const level of model.levels) if (!model.hidden.has(level.id)) this.drawPath(context, level, ink);
    context.restore();
    this.drawAxes(context, ink);
    this.box.dataset.plot = JSON.stringify(plot);
    this.box.dataset.window = JSON.stringify(model.window);
    this.box.dataset.bound = String(model.scale.high);
    this.box.dataset.least = String(model.scale.low);
    this.box.dataset.detail = model.detail ? `${model.detail.start} ${model.detail.end}` : "";
    this.drawCursor();
  }

  /** Behind the cells: it is seen where there are none. */
  private hatch(context: CanvasRenderingContext2D, ink: Inks): void {
    const { left, top, width, height } = this.plot;
    context.strokeStyle = ink.grid;
    context.beginPath();
    for (let x = left - height; x < left + width; x += 9) {
      context.moveTo(x, top + height);
      context.lineTo(x + height, top);
    }
    context.stroke();
  }

  /** Of the whole view, also where a part of it is drawn: while a session plays, only its width and its scale change. */
  private bitmapOf(view: SessionView): Bitmap {
    const { theme, scale } = this.model!;
    const known = this.bitmaps.find((one) => one.view === view);
    if (known && known.theme === theme && known.scale === scale) return known;
    const canvas = known?.canvas ?? document.createElement("canvas");
    if (!known) [canvas.width, canvas.height] = [Math.max(1, view.columns), Math.max(1, view.strikes.length)];
    const powers = known?.scale.signed === scale.signed ? known.powers : powersOf(view.array("cells"), scale.signed);
    const bitmap = { view, theme, scale, canvas, powers };
    paint(bitmap);
    this.bitmaps = [...this.bitmaps.filter((one) => one !== known).slice(-3), bitmap];
    return bitmap;
  }

  private drawCells(context: CanvasRenderingContext2D, view: SessionView): void {
    if (!view.columns) return;
    const { canvas } = this.bitmapOf(view.origin);
    const edges = view.edges();
    const [left, right] = [this.x(view.start), this.x(view.end)];
    context.imageSmoothingEnabled = false;
    for (let row = 0; row < view.strikes.length; row += 1) {
      const top = Math.round(this.y(edges[row + 1]!));
      const bottom = Math.round(this.y(edges[row]!));
      if (bottom < this.plot.top || top > this.plot.top + this.plot.height || bottom === top) continue;
      context.drawImage(canvas, 0, canvas.height - 1 - view.rows[row]!, view.columns, 1, left, top, right - left, bottom - top);
    }
  }

  private drawGrid(context: CanvasRenderingContext2D, ink: Inks): void {
    const { plot } = this;
    context.strokeStyle = ink.grid;
    context.beginPath();
    for (const instant of this.ticks().instants) {
      context.moveTo(crisp(this.x(instant)), plot.top);
      context.lineTo(crisp(this.x(instant)), plot.top + plot.height);
    }
    for (const price of this.prices()) {
      context.moveTo(plot.left, crisp(this.y(price)));
      context.lineTo(plot.left + plot.width, crisp(this.y(price)));
    }
    context.stroke();
  }

  private ticks(): { instants: number[]; step: number } {
    const { low, high } = this.model!.window.time;
    return timeTicks(low, high, this.plot.width / 72);
  }

  prices(): number[] {
    const { low, high } = this.model!.window.price;
    return priceTicks(low, high, this.plot.height / 34);
  }

  private drawPath(context: CanvasRenderingContext2D, level: Level, ink: Inks): void {
    const { model } = this;
    if (!model) return;
    const path = new Path2D();
    const { detail, overview } = model;
    // Where the detail is, it alone is drawn; the overview leads up to it on both sides.
    const parts: [SessionView, number, number][] = detail
      ? [[overview, -Infinity, detail.start], [detail, detail.start, detail.end], [overview, detail.end, Infinity]]
      : [[overview, -Infinity, Infinity]];
    for (const [view, from, to] of parts) this.trace(path, view, level, from, to);
    context.setLineDash([]);
    context.lineJoin = "round";
    context.strokeStyle = ink.halo;
    context.lineWidth = level.width + 1.6;
    context.stroke(path);
    context.setLineDash([...level.dash]);
    context.strokeStyle = ink[level.ink];
    context.lineWidth = level.width;
    context.stroke(path);
    context.setLineDash([]);
    context.lineWidth = 1;
  }

  private trace(path: Path2D, view: SessionView, { series: name, jumps }: Level, from: number, to: number): void {
    const times = view.array("time");
    const values = view.array(name);
    const extremes = name === "spot" ? [view.array("spot_min"), view.array("spot_max")] as const : null;
    const { low, high } = this.model!.window.time;
    const margin = view.head.column_seconds;
    let down = false;
    let before = 0;
    for (let column = 0; column < view.columns; column += 1) {
      const time = times[column]!;
      if (time <= from || time > to || time < low - margin || time > high + margin) continue;
      const value = values[column]!;
      if (!value) {  // NaN: no snapshot; 0: the feed has no such level
        down = false;
        continue;
      }
      const x = this.x(time);
      if (extremes) {
        if (down) path.lineTo(x, this.y(extremes[0][column]!));
        else path.moveTo(x, this.y(extremes[0][column]!));
        path.lineTo(x, this.y(extremes[1][column]!));
        path.lineTo(x, this.y(value));
      } else if (jumps) {
        if (!down || value !== before) path.moveTo(this.x(time - margin), this.y(value));
        path.lineTo(x, this.y(value));
      } else {
        if (down) path.lineTo(x, this.y(before));  // a level stands until it moves
        path[down ? "lineTo" : "moveTo"](x, this.y(value));
      }
      before = value;
      down = true;
    }
  }

  private drawAxes(context: CanvasRenderingContext2D, ink: Inks): void {
    const { plot } = this;
    context.fillStyle = ink.dim;
    context.textAlign = "right";
    for (const price of this.prices()) {
      const y = this.y(price);
      if (y > plot.top + 4 && y < plot.top + plot.height - 2) context.fillText(fixed(price, this.digits()), plot.left - 8, y);
    }
    context.textAlign = "center";
    const { instants, step } = this.ticks();
    for (const instant of instants) {
      const x = Math.min(Math.max(this.x(instant), plot.left + 18), plot.left + plot.width - 18);
      context.fillText(tickText(instant, step), x, plot.top + plot.height + 13);
    }
    context.strokeStyle = ink.grid;
    context.strokeRect(crisp(plot.left) - 1, crisp(plot.top) - 1, plot.width + 1, plot.height + 1);
  }

  private digits(): number {
    const { low, high } = this.model!.window.price;
    return high - low < 20 ? 2 : 0;
  }

  drawCursor(): void {
    const { model, plot } = this;
    if (!model || !this.top.width) return;
    const context = this.top.clear();
    const ink = inks(model.theme);
    const x = this.x(model.instant);
    if (x >= plot.left - 1 && x <= plot.left + plot.width + 1) {
      context.strokeStyle = ink.halo;
      context.lineWidth = 3;
      line(context, x, plot.top, x, plot.top + plot.height);
      context.strokeStyle = ink.cursor;
      context.lineWidth = 1;
      line(context, crisp(x), plot.top, crisp(x), plot.top + plot.height);
      const centre = Math.min(Math.max(x, plot.left + 30), plot.left + plot.width - 30);
      plate(context, newYork(model.instant), centre, plot.top + plot.height + 13, ink.panel, ink.cursor, "center");
    }
    if (model.strike !== null) this.mark(context, ink, model.strike, ink.text);
    this.drawCrosshair(context, ink);
  }

  private drawCrosshair(context: CanvasRenderingContext2D, ink: Inks): void {
    const { plot, pointed: { instant, price } } = this;
    context.strokeStyle = ink.dim;
    context.setLineDash([2, 3]);
    const [x, y] = [instant === null ? NaN : this.x(instant), price === null ? NaN : this.y(price)];
    const [hasX, hasY] = [this.isInside(x, plot.top), this.isInside(plot.left, y)];
    if (hasX) line(context, crisp(x), plot.top, crisp(x), plot.top + plot.height);
    if (hasY) line(context, plot.left, crisp(y), plot.left + plot.width, crisp(y));
    context.setLineDash([]);
    if (hasX) plate(context, newYork(instant!), Math.min(Math.max(x, plot.left + 30), plot.left + plot.width - 30), plot.top + plot.height + 13, ink.panel, ink.dim, "center");
    if (hasY) plate(context, fixed(price, 2), plot.left - 2, y, ink.panel, ink.dim, "right");
    this.box.dataset.pointed = `${hasX ? Math.round(x) : ""} ${hasY ? Math.round(y) : ""}`;
  }

  private mark(context: CanvasRenderingContext2D, ink: Inks, price: number, colour: string): void {
    const y = this.y(price);
    const { plot } = this;
    if (y < plot.top || y > plot.top + plot.height) return;
    context.strokeStyle = colour;
    context.setLineDash([1, 3]);
    line(context, plot.left, crisp(y), plot.left + plot.width, crisp(y));
    context.setLineDash([]);
    plate(context, fixed(price, 2), plot.left - 2, y, ink.panel, colour, "right");
  }
}

export function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

export function priceTicks(low: number, high: number, most: number): number[] {
  const step = niceStep(high - low, most);
  const found: number[] = [];
  for (let price = Math.ceil(low / step) * step; price <= high; price += step) found.push(price);
  return found;
}

export type { Range };
