/** What is fetched for one session, and when: the lists to choose from, the whole session, the part in view, the
 * snapshots around the second. It writes what is loaded into the state; what is done with it is told to the listener. */

import { api, Failure, type Feed, type Snapshot } from "../../api";
import { typeOfFeed, valueOfFeed } from "../../record_types";
import { sameFeed, type Shell } from "../../page";
import { Again } from "../../again";
import { Snapshots } from "../../snapshots";
import type { State } from "../../state";
import { Timers } from "../../timers";
import type { SessionView } from "../../view";
import { sessionToOpen } from "./choice";
import { detailRange, needsDetail } from "./scales";
import { detailOf, feedOfView, overview, valueBeside, type Chosen, type Loaded, type Value } from "./state";

/** A zoomed window is fetched when it has come to rest. */
const REST_MS = 120;
/** The other value is fetched ahead, after what is shown. */
const AHEAD_MS = 300;
/** After a session has grown: while it grows every second, the other value would be fetched for nothing. */
const CALM_MS = 3000;

export interface LoadingListener {
  /** A session is about to be fetched. */
  opening(): void;
  opened(view: SessionView, value: Value): void;
  /** The session that is shown has been fetched anew. */
  renewed(before: SessionView, view: SessionView): void;
  /** There are other lists to choose from. */
  listed(): void;
  emptyLake(): void;
  /** The feed has no such session. */
  noSession(message: string): void;
  /** A finer part of the session is there. */
  detailed(): void;
  /** A snapshot is there. */
  arrived(): void;
  /** Nothing can be shown. */
  lost(error: unknown): void;
  /** What fails while a picture is shown leaves it there. */
  failed(error: unknown): void;
}

export class Loading {
  private readonly timers = new Timers();
  /** Ends with the session that is open: what comes in after it is of no use. */
  private visit = new AbortController();
  private snapshots: Snapshots | null = null;
  private readonly renewal = new Again(() => this.fetchAnew());
  /** What is shown is not what was asked for last. */
  private opening = false;

  constructor(
    private readonly state: Loaded & Readonly<Chosen>,
    private readonly shell: Pick<Shell, "feeds">,
    private readonly columns: () => number,
    private readonly on: LoadingListener,
  ) {}

  close(): void {
    this.visit.abort();
    this.snapshots?.close();
    this.timers.clear();
  }

  /** Choose feed and date, fetch the picture of the whole session, then the rest. */
  async open(link: State): Promise<void> {
    this.visit.abort();
    this.timers.clear();
    const { signal } = (this.visit = new AbortController());
    await Promise.resolve(); // the page is in its place then, and knows how wide it is
    if (signal.aborted) return;
    this.snapshots?.close();
    this.opening = true;
    this.on.opening();
    try {
      const chosen = await this.choose(link);
      if (signal.aborted) return;
      if (!chosen) {
        this.state.views = new Map();
        return this.on.emptyLake();
      }
      const { feed, date } = chosen;
      if (!sameFeed(feed, this.state.feed)) this.state.rows = []; // another feed's days
      Object.assign(this.state, chosen);
      void this.list(feed);
      const value = valueOfFeed(feed, link.value);
      const view = await api.view(feed, date, value, this.columns(), undefined, signal);
      if (!signal.aborted) this.take(view, value);
    } catch (error) {
      if (signal.aborted || (error as Error).name === "AbortError") return;
      if (error instanceof Failure && error.code === "session_unknown") await this.missing(error.message, signal);
      else this.on.lost(error);
    }
  }

  private async choose(link: State): Promise<{ feed: Feed; date: string } | null> {
    const { feed, date } = link;
    if (feed && date) return { feed, date };
    this.state.feeds = await this.shell.feeds();
    return sessionToOpen(this.state.feeds, feed, date);
  }

  private take(view: SessionView, value: Value): void {
    this.state.views = new Map([[value, view]]);
    this.state.detail = null;
    this.opening = false;
    this.listenTo(view);
    this.on.opened(view, value);
    this.wantOther(value, AHEAD_MS);
  }

