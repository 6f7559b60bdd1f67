/** The pictures of the session that is open: the whole of it in each value, the part in view, and both anew as it grows. */

import { Again } from "../../again";
import { api, Failure, type PictureOrder } from "../../api";
import { isEnded, isReplaced, renewed } from "../../growth";
import { typeOfFeed } from "../../record_types";
import { Timers } from "../../timers";
import type { SessionView } from "../../view";
import { detailRange, needsDetail } from "./scales";
import { detailOf, feedOfView, lookOf, lookOfView, overview, valueBeside, type Chosen, type Loaded, type Value } from "./state";

/** A zoomed window is fetched when it has come to rest. */
const REST_MS = 120;
/** The other value is fetched ahead, after what is shown. */
const AHEAD_MS = 300;
/** After a session has grown: while it grows every second, the other value would be fetched for nothing. */
const CALM_MS = 3000;

export interface PicturesListener {
  /** The session that is shown has been fetched anew. */
  renewed(before: SessionView, view: SessionView): void;
  /** A finer part of the session is there. */
  detailed(): void;
  /** What fails while a picture is shown leaves it there. */
  failed(error: unknown): void;
}

export class Pictures {
  private readonly timers = new Timers();
  private readonly renewal = new Again(() => this.fetchAnew());
  /** Ends with the session that is open: what comes in after it is of no use. */
  private signal: AbortSignal = AbortSignal.abort();
  /** What is shown is not what was asked for last. */
  private opening = false;

  constructor(
    private readonly state: Loaded & Readonly<Chosen>,
    private readonly columns: () => number,
    private readonly on: PicturesListener,
  ) {}

  close(): void {
    this.timers.clear();
  }

  /** Another session is about to be opened. */
  begin(signal: AbortSignal): void {
    this.timers.clear();
    this.signal = signal;
  }

  /** It is on its way: what is shown until then is not it. */
  leave(): void {
    this.opening = true;
  }

  take(view: SessionView): void {
    this.state.views = new Map([[lookOfView(view), view]]);
    this.state.detail = null;
    this.opening = false;
  }

  wantAhead(value: Value): void {
    this.wantOther(value, AHEAD_MS);
  }

  private wantOther(value: Value, delay: number): void {
    const other = valueBeside(typeOfFeed(this.state.feed), value, this.state.feed);
    if (other !== value) this.timers.later("other", delay, () => void this.fetchView(other, this.state.change));
  }

  /** A picture of the session that is shown. */
  private ask(shown: SessionView, order: PictureOrder): Promise<SessionView> {
    return api.view(feedOfView(shown), shown.head.session_date, order, this.signal);
  }

  /** Fetch what is shown anew: the session has changed, or may have. */
  renew(): void {
    void this.renewal.want();
  }

  private async fetchAnew(): Promise<void> {
    const { state, signal } = this;
    const [before, detail, { value, change }] = [overview(state), detailOf(state), state];
    if (!before) return;
    const whole = (part: object) => this.ask(before, { value, change, columns: this.columns(), ...part });
    const finer = (part: object) => this.ask(before, { value, change, columns: this.detailColumns, range: [detail!.start, detail!.head.end], ...part });
    try {
      // Both at once, so that the picture is never of two versions.
      const [view, grown] = await Promise.all([renewed(before, whole, true), detail && !isEnded(detail) ? renewed(detail, finer, false) : detail]);
      const part = grown === detail && detail && isReplaced(before, view) ? await finer({}) : grown;
      if (signal.aborted || this.opening) return;
      if (before !== overview(state)) return this.renew(); // another value, by now
      state.views = new Map([[lookOfView(view), view]]); // the others are of the version before
      state.detail = part;
      this.on.renewed(before, view);
      this.wantDetail();
      this.wantOther(value, CALM_MS);
    } catch (error) {
      if (!(error instanceof Failure && error.code === "session_unknown")) this.on.failed(error);
    }
  }

  /** The session that is shown in another value, or its change, if it is not here yet. */
  async fetchView(value: Value, change: number): Promise<void> {
    const { views } = this.state;
    const { signal } = this;
    const shown = overview(this.state);
    const look = lookOf(value, change);
    if (!shown || views.has(look)) return;
    try {
      const view = await this.ask(shown, { value, change, columns: this.columns() });
      if (signal.aborted) return;
      if (views !== this.state.views) await this.fetchView(value, change); // the session has changed meanwhile
      else if (!views.has(look)) views.set(look, view); // it may have been asked for twice: what is shown stays the same
    } catch (error) {
      this.on.failed(error);
    }
  }

  /** A zoomed window deserves its own columns; they are fetched when it has come to rest. */
  wantDetail(): void {
    const { state } = this;
    const view = overview(state);
    if (view && needsDetail(state.window.time, view, detailOf(state), this.columns())) this.timers.later("detail", REST_MS, () => void this.fetchDetail(view));
  }

  dropDetail(): void {
    this.state.detail = null;
  }

  private get detailColumns(): number {
    return Math.min(3000, Math.round(this.columns() * 1.5));
  }

  private async fetchDetail(whole: SessionView): Promise<void> {
    const { value, change, window } = this.state;
    const { signal } = this;
    try {
      const range = detailRange(window.time, { low: whole.start, high: whole.end });
      const view = await this.ask(whole, { value, change, columns: this.detailColumns, range });
      if (signal.aborted || whole !== overview(this.state)) return;
      this.state.detail = view;
      this.on.detailed();
    } catch (error) {
      this.on.failed(error);
    }
  }
}
