/** How a session is shown: its value, lines, series and scale, and whether what comes later is hidden. */

import { rememberChoices, rememberSeries } from "../../choices";
import { typeOfFeed } from "../../record_types";
import { AXES, CHANGES, type Axis, type Companion, type Extra } from "../../state";
import { seriesToggled } from "./choice";
import type { Pictures } from "./pictures";
import type { Screen } from "./screen";
import { isHiding, lookOf, overview, typeOf, valueBeside, type ScaleChoice, type SessionState, type Value } from "./state";
import type { Zoom } from "./zoom";

export class Looks {
  /** What was asked for last: the value, and the minutes of its change. */
  wanted: Value = "";
  private change = 0;

  constructor(
    private readonly state: SessionState,
    private readonly pictures: Pick<Pictures, "fetchView" | "wantDetail">,
    private readonly zoom: Pick<Zoom, "adapt">,
    private readonly screen: Pick<Screen, "show" | "showValues" | "showPlaying">,
    private readonly remember: () => void,
    /** Have what is to stand beside the session. */
    private readonly beside: { begin(): void; want(): void },
  ) {}

  /** What is shown, as it was opened. */
  begin(value: Value, change: number): void {
    this.wanted = this.state.value = value;
    this.change = this.state.change = value ? change : 0;
  }

  chooseValue(value: Value): void {
    rememberChoices({ value });
    this.choose(value, this.change);
  }

  chooseChange(minutes: number): void {
    if (this.wanted) this.choose(this.wanted, minutes);
  }

  /** Show something else as soon as it is there: until then, and if it cannot be had, what is shown keeps its name. */
  choose(value: Value, change: number): void {
    [this.wanted, this.change] = [value, change];
    void this.pictures.fetchView(value, change).then(() => {
      if (this.wanted !== value || this.change !== change) return;
      const { state } = this;
      if (!state.views.has(lookOf(value, change))) {
        [this.wanted, this.change] = [state.value, state.change];
        return;
      }
      [state.value, state.change] = [value, change];
      this.zoom.adapt();
      this.screen.show();
      this.pictures.wantDetail();
      this.beside.want();
      this.remember();
    });
  }

  otherValue(): void {
    const other = valueBeside(typeOf(this.state), this.wanted, this.state.feed);
    if (other !== this.wanted) this.chooseValue(other);
  }

  /** From the value over its changes, and back. */
  nextChange(): void {
    this.chooseChange([0, ...CHANGES][(CHANGES.indexOf(this.change) + 2) % (CHANGES.length + 1)]!);
  }

  chooseCompanion(companion: Companion | null): void {
    this.state.companion = companion;
    this.showBeside();
  }

  chooseCompare(compare: SessionState["compare"]): void {
    this.state.compare = compare;
    this.showBeside();
  }

  toggleExtra(extra: Extra): void {
    const extras = new Set(this.state.extras);
    if (!extras.delete(extra)) extras.add(extra);
    this.state.extras = extras;
    rememberChoices({ extras: [...extras] });
    this.showBeside();
  }

  private showBeside(): void {
    this.beside.begin();
    this.beside.want();
    this.screen.show();
    this.remember();
  }

  showOwn(own: SessionState["own"]): void {
    this.state.own = own;
    this.screen.show();
  }

  nextAxis(): void {
    this.chooseAxis(AXES[(AXES.indexOf(this.state.axis) + 1) % AXES.length]!);
  }

  chooseAxis(axis: Axis): void {
    this.state.axis = axis;
    rememberChoices({ axis });
    this.screen.show();
    this.remember();
  }

  toggleOverlay(id: string): void {
    const hidden = new Set(this.state.hidden);
    if (!hidden.delete(id)) hidden.add(id);
    this.state.hidden = hidden;
    rememberChoices({ hidden: [...hidden] });
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
