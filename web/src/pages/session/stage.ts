/** The stage: heatmap, profile and sums, which show the same second, with legend and tip. How each is drawn: ../../charts. */

import { Heatmap } from "../../charts/heatmap";
import { describeLadder, Profile } from "../../charts/profile";
import { Sums } from "../../charts/sums";
import { fill, h } from "../../dom";
import { level } from "../../format";
import { theme } from "../../theme";
import { newYork } from "../../time";
import type { Actions } from "./actions";
import { Legend } from "./legend";
import { listenToHeatmap, listenToProfile, listenToSums, type Place } from "./pointer";
import { columnsFor } from "./scales";
import { boundOf, detailOf, lacksOpenInterest, overview, type SessionState } from "./state";
import { Tip } from "./tip";

export class Stage {
  readonly element = h("div", { class: "stage" });
  private readonly heatBox = h("div", { class: "heat chart", tabindex: "0", "aria-describedby": "chart-help" });
  private readonly profileBox = h("div", { class: "prof chart" });
  private readonly sumsBox = h("div", { class: "sums chart" });
  private readonly tip = new Tip();
  private readonly legend: Legend;
  private readonly heat: Heatmap;
  private readonly profile: Profile;
  private readonly sums: Sums;

  /** What stands beside the profile is another part's. */
  constructor(
    private readonly state: Readonly<SessionState>,
    actions: Actions,
    beside: HTMLElement,
  ) {
    this.legend = new Legend(state);
    fill(this.element, this.heatBox, this.profileBox, beside, this.sumsBox, this.legend.element);
    this.heatBox.append(this.tip.element);
    this.heat = new Heatmap(this.heatBox);
    this.profile = new Profile(this.profileBox);
    this.sums = new Sums(this.sumsBox);
    listenToHeatmap(this.heat, state, actions, (place) => this.hover(place));
    listenToSums(this.sums, state, actions);
    listenToProfile(this.profile, state, actions);
  }

  /** How many columns the heatmap has room for. */
  get columns(): number {
    return columnsFor(this.heatBox.clientWidth, devicePixelRatio);
  }

  /** Rows of charts for a picture, each a stack of canvases. */
  get canvases(): HTMLCanvasElement[][][] {
    return [[this.heat.canvases, this.profile.canvases], [this.sums.canvases, []]];
  }

  show(): void {
    const { state } = this;
    const view = overview(state);
    if (!view) return;
    const { window, instant, strike, hidden, value } = state;
    const detail = detailOf(state);
    const shade = theme();
    this.heat.show({ overview: view, detail, bound: boundOf(state), window, instant, strike, hidden, theme: shade });
    this.sums.show({ overview: view, detail, time: window.time, instant, value, theme: shade });
    this.showLadder();
    this.legend.show(shade);
  }

  /** The second and the strike alone, which move in every frame. */
  showCursor(): void {
    this.heat.moveTo(this.state.instant, this.state.strike);
    this.sums.moveTo(this.state.instant);
  }

  showLadder(): void {
    const { shown, window, strike } = this.state;
    this.profile.show({ snapshot: shown, price: window.price, strike, theme: theme(), noOpenInterest: lacksOpenInterest(this.state) });
  }

  /** The pictures in words, for those who do not see them. */
  describe(): void {
    const { instant, shown } = this.state;
    this.heat.describe(`Gamma exposure by strike and time, ${newYork(instant)} New York, spot ${level(shown?.spot)}, zero gamma ${level(shown?.zero_gamma)}`);
    this.profile.describe(describeLadder(shown));
  }

  private hover(place: Place | null): void {
    this.heat.hover = place;
    this.heat.drawCursor();
    if (place && this.heat.isInside(place.x, place.y)) this.tip.show(this.heat, this.state.value, place);
    else this.tip.hide();
  }
}
