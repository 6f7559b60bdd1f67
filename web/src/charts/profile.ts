/** The ladder at the chosen second: bars by volume with their earlier values as dots, bars by open interest. */

import type { Snapshot } from "../api";
import type { Theme } from "../colour";
import { compact, fixed, level, niceCeiling } from "../format";
import type { Range } from "../window";
import { crisp, inks, plate, Surface, type Inks } from "./canvas";
import { FOOT, line, priceTicks } from "./heatmap";

const TOP = 6;
const GAP = 14;
const LABELS = 64;

interface Panel {
  left: number;
  width: number;
  bound: number;
  title: string;
}

export interface ProfileModel {
  snapshot: Snapshot | null;
  price: Range;
  strike: number | null;
  theme: Theme;
  /** Whether open interest is nothing that this feed reports. */
  noOpenInterest: boolean;
}

export class Profile {
  private readonly surface: Surface;
  private model: ProfileModel | null = null;

  constructor(readonly box: HTMLElement) {
    this.surface = new Surface(box, "Profile of gamma exposure by strike", () => this.draw());
  }

  get canvases(): HTMLCanvasElement[] {
    return [this.surface.canvas];
  }

  describe(text: string): void {
    this.surface.canvas.setAttribute("aria-label", text);
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
    const snapshot = model.snapshot;
    const space = this.surface.width - LABELS;
    const width = model.noOpenInterest ? space - 8 : (space - GAP - 8) / 2;
    const inView = (snapshot?.strikes ?? []).filter(([strike]) => strike >= model.price.low && strike <= model.price.high);
    const largest = (of: (row: Snapshot["strikes"][number]) => number) => inView.reduce((most, row) => Math.max(most, of(row)), 0);
    const byVolume: Panel = {
      left: 4,
      width,
      title: "Volume",
      bound: niceCeiling(largest(([, vol, , priors]) => Math.max(Math.abs(vol ?? 0), ...(priors ?? []).map((p) => Math.abs(p ?? 0))))),
    };
    const byInterest: Panel = { left: 4 + width + GAP, width, title: "Open interest", bound: niceCeiling(largest(([, , oi]) => Math.abs(oi ?? 0))) };
    const panels = model.noOpenInterest ? [byVolume] : [byVolume, byInterest];
    for (const panel of panels) this.drawFrame(context, panel, ink);
    this.box.dataset.panels = JSON.stringify({ panels, top: TOP, height: this.height });
    if (!snapshot) return;
    const rowHeight = Math.max(1, Math.min(13, this.spacing(inView) * 0.68));
    context.save();
    context.beginPath();
    context.rect(0, TOP, this.surface.width, this.height);
    context.clip();
    for (const [strike, vol, oi, priors] of inView) {
      const y = this.y(strike);
      this.drawBar(context, byVolume, y, rowHeight, vol ?? 0, ink);
      if (!model.noOpenInterest) this.drawBar(context, byInterest, y, rowHeight, oi ?? 0, ink);
      this.drawPriors(context, byVolume, y, priors ?? [], ink);
      if (model.strike === strike) {
        context.strokeStyle = ink.text;
        for (const panel of panels) context.strokeRect(panel.left + 0.5, crisp(y - rowHeight / 2) - 1.5, panel.width - 1, rowHeight + 2);
      }
    }
    context.restore();
    this.drawLevels(context, snapshot, ink);
  }