  /** The snapshots of the session as it is now. */
  private listenTo(view: SessionView): void {
    this.snapshots?.close();
    this.state.absence = "loading";
    const snapshots = new Snapshots(feedOfView(view), view.head.first, () => {
      this.state.absence = snapshots.waiting ? "loading" : "none";
      this.on.arrived();
    }, (error) => {
      this.state.absence = error instanceof Failure && error.kind === "lost" ? "lost" : "failed";
      this.on.failed(error);
      this.on.arrived();
    });
    this.snapshots = snapshots;
  }

  private wantOther(value: Value, delay: number): void {
    const other = valueBeside(typeOfFeed(this.state.feed), value, this.state.feed);
    if (other !== value) this.timers.later("other", delay, () => void this.fetchView(other));
  }

  /** Fetch what is shown anew: the session has changed, or may have. */
  renew(): void {
    void this.renewal.want();
  }

  private async fetchAnew(): Promise<void> {
    const { state } = this;
    const { signal } = this.visit;
    const [before, detail, { value }] = [overview(state), detailOf(state), state];
    if (!before) return;
    const ask = (columns: number, range?: [number, number]) => api.view(feedOfView(before), before.head.session_date, value, columns, range, signal);
    try {
      // Both at once, so that the picture is never of two versions.
      const [view, part] = await Promise.all([ask(this.columns()), detail ? ask(this.detailColumns, [detail.start, detail.head.end]) : null]);
      if (signal.aborted || this.opening) return;
      if (before !== overview(state)) return this.renew(); // another value, by now
      state.views = new Map([[value, view]]); // the others are of the version before
      state.detail = part;
      this.listenTo(view);
      this.on.renewed(before, view);
      this.wantDetail();
      this.wantOther(value, CALM_MS);
    } catch (error) {
      if (!(error instanceof Failure && error.code === "session_unknown")) this.on.failed(error);
    }
  }

  private async missing(message: string, signal: AbortSignal): Promise<void> {
    try {
      const { sessions } = await api.sessions(this.state.feed!);
      if (signal.aborted) return;
      this.state.rows = sessions;
      this.state.views = new Map();
      this.on.noSession(message);
    } catch (error) {
      if (!signal.aborted) this.on.lost(error);
    }
  }

  /** The feeds, and the days of one of them. */
  async list(feed: Feed): Promise<void> {
    const { signal } = this.visit;
    try {
      const [feeds, { sessions }] = await Promise.all([this.state.feeds.length ? this.state.feeds : this.shell.feeds(), api.sessions(feed)]);
      if (signal.aborted) return;
      Object.assign(this.state, { feeds, rows: sessions });
      this.on.listed();
    } catch (error) {
      this.on.failed(error);
    }
  }

  /** The session that is shown in another value, if it is not here yet. */
  async fetchView(value: Value): Promise<void> {
    const { views } = this.state;
    const { signal } = this.visit;
    const shown = overview(this.state);
    if (!shown || views.has(value)) return;
    try {
      const view = await api.view(feedOfView(shown), shown.head.session_date, value, this.columns(), undefined, signal);
      if (signal.aborted) return;
      if (views !== this.state.views) await this.fetchView(value); // the session has changed meanwhile
      else if (!views.has(value)) views.set(value, view); // it may have been asked for twice: what is shown stays the same
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
    const { value, window } = this.state;
    const { signal } = this.visit;
    try {
      const range = detailRange(window.time, { low: whole.start, high: whole.end });
      const view = await api.view(feedOfView(whole), whole.head.session_date, value, this.detailColumns, range, signal);
      if (signal.aborted || whole !== overview(this.state) || value !== this.state.value) return;
      this.state.detail = view;
      this.on.detailed();
    } catch (error) {
      this.on.failed(error);
    }
  }

  /** The last snapshot at or before an instant: what is here of it, and a request for the rest. */
  snapshotAt(instant: number): Snapshot | null {
    return this.snapshots?.have(instant) ?? null;
  }

  wantSnapshot(instant: number): void {
    if (!this.snapshots) return;
    this.snapshots.want(instant);
    if (this.snapshots.waiting) this.state.absence = "loading";
  }

  /** What playing needs soon. */
  wantAhead(instant: number, seconds: number): void {
    this.snapshots?.ahead(instant, seconds);
  }
}
