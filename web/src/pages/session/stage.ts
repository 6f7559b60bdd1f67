/** The stage: the pictures of a second, with legend and tips. Of a feed with strikes heatmap, profile and sums, of one
 * without time series. How each is drawn: ../../charts. */

import { NOWHERE, type Crosshair, type Plot } from "../../charts/canvas";
import { Heatmap } from "../../charts/heatmap";
import { Lanes } from "../../charts/lanes";
import { describeLadder, Profile } from "../../charts/profile";
import type { Scale } from "../../colour";
import { fill, h } from "../../dom";
import { level } from "../../format";
import { numberIn } from "../../ladder";
import { titleOf } from "../../record_types";
import { theme } from "../../theme";
import { newYork } from "../../time";
import type { SessionView } from "../../view";
import type { Actions } from "./actions";
import { Legend } from "./legend";
import { listenToPlane, listenToProfile, listenToSums, placeIn } from "./pointer";
import { columnsFor } from "./scales";
import { scaleOfState, seenDetail, seenOverview } from "./seen";
import { feedOfView, isHiding, lanesOfState, overview, PANELS, panelsOf, typeOf, type Pointed, type SessionState } from "./state";
import { hiddenTip, profileTip, seriesTip, Tip, tipContent, type TipContent } from "./tip";

/** While a session plays, so many times longer than drawing it takes it is not drawn anew. */
const PACE = 3;

/** A picture that the pointer can be over. */
interface Pointable {
  readonly plot: Plot;
  isInside(x: number, y: number): boolean;
  point(place: Crosshair): void;
  instantAt?(x: number): number;
  priceAt?(y: number): number;
}

export class Stage {
  readonly element = h("div", { class: "stage" });
  private readonly heatBox = h("div", { class: "heat chart", tabindex: "0", "aria-describedby": "chart-help" });
  private readonly profileBox = h("div", { class: "prof chart" });
  private readonly sumsBox = h("div", { class: "sums chart" });
  private readonly lanesBox = h("div", { class: "lanes chart", tabindex: "0", "aria-describedby": "chart-help" });
  private readonly tips: Record<Pointed["panel"], Tip> = { heat: new Tip(), profile: new Tip(), sums: new Tip(), lanes: new Tip() };
  private readonly pictures: Record<Pointed["panel"], Pointable>;
  private readonly legend: Legend;
  private readonly heat: Heatmap;
  private readonly profile: Profile;
  private readonly sums: Lanes;
  private readonly lanes: Lanes;
  /** What the pictures were last drawn from. */
  private drawn: { view: SessionView | null; detail: SessionView | null; scale: Scale; instant: number; ended: number; cost: number } | null = null;

  /** What stands beside the profile is another part's. */
  constructor(
    private readonly state: Readonly<SessionState>,
    actions: Actions,
    beside: HTMLElement,
  ) {
    this.legend = new Legend(state, actions);
    fill(this.element, this.heatBox, this.lanesBox, this.profileBox, beside, this.sumsBox, this.legend.element);
    this.heat = new Heatmap(this.heatBox);
    this.profile = new Profile(this.profileBox);
    this.sums = new Lanes(this.sumsBox, "Sums of gamma exposure through time");
    this.lanes = new Lanes(this.lanesBox, "Numbers through time");
    this.pictures = { heat: this.heat, profile: this.profile, sums: this.sums, lanes: this.lanes };
    this.arrange();
    listenToPlane(this.heat, state, actions);
    listenToPlane(this.lanes, state, actions);
    listenToSums(this.sums, state, actions);
    listenToProfile(this.profile, state, actions);
    for (const panel of PANELS) this.listenTo(panel, actions);
  }

  private listenTo(panel: Pointed["panel"], actions: Actions): void {
    const box = { heat: this.heatBox, profile: this.profileBox, sums: this.sumsBox, lanes: this.lanesBox }[panel];
    box.append(this.tips[panel].element);
    box.addEventListener("pointermove", (event) => actions.point({ panel, ...placeIn(box, event) }));
    box.addEventListener("pointerleave", () => actions.point(null));
  }

  /** Only what the record type has is in its place. */
  private arrange(): void {
    const { ladder, sums } = typeOf(this.state);
    this.element.dataset.form = ladder ? (sums.length ? "sums" : "ladder") : "lanes";
    for (const box of [this.heatBox, this.profileBox, this.legend.element]) box.hidden = !ladder;
    this.sumsBox.hidden = !sums.length;
    this.lanesBox.hidden = Boolean(ladder);
  }

