/** The stage: the pictures of a second, with legend and tips. Of a feed with strikes heatmap, profile and sums, of one
 * without time series. How each is drawn: ../../charts. */

import { NOWHERE } from "../../charts/canvas";
import { Heatmap, type FaintLine, type HeatmapModel } from "../../charts/heatmap";
import { Lanes } from "../../charts/lanes";
import { describeLadder, Profile } from "../../charts/profile";
import { Strip } from "../../charts/strip";
import type { Scale } from "../../colour";
import { fill, h } from "../../dom";
import { fixed, level } from "../../format";
import { numberIn } from "../../ladder";
import { shownValue, titleOf } from "../../record_types";
import { theme } from "../../theme";
import { longDate, newYork } from "../../time";
import type { SessionView } from "../../view";
import type { Actions } from "./actions";
import { covers, EXPIRY_LANES, expiriesOf, isBeside, isDifference, nameOfCompanion, partnerOf, titleOfState } from "./comparison";
import { Legend } from "./legend";
import { listenToPlane, listenToProfile, listenToSums, placeIn } from "./pointer";
import { NoteMarks } from "./note_marks";
import { found, type Pictured } from "./pointing";
import { candlesOf, known, originBeside, originOf, scaleBeside, scaleOfState, seenDetail, seenOverview } from "./seen";
import { columnsFor } from "./scales";
import { detailOf, feedOfView, isHiding, lanesOfState, overview, PANELS, panelsOf, typeOf, type Pointed, type SessionState } from "./state";
import { Tip } from "./tip";

/** While a session plays, so many times longer than drawing it takes it is not drawn anew. */
const PACE = 3;

const chart = (name: string, more: object = {}) => h("div", { class: `${name} chart`, ...more });
const KEYS = { tabindex: "0", "aria-describedby": "chart-help" };

export class Stage {
  readonly element = h("div", { class: "stage" });
  readonly strip: Strip;
  private readonly boxes: Record<Pointed["panel"], HTMLElement> = {
    heat: chart("heat", KEYS), beside: chart("beside", { hidden: true }), profile: chart("prof"), sums: chart("sums"), expiry: chart("expiry", { hidden: true }), lanes: chart("lanes", KEYS),
  };
  private readonly besideName = h("p", { class: "beside-name" });
  private readonly tips: Record<Pointed["panel"], Tip> = { heat: new Tip(), beside: new Tip(), profile: new Tip(), sums: new Tip(), expiry: new Tip(), lanes: new Tip() };
  private readonly pictures: Pictured;
  private readonly legend: Legend;
  private readonly notes: NoteMarks;
  /** What the pictures were last drawn from. */
  private drawn: { view: SessionView | null; detail: SessionView | null; scale: Scale; instant: number; ended: number; cost: number } | null = null;

  /** What stands beside the profile is another part's. */
  constructor(
    private readonly state: Readonly<SessionState>,
    actions: Actions,
    beside: HTMLElement,
  ) {
    const { boxes } = this;
    this.legend = new Legend(state, actions);
    this.notes = new NoteMarks(state, actions);
    this.strip = new Strip((date) => actions.openDate(date));
    fill(this.element, h("div", { class: "maps" }, boxes.heat, boxes.beside), boxes.lanes, boxes.profile, beside, h("div", { class: "below" }, boxes.sums, boxes.expiry), this.legend.element);
    this.pictures = {
      heat: new Heatmap(boxes.heat), beside: new Heatmap(boxes.beside), profile: new Profile(boxes.profile),
      sums: new Lanes(boxes.sums, "Sums of gamma exposure through time"), expiry: new Lanes(boxes.expiry, "Net gamma exposure by expiry through time"), lanes: new Lanes(boxes.lanes, "Numbers through time"),
    };
    boxes.beside.append(this.besideName);
    this.arrange();
    const { heat, beside: second, profile, sums, expiry, lanes } = this.pictures;
    for (const plane of [heat, second, lanes]) listenToPlane(plane, state, actions);
    for (const below of [sums, expiry]) listenToSums(below, state, actions);
    listenToProfile(profile, state, actions);
    for (const panel of PANELS) this.listenTo(panel, actions);
  }

