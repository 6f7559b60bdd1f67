/** How a session is shown: its value, lines, series and scale, and whether what comes later is hidden. */

import { rememberSeries } from "../../choices";
import { typeOfFeed } from "../../record_types";
import { seriesToggled } from "./choice";
import type { Pictures } from "./pictures";
import type { Screen } from "./screen";
import { isHiding, overview, typeOf, valueBeside, type ScaleChoice, type SessionState, type Value } from "./state";
import type { Zoom } from "./zoom";

export class Looks {
  /** The value that was asked for last. */
  wanted: Value = "";

  constructor(
    private readonly state: SessionState,
    private readonly pictures: Pick<Pictures, "fetchView" | "wantDetail">,
    private readonly zoom: Pick<Zoom, "adapt">,
    private readonly screen: Pick<Screen, "show" | "showValues" | "showPlaying">,
    private readonly remember: () => void,
  ) {}

  /** Show a value as soon as it is there: until then, and if it cannot be had, what is shown keeps its name. */
  chooseValue(value: Value): void {
    this.wanted = value;
    void this.pictures.fetchView(value).then(() => {
      if (this.wanted !== value) return;
      if (!this.state.views.has(value)) {
        this.wanted = this.state.value;
        return;
      }
      this.state.value = value;
      this.zoom.adapt();
      this.screen.show();
      this.pictures.wantDetail();
      this.remember();
    });
  }

  otherValue(): void {
    const other = valueBeside(typeOf(this.state), this.wanted, this.state.feed);
    if (other !== this.wanted) this.chooseValue(other);
  }

  toggleOverlay(id: string): void {
    const hidden = new Set(this.state.hidden);
    if (!hidden.delete(id)) hidden.add(id);
    this.state.hidden = hidden;
    this.screen.show();
    this.remember();
  }

  toggleSeries(name: string): void {
    this.chooseSeries(seriesToggled(typeOf(this.state), this.state.series, name));
  }

  usualSeries(): void {
    this.chooseSeries(typeOf(this.state).usual);
  }

  private chooseSeries(names: readonly string[]): void {
    this.state.series = names;
    rememberSeries(names);
    this.screen.show();
    this.screen.showValues();
    this.remember();
  }

  chooseScale(scale: ScaleChoice): void {
    this.state.scale = scale;
    this.screen.show();
    this.remember();
  }

  toggleLater(): void {
    this.setLater(!isHiding(this.state));
  }

  /** Playing hides what comes later, unless a reader wants to see it. */
  hideForPlay(): void {
    if (this.state.later === "") this.setLater(true);
  }

  private setLater(isHidden: boolean): void {
    this.state.later = isHidden ? "hidden" : "shown";
    if (overview(this.state)) this.zoom.adapt();
    this.screen.show();
    this.screen.showPlaying();
    this.remember();
  }

  /** The series that a link to another feed keeps. */
  seriesFor(feed: SessionState["feed"]): string[] | null {
    return typeOfFeed(feed).groups.length ? [...this.state.series] : null;
  }
}