  private spacing(rows: Snapshot["strikes"]): number {
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last || rows.length < 2) return 12;
    return Math.abs(this.y(first[0]) - this.y(last[0])) / (rows.length - 1);
  }

  private drawFrame(context: CanvasRenderingContext2D, panel: Panel, ink: Inks): void {
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
    context.strokeStyle = ink.dim;
    line(context, crisp(centre), TOP, crisp(centre), TOP + this.height);
    context.strokeStyle = ink.grid;
    context.strokeRect(crisp(panel.left) - 1, crisp(TOP) - 1, panel.width + 1, this.height + 1);
    context.fillStyle = ink.dim;
    const y = TOP + this.height + 13;
    context.textAlign = "left";
    context.fillText(compact(-panel.bound), panel.left, y);
    context.textAlign = "right";
    context.fillText(compact(panel.bound), panel.left + panel.width, y);
    context.textAlign = "center";
    context.fillStyle = ink.text;
    context.fillText(panel.width > 150 ? panel.title : panel.title === "Volume" ? "Vol" : "OI", centre, y);
  }

  private x(panel: Panel, value: number): number {
    return panel.left + panel.width / 2 + (Math.max(-1, Math.min(1, value / panel.bound)) * panel.width) / 2;
  }

  private drawBar(context: CanvasRenderingContext2D, panel: Panel, y: number, height: number, value: number, ink: Inks): void {
    if (!value) return;
    const zero = this.x(panel, 0);
    const x = this.x(panel, value);
    context.fillStyle = value > 0 ? ink.positive : ink.negative;
    context.fillRect(Math.min(zero, x), y - height / 2, Math.max(1, Math.abs(x - zero)), height);
  }

  /** The earlier a value, the fainter its dot. */
  private drawPriors(context: CanvasRenderingContext2D, panel: Panel, y: number, priors: (number | null)[], ink: Inks): void {
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
    const wanted = [
      { name: "spot", price: snapshot.spot, ink: ink.spot, dash: [] as number[] },
      { name: "zero", price: snapshot.zero_gamma, ink: ink.zero, dash: [] as number[] },
      { name: "+vol", price: snapshot.major_pos_vol, ink: ink.positive, dash: [] as number[] },
      { name: "−vol", price: snapshot.major_neg_vol, ink: ink.negative, dash: [] as number[] },
      { name: "+OI", price: snapshot.major_pos_oi, ink: ink.positive, dash: [4, 3] },
      { name: "−OI", price: snapshot.major_neg_oi, ink: ink.negative, dash: [4, 3] },
    ].filter((one): one is typeof one & { price: number } => !!one.price && one.price >= this.model!.price.low && one.price <= this.model!.price.high);
    for (const { price, ink: colour, dash } of wanted) {
      context.strokeStyle = colour;
      context.globalAlpha = 0.8;
      context.setLineDash(dash);
      line(context, 4, crisp(this.y(price)), right - 2, crisp(this.y(price)));
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    const places = spread(wanted.map(({ price }) => this.y(price)), 15, TOP + 7, TOP + this.height - 7);
    wanted.forEach(({ name, price, ink: colour }, index) => {
      const y = places[index]!;
      context.strokeStyle = colour;
      line(context, right - 2, this.y(price), right + 6, y);
      if (name === "spot") plate(context, fixed(price, price < 1000 ? 2 : 0), right + 6, y, ink.panel, ink.spot);
      else {
        context.fillStyle = colour;
        context.textAlign = "left";
        context.fillText(`${name}`, right + 10, y + 0.5);
      }
    });
  }
}

/** Places as near to those wished for as they can be with `least` between any two. */
export function spread(wished: number[], least: number, low: number, high: number): number[] {
  const order = wished.map((place, index) => ({ place, index })).sort((one, other) => one.place - other.place);
  let before = low - least;
  for (const one of order) {
    one.place = Math.max(one.place, before + least);
    before = one.place;
  }
  let after = high + least;
  for (const one of order.reverse()) {
    one.place = Math.min(one.place, after - least);
    after = one.place;
  }
  const found = new Array<number>(wished.length);
  for (const { place, index } of order) found[index] = place;
  return found;
}

export function describeLadder(snapshot: Snapshot | null): string {
  if (!snapshot) return "Profile: no snapshot at this second";
  const largest = snapshot.strikes.reduce((most, row) => (Math.abs(row[1] ?? 0) > Math.abs(most[1] ?? 0) ? row : most), snapshot.strikes[0] ?? [0, 0, 0]);
  return `Profile of ${snapshot.strikes.length} strikes, spot ${level(snapshot.spot)}, largest by volume ${fixed(largest[1])} at ${fixed(largest[0])}`;
}