  private listenTo(panel: Pointed["panel"], actions: Actions): void {
    const box = this.boxes[panel];
    box.append(this.tips[panel].element);
    box.addEventListener("pointermove", (event) => actions.point({ panel, ...placeIn(box, event) }));
    // A finger has no place to be when it is gone: what it touched last stays pointed at, until it touches something else.
    box.addEventListener("pointerdown", (event) => event.pointerType === "touch" && actions.point({ panel, ...placeIn(box, event) }));
    box.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && actions.point(null));
  }

  /** Only what the record type has, and what was chosen, is in its place. */
  private arrange(): void {
    const { ladder, sums } = typeOf(this.state);
    const { boxes, state } = this;
    this.element.dataset.form = ladder ? (sums.length ? "sums" : "ladder") : "lanes";
    for (const box of [boxes.heat.parentElement!, boxes.profile, this.legend.element]) box.hidden = !ladder;
    boxes.beside.hidden = !isBeside(state);
    this.element.toggleAttribute("data-beside", isBeside(state));
    boxes.sums.hidden = !sums.length;
    boxes.expiry.hidden = !state.extras.has("expiry") || !sums.length;
    boxes.lanes.hidden = Boolean(ladder);
    const axis = ladder ? boxes.heat : boxes.lanes;
    if (this.notes.element.parentElement !== axis) axis.append(this.notes.element);
  }

  /** How many columns the picture has room for. */
  get columns(): number {
    return columnsFor(Math.max(this.boxes.heat.clientWidth, this.boxes.lanes.clientWidth), devicePixelRatio);
  }

  /** Rows of charts for a picture, each a stack of canvases. */
  get canvases(): HTMLCanvasElement[][][] {
    const { ladder, sums } = typeOf(this.state);
    const { heat, beside, profile, sums: below, expiry, lanes } = this.pictures;
    if (!ladder) return [[lanes.canvases]];
    const maps = isBeside(this.state) ? [heat.canvases, beside.canvases, profile.canvases] : [heat.canvases, profile.canvases];
    return [maps, ...(sums.length ? [[below.canvases, []]] : []), ...(this.boxes.expiry.hidden ? [] : [[expiry.canvases, []]])];
  }

  show(): void {
    const { state } = this;
    const view = seenOverview(state);
    if (!view) return;
    this.arrange();
    const { window, instant, strike, hidden, value } = state;
    const scale = scaleOfState(state);
    const began = performance.now();
    const detail = seenDetail(state);
    const { ladder, sums, levels } = typeOf(state);
    const shade = theme();
    const common = { overview: view, detail, instant, theme: shade };
    const lanes = { ...common, lanes: lanesOfState(state), time: window.time, moving: `sum_${value}` };
    const { pictures, boxes } = this;
    this.showStrip();
    if (!ladder) {
      boxes.lanes.style.setProperty("--lanes", String(lanes.lanes.length));
      pictures.lanes.show({ ...lanes, axis: true });
      this.showPointed();
      return this.note(view, detail, scale, began);
    }
    const model: HeatmapModel = { ...common, scale, levels, window, strike, hidden, faint: this.faint(), candles: candlesOf(state, boxes.heat.clientWidth), origin: originOf(state), ratio: 1 };
    pictures.heat.show(model);
    this.showBeside(model);
    if (sums.length) pictures.sums.show({ ...lanes, axis: false });
    this.showExpiries();
    this.showLadder();
    this.legend.show(scale, shade);
    this.note(view, detail, scale, began);
  }

  /** The map of the other session, on the axes and the scale of this one. */
  private showBeside(model: HeatmapModel): void {
    const { state } = this;
    if (!isBeside(state)) return;
    const partner = partnerOf(state)!;
    const [whole, detail] = [known(state, partner.whole!), detailOf(state) && partner.detail && covers(partner.detail, detailOf(state)!) ? known(state, partner.detail) : null];
    const [scale, levels] = [scaleBeside(state, whole), typeOf(state).levels.filter(({ series }) => whole.has(series))];
    const ratio = isHiding(state) && partner.since > state.instant ? NaN : partner.ratio;
    this.pictures.beside.show({ ...model, overview: whole, detail, scale, levels, ratio, origin: originBeside(state), faint: [], candles: [] });
    const colours = scale === model.scale ? "" : `, colours of its own: ${fixed(scale.low)} to ${fixed(scale.high)}`;
    this.besideName.textContent = `${nameOfCompanion(partner, overview(state)!)}${colours}`;
  }

  private showExpiries(): void {
    const { state } = this;
    const whole = this.boxes.expiry.hidden ? null : expiriesOf(state, "whole");
    const { instant, window: { time } } = state;
    if (whole) this.pictures.expiry.show({ overview: known(state, whole), detail: detailOf(state) && known(state, expiriesOf(state, "detail")), lanes: EXPIRY_LANES, time, moving: "", axis: false, instant, theme: theme() });
  }

  private showStrip(): void {
    const { state } = this;
    const { strip, date, extras, value } = state;
    const days = strip.map((view, place) => (place === strip.length - 1 ? known(state, view) : view));
    const view = overview(state)!;
    this.strip.show(extras.has("strip") && typeOf(state).ladder ? { days, open: date, signed: shownValue(typeOf(state), value)?.signed ?? true, title: titleOf(feedOfView(view), value), theme: theme() } : null);
  }

  /** The closing levels of the session before. */
  private faint(): FaintLine[] {
    const { prior, hidden, extras } = this.state;
    if (!prior || !extras.has("prior")) return [];
    const day = longDate(prior.date).slice(0, 10);
    return typeOf(this.state).levels.filter(({ id }) => !hidden.has(id)).flatMap((one) => {
      const price = numberIn(prior.snapshot, one.series);
      return price ? [{ name: `${one.short} ${day}`, price, level: one }] : [];
    });
  }

  private note(view: SessionView, detail: SessionView | null, scale: Scale, began: number): void {
    const ended = performance.now();
    this.drawn = { view, detail, scale, instant: this.state.instant, ended, cost: ended - began };
  }

  /** The second and the strike alone, which move in every frame. */
  showCursor(): void {
    const { instant, strike } = this.state;
    if (!this.isPaced() && this.isOutdated()) return this.show();
    const { heat, beside, sums, expiry, lanes } = this.pictures;
    for (const map of [heat, beside]) map.moveTo(instant, strike);
    for (const series of [sums, expiry, lanes]) series.moveTo(instant);
  }

  /** What is hidden, or bounds the colours, may change with the second. */
  private isOutdated(): boolean {
    const { state, drawn } = this;
    return seenOverview(state) !== drawn?.view || seenDetail(state) !== drawn.detail || !sameScale(scaleOfState(state), drawn.scale);
  }

  /** Playing draws more of the session at a pace that leaves the screen time for the cursor: late, but never too much. */
  private isPaced(): boolean {
    const { drawn, state: { playing, instant } } = this;
    return playing && drawn !== null && instant >= drawn.instant && performance.now() - drawn.ended < PACE * drawn.cost;
  }

  showNotes(): void {
    this.notes.show();
  }

  showLadder(): void {
    const { shown, window, strike, scale, value, change } = this.state;
    const fixed = typeof scale === "number" && !change && !isDifference(this.state) ? { value, bound: scale } : null;
    this.pictures.heat.tellFrom(originOf(this.state));
    this.pictures.beside.tellFrom(originBeside(this.state));
    const type = typeOf(this.state);
    if (type.ladder) this.pictures.profile.show({ type, panels: panelsOf(this.state), snapshot: shown, price: window.price, strike, fixed, theme: theme() });
    this.showPointed();
  }

  /** The crosshair in all pictures, and the tip in the one under the pointer: whatever is drawn anew, both follow. */
  showPointed(): void {
    const { pointed } = this.state;
    const place = pointed && overview(this.state) ? found(this.state, this.pictures, pointed) : null;
    for (const panel of PANELS) {
      this.pictures[panel].point(place?.at ?? NOWHERE);
      if (place?.tip && panel === pointed?.panel) this.tips[panel].show(place.tip, this.pictures[panel].plot, pointed);
      else this.tips[panel].hide();
    }
  }

  /** The pictures in words, for those who do not see them. */
  describe(): void {
    const { instant, shown } = this.state;
    const view = overview(this.state);
    if (!view) return;
    const type = typeOf(this.state);
    const at = `${newYork(instant)} New York, spot ${level(shown?.spot)}`;
    if (!type.ladder) {
      const names = lanesOfState(this.state).map(({ title }) => title);
      return this.pictures.lanes.describe(`${type.subject} through time: ${names.join(", ") || "nothing chosen"}; ${at}`);
    }
    const zero = type.levels.some(({ id }) => id === "zero") ? `, zero gamma ${level(numberIn(shown, "zero_gamma"))}` : "";
    this.pictures.heat.describe(`${titleOfState(this.state)} by strike and time, ${at}${zero}`);
    this.pictures.profile.describe(describeLadder(type, shown));
  }
}

const sameScale = (one: Scale, other: Scale) => one.low === other.low && one.high === other.high && one.signed === other.signed;
