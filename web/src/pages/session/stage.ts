/** The stage: the pictures of a second, with legend and tips. Of a feed with strikes heatmap, profile and sums, of one
 * without time series. How each is drawn: ../../charts. */

import { Heatmap } from "../../charts/heatmap";
import { Lanes } from "../../charts/lanes";
import { describeLadder, Profile } from "../../charts/profile";
import { fill, h } from "../../dom";
import { level } from "../../format";
import { numberIn } from "../../ladder";
import { titleOf } from "../../record_types";
import { theme } from "../../theme";
import { newYork } from "../../time";
import type { Actions } from "./actions";
import { Legend } from "./legend";
import { listenToPlane, listenToProfile, listenToSums, type Place } from "./pointer";
import { columnsFor } from "./scales";
import { detailOf, feedOfView, lanesOfState, overview, panelsOf, scaleOfState, typeOf, type SessionState } from "./state";
import { seriesTip, Tip, tipContent } from "./tip";

export class Stage {
  readonly element = h("div", { class: "stage" });
  private readonly heatBox = h("div", { class: "heat chart", tabindex: "0", "aria-describedby": "chart-help" });
  private readonly profileBox = h("div", { class: "prof chart" });
  private readonly sumsBox = h("div", { class: "sums chart" });
  private readonly lanesBox = h("div", { class: "lanes chart", tabindex: "0", "aria-describedby": "chart-help" });
  private readonly tip = new Tip();
  private readonly lanesTip = new Tip();
  private readonly legend: Legend;
  private readonly heat: Heatmap;
  private readonly profile: Profile;
  private readonly sums: Lanes;
  private readonly lanes: Lanes;

  /** What stands beside the profile is another part's. */
  constructor(
    private readonly state: Readonly<SessionState>,
    actions: Actions,
    beside: HTMLElement,
  ) {
    this.legend = new Legend(state);
    fill(this.element, this.heatBox, this.lanesBox, this.profileBox, beside, this.sumsBox, this.legend.element);
    this.heatBox.append(this.tip.element);
    this.lanesBox.append(this.lanesTip.element);
    this.heat = new Heatmap(this.heatBox);
    this.profile = new Profile(this.profileBox);
    this.sums = new Lanes(this.sumsBox, "Sums of gamma exposure through time");
    this.lanes = new Lanes(this.lanesBox, "Numbers through time");
    this.arrange();
    listenToPlane(this.heat, state, actions, (place) => this.hover(place));
    listenToPlane(this.lanes, state, actions, (place) => this.hoverLanes(place));
    listenToSums(this.sums, state, actions);
    listenToProfile(this.profile, state, actions);
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
    const view = overview(state);
    if (!view) return;
    this.arrange();
    const { window, instant, strike, hidden, value } = state;
    const { ladder, sums, levels } = typeOf(state);
    const shade = theme();
    const common = { overview: view, detail: detailOf(state), instant, theme: shade };
    const lanes = { ...common, lanes: lanesOfState(state), time: window.time, moving: `sum_${value}` };
    if (!ladder) {
      this.lanesBox.style.setProperty("--lanes", String(lanes.lanes.length));
      return this.lanes.show({ ...lanes, axis: true });
    }
    this.heat.show({ ...common, scale: scaleOfState(state), levels, window, strike, hidden });
    if (sums.length) this.sums.show({ ...lanes, axis: false });
    this.showLadder();
    this.legend.show(shade);
  }

  /** The second and the strike alone, which move in every frame. */
  showCursor(): void {
    const { instant, strike } = this.state;
    this.heat.moveTo(instant, strike);
    this.sums.moveTo(instant);
    this.lanes.moveTo(instant);
  }

  showLadder(): void {
    const { shown, window, strike } = this.state;
    const type = typeOf(this.state);
    if (type.ladder) this.profile.show({ type, panels: panelsOf(this.state), snapshot: shown, price: window.price, strike, theme: theme() });
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

  private hover(place: Place | null): void {
    const { heat } = this;
    heat.hover = place;
    heat.drawCursor();
    if (!place || !heat.isInside(place.x, place.y)) return this.tip.hide();
    const instant = heat.instantAt(place.x);
    this.tip.show(tipContent(heat.viewAt(instant), this.state.value, instant, heat.priceAt(place.y)), heat.plot, place);
  }

  private hoverLanes(place: Place | null): void {
    const { lanes } = this;
    lanes.hover = place;
    lanes.drawCursor();
    const lane = place && lanes.isInside(place.x, place.y) ? lanes.laneAt(place.y) : null;
    if (!place || !lane) return this.lanesTip.hide();
    const instant = lanes.instantAt(place.x);
    this.lanesTip.show(seriesTip(lanes.viewAt(instant), lane, instant), lanes.plot, place);
  }
}
