/** Strike by time in colours, with the path of spot and the levels over it. */

import type { Scale, Theme } from "../colour";
import { fixed, niceStep, signed } from "../format";
import type { Candle } from "../own/candles";
import type { Level } from "../record_types";
import { newYork, tickText, timeTicks } from "../time";
import type { SessionView } from "../view";
import type { Range, Window } from "../window";
import { Bitmaps } from "./bitmap";
import { crisp, inks, NOWHERE, plate, spread, Surface, type Crosshair, type Inks, type Plot } from "./canvas";

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
  /** Levels of the session before, as faint lines. */
  faint: readonly FaintLine[];
  /** The reader's own bars, over the cells and under the lines. */
  candles: readonly Candle[];
  /** What is written at the prices: themselves, or how far from this they are. */
  origin: PriceOrigin | null;
  /** So many times a price is written: more or less than once in a map of another ticker. */
  ratio: number;
  theme: Theme;
}

export interface FaintLine {
  name: string;
  price: number;
  level: Level;
}

/** A price that others are told from, in points or in percent of it. */
export interface PriceOrigin {
  price: number;
  unit: "points" | "percent";
}

export class Heatmap {
  private readonly base: Surface;
  private readonly top: Surface;
  private readonly bitmaps = new Bitmaps(4);
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
    return this.model !== null && x >= left && x <= left + width && y >= top && y <= top + height;
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

  /** The price that others are told from moves with the second. */
  tellFrom(origin: PriceOrigin | null): void {
    const { model } = this;
    if (!model || (model.origin?.price === origin?.price && model.origin?.unit === origin?.unit)) return;
    this.show({ ...model, origin });
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
    this.drawCandles(context, ink);
    this.drawFaint(context, ink);
    for (const level of model.levels) if (!model.hidden.has(level.id)) this.drawPath(context, level, ink);
    context.restore();
    this.drawAxes(context, ink);
    this.box.dataset.plot = JSON.stringify(plot);
    this.box.dataset.prices = JSON.stringify(this.prices().map((price) => [price, this.priceText(price, this.digits())]));
    this.box.dataset.window = JSON.stringify(model.window);
    this.box.dataset.candles = String(model.candles.length);
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

  private drawCells(context: CanvasRenderingContext2D, view: SessionView): void {
    if (!view.columns) return;
    const { theme, scale } = this.model!;
    const canvas = this.bitmaps.of(view.origin, scale, theme);
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

  /** Round prices, or prices at round distances. */
  prices(): number[] {
    const { window: { price: { low, high } }, origin, ratio } = this.model!;
    if (!origin) return priceTicks(low * ratio, high * ratio, this.plot.height / 34).map((price) => price / ratio);
    const unit = unitOf(origin, ratio);
    return priceTicks((low - origin.price) / unit, (high - origin.price) / unit, this.plot.height / 34).map((distance) => origin.price + distance * unit);
  }

  /** A price as it is written at the axis. */
  private priceText(price: number, digits: number): string {
    const { origin, ratio } = this.model!;
    if (!origin) return fixed(price * ratio, digits);
    const distance = (price - origin.price) / unitOf(origin, ratio);
    return origin.unit === "percent" ? `${signed(distance, 2)} %` : signed(distance, digits);
  }

  /** Hollow where it closed no lower than it opened, else filled. */
  private drawCandles(context: CanvasRenderingContext2D, ink: Inks): void {
    context.strokeStyle = ink.text;
    for (const { start, end, open, high, low, close } of this.model!.candles) {
      const [left, right] = [this.x(start), this.x(end)];
      const width = Math.max(2, Math.min(14, (right - left) * 0.7));
      const [middle, top, bottom] = [(left + right) / 2, this.y(Math.max(open, close)), this.y(Math.min(open, close))];
      line(context, crisp(middle), this.y(high), crisp(middle), this.y(low));
      context.fillStyle = close >= open ? ink.panel : ink.text;
      context.fillRect(middle - width / 2, top, width, Math.max(1, bottom - top));
      context.strokeRect(middle - width / 2, top, width, Math.max(1, bottom - top));
    }
  }

  /** Right across, with their names at the left edge. */
  private drawFaint(context: CanvasRenderingContext2D, ink: Inks): void {
    const { left, top, width, height } = this.plot;
    const inView = this.model!.faint.filter(({ price }) => this.isInside(left, this.y(price)));
    const places = spread(inView.map(({ price }) => this.y(price)), 13, top + 7, top + height - 7);
    inView.forEach(({ name, price, level }, index) => {
      const y = crisp(this.y(price));
      context.globalAlpha = 0.6;
      context.strokeStyle = ink[level.ink];
      context.setLineDash([2, 4]);
      line(context, left, y, left + width, y);
      context.globalAlpha = 1;
      context.setLineDash([]);
      context.textAlign = "left";
      context.fillStyle = ink.panel;
      context.fillRect(left + 2, places[index]! - 6, context.measureText(name).width + 6, 12);
      context.fillStyle = ink[level.ink];
      context.fillText(name, left + 5, places[index]! + 0.5);
    });
    this.box.dataset.faint = JSON.stringify(inView.map(({ name, price }) => [name, price]));
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
      if (y > plot.top + 4 && y < plot.top + plot.height - 2) context.fillText(this.priceText(price, this.digits()), plot.left - 8, y);
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
    const { window: { price: { low, high } }, ratio } = this.model!;
    return (high - low) * ratio < 20 ? 2 : 0;
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
    } else {
      const isBefore = x < plot.left; // out of sight: where to look for it
      plate(context, isBefore ? `◂ ${newYork(model.instant)}` : `${newYork(model.instant)} ▸`, isBefore ? plot.left : plot.left + plot.width, plot.top + plot.height + 13, ink.panel, ink.cursor, isBefore ? "left" : "right");
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
    if (hasY) plate(context, this.priceText(price!, 2), plot.left - 2, y, ink.panel, ink.dim, "right");
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
    plate(context, this.priceText(price, 2), plot.left - 2, y, ink.panel, colour, "right");
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
  for (let count = Math.ceil(low / step); count * step <= high; count += 1) found.push(count * step);
  return found;
}

/** How much a point, or a percent, is in price. */
const unitOf = ({ price, unit }: PriceOrigin, ratio: number) => (unit === "percent" ? price / 100 : 1 / ratio);

export type { Range };
