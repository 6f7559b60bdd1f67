/** What of the session is in view: zoomed, moved, and following the chosen second and strike. How far: ./scales. */

import { follow, same, type Range, type Window } from "../../window";
import type { Loading } from "./loading";
import { panned, wholeOf, zoomedPrice, zoomedTime } from "./scales";
import type { Screen } from "./screen";
import { overview, type SessionState } from "./state";

export class Zoom {
  constructor(
    private readonly state: SessionState,
    private readonly loading: Pick<Loading, "wantDetail" | "dropDetail">,
    private readonly screen: Pick<Screen, "show">,
    private readonly remember: () => void,
  ) {}

  /** Bring a second into view; false where it is already. */
  followTime(instant: number, whole: Range): boolean {
    const { window } = this.state;
    const time = follow(window.time, whole, instant);
    if (same(time, window.time)) return false;
    this.apply({ ...window, time });
    return true;
  }

  /** Bring a price into view. */
  followPrice(price: number, whole: Range): void {
    const { window } = this.state;
    const moved = follow(window.price, whole, price);
    if (!same(moved, window.price)) this.setWindow({ ...window, price: moved });
  }

  resetWindow(): void {
    const view = overview(this.state);
    if (!view) return;
    this.loading.dropDetail();
    this.setWindow(wholeOf(view));
  }

  zoomTime(factor: number, around = this.state.instant): void {
    const view = overview(this.state);
    if (view) this.setWindow(zoomedTime(this.state.window, wholeOf(view), factor, around));
  }

  zoomPrice(factor: number, around?: number): void {
    const view = overview(this.state);
    if (!view?.strikes.length) return;
    const { strike, shown, window } = this.state;
    const middle = (window.price.low + window.price.high) / 2;
    this.setWindow(zoomedPrice(window, wholeOf(view), view.strikes.length, factor, around ?? strike ?? shown?.spot ?? middle));
  }

  panBy(time: number, price: number): void {
    const view = overview(this.state);
    if (view) this.setWindow(panned(this.state.window, wholeOf(view), time, price));
  }

  private setWindow(window: Window): void {
    this.apply(window);
    this.remember();
  }

  private apply(window: Window): void {
    this.state.window = window;
    this.screen.show();
    this.loading.wantDetail();
  }
}