  /** How many columns the picture has room for. */
  get columns(): number {
    return columnsFor(Math.max(this.heatBox.clientWidth, this.lanesBox.clientWidth), devicePixelRatio);
  }

  /** Rows of charts for a picture, each a stack of canvases. */
  get canvases(): HTMLCanvasElement[][][] {
    const { ladder, sums } = typeOf(this.state);
    if (!ladder) return [[this.lanes.canvases]];
    const pictures = [[this.heat.canvases, this.profile.canvases]];
    return sums.length ? [...pictures, [this.sums.canvases, []]] : pictures;
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
    if (!ladder) {
      this.lanesBox.style.setProperty("--lanes", String(lanes.lanes.length));
      this.lanes.show({ ...lanes, axis: true });
      this.showPointed();
      return this.note(view, detail, scale, began);
    }
    this.heat.show({ ...common, scale, levels, window, strike, hidden });
    if (sums.length) this.sums.show({ ...lanes, axis: false });
    this.showLadder();
    this.legend.show(scale, shade);
    this.note(view, detail, scale, began);
  }

  private note(view: SessionView, detail: SessionView | null, scale: Scale, began: number): void {
    const ended = performance.now();
    this.drawn = { view, detail, scale, instant: this.state.instant, ended, cost: ended - began };
  }

  /** The second and the strike alone, which move in every frame. */
  showCursor(): void {
    const { instant, strike } = this.state;
    if (!this.isPaced() && this.isOutdated()) return this.show();
    this.heat.moveTo(instant, strike);
    this.sums.moveTo(instant);
    this.lanes.moveTo(instant);
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

  showLadder(): void {
    const { shown, window, strike } = this.state;
    const type = typeOf(this.state);
    if (type.ladder) this.profile.show({ type, panels: panelsOf(this.state), snapshot: shown, price: window.price, strike, theme: theme() });
    this.showPointed();
  }

  /** The crosshair in all pictures, and the tip in the one under the pointer: whatever is drawn anew, both follow. */
  showPointed(): void {
    const { pointed } = this.state;
    const found = pointed && overview(this.state) ? this.found(pointed) : null;
    for (const panel of PANELS) {
      this.pictures[panel].point(found?.at ?? NOWHERE);
      if (found?.tip && panel === pointed?.panel) this.tips[panel].show(found.tip, this.pictures[panel].plot, pointed);
      else this.tips[panel].hide();
    }
  }

  private found({ panel, x, y }: Pointed): { at: Crosshair; tip: TipContent | null } | null {
    const picture = this.pictures[panel];
    if (!picture.isInside(x, y)) return null;
    const at = { instant: picture.instantAt?.(x) ?? null, price: picture.priceAt?.(y) ?? null };
    return { at, tip: this.tipAt(panel, at, y) };
  }

  private tipAt(panel: Pointed["panel"], { instant, price }: Crosshair, y: number): TipContent | null {
    const { state } = this;
    if (panel === "profile") return profileTip(typeOf(state), panelsOf(state), state.shown, price!);
    if (isHiding(state) && instant! > Math.max(seenOverview(state)!.end, seenDetail(state)?.end ?? 0)) return hiddenTip(instant!);
    if (panel === "heat") return tipContent(this.heat.viewAt(instant!), state.value, instant!, price!);
    const lanes = panel === "sums" ? this.sums : this.lanes;
    const lane = lanes.laneAt(y);
    return lane && seriesTip(lanes.viewAt(instant!), lane, instant!);
  }

  /** The pictures in words, for those who do not see them. */
  describe(): void {
    const { instant, shown, value } = this.state;
    const view = overview(this.state);
    if (!view) return;
    const type = typeOf(this.state);
    const at = `${newYork(instant)} New York, spot ${level(shown?.spot)}`;
    if (!type.ladder) {
      const names = lanesOfState(this.state).map(({ title }) => title);
      return this.lanes.describe(`${type.subject} through time: ${names.join(", ") || "nothing chosen"}; ${at}`);
    }
    const zero = type.levels.some(({ id }) => id === "zero") ? `, zero gamma ${level(numberIn(shown, "zero_gamma"))}` : "";
    this.heat.describe(`${titleOf(feedOfView(view), value)} by strike and time, ${at}${zero}`);
    this.profile.describe(describeLadder(type, shown));
  }
}

const sameScale = (one: Scale, other: Scale) => one.low === other.low && one.high === other.high && one.signed === other.signed;
