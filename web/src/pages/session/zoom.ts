/** What of the session is in view: zoomed, moved, and following the chosen second and strike. How far: ./scales. */

import type { Timers } from "../../timers";
import { fit, follow, same, type Window } from "../../window";
import type { Pictures } from "./pictures";
import { panned, within, zoomedPrice, zoomedTime } from "./scales";
import type { Screen } from "./screen";
import { wholeOfState } from "./seen";
import { overview, type SessionState } from "./state";

/** What follows within this time is one gesture: one step back undoes it. */
const GESTURE_MS = 400;
const MOST_STEPS = 50;

export class Zoom {
  private steps: Window[] = [];
  private isMoving = false;
  /** All that could be in view when this was last looked at. */
  private whole: Window | null = null;

  constructor(
    private readonly state: SessionState,
    private readonly pictures: Pick<Pictures, "wantDetail" | "dropDetail">,
    private readonly screen: Pick<Screen, "show">,
    private readonly timers: Timers,
    private readonly remember: () => void,
  ) {}

  /** Begin with a window of a session that has just been opened. */
  begin(window: Window): void {
    this.whole = wholeOfState(this.state);
    this.state.window = window;
    this.steps = [];
  }

  /** What was all stays all where there is more of it by now, or less; what was zoomed stays as it is. */
  adapt(): void {
    const { window } = this.state;
    const [before, whole] = [this.whole ?? window, wholeOfState(this.state)];
    this.whole = whole;
    const time = same(window.time, before.time) ? whole.time : window.time;
    const price = same(window.price, before.price) ? whole.price : window.price;
    if (!same(time, window.time) || !same(price, window.price)) this.state.window = { time, price };
  }

  /** Bring a second into view; false where it is already. */
  followTime(instant: number): boolean {
    const { window } = this.state;
    const time = follow(window.time, wholeOfState(this.state).time, instant);
    if (same(time, window.time)) return false;
    this.apply({ ...window, time });
    return true;
  }

  /** Bring a price into view. */
  followPrice(price: number): void {
    const { window } = this.state;
    const moved = follow(window.price, wholeOfState(this.state).price, price);
    if (!same(moved, window.price)) this.setWindow({ ...window, price: moved });
  }

  resetWindow(): void {
    if (!overview(this.state)) return;
    this.pictures.dropDetail();
    this.setWindow(wholeOfState(this.state));
  }

  zoomTime(factor: number, around = this.state.instant): void {
    if (overview(this.state)) this.setWindow(zoomedTime(this.state.window, wholeOfState(this.state), factor, around));
  }

  zoomPrice(factor: number, around?: number): void {
    const view = overview(this.state);
    if (!view?.strikes.length) return;
    const { strike, shown, window } = this.state;
    const middle = (window.price.low + window.price.high) / 2;
    this.setWindow(zoomedPrice(window, wholeOfState(this.state), view.strikes.length, factor, around ?? strike ?? shown?.spot ?? middle));
  }

  panBy(time: number, price: number): void {
    if (overview(this.state)) this.setWindow(panned(this.state.window, wholeOfState(this.state), time, price));
  }

  /** As `follow` would place it: what comes next has most of the room before it, what came has been seen. */
  showSpan(seconds: number): void {
    const { state } = this;
    if (!overview(state)) return;
    const { instant, window } = state;
    const time = fit({ low: instant - seconds * 0.9, high: instant + seconds * 0.1 }, wholeOfState(state).time);
    this.setWindow({ ...window, time });
  }

  showBox({ time, price }: Window): void {
    if (overview(this.state)) this.setWindow(within({ time, price }, wholeOfState(this.state)));
  }

  /** What was in view before the last gesture. */
  undoWindow(): void {
    const before = this.steps.pop();
    if (!before) return;
    this.isMoving = false;
    this.apply(within(before, wholeOfState(this.state)));
    this.remember();
  }

  private setWindow(window: Window): void {
    if (!this.isMoving && !isSame(window, this.state.window)) this.steps = [...this.steps, this.state.window].slice(-MOST_STEPS);
    this.isMoving = true;
    this.timers.later("gesture", GESTURE_MS, () => { this.isMoving = false; });
    this.apply(window);
    this.remember();
  }

  private apply(window: Window): void {
    this.state.window = window;
    this.screen.show();
    this.pictures.wantDetail();
  }
}

const isSame = (one: Window, other: Window) => same(one.time, other.time) && same(one.price, other.price);
