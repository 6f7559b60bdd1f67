/** What is fetched for one session, and when: the lists to choose from, the whole session, the part in view, the
 * snapshots around the second. It writes what is loaded into the state; what is done with it is told to the listener. */

import { api, Failure, type Feed, type Snapshot } from "../../api";
import { scaleOf, type Scale } from "../../colour";
import { shownValue, typeOfFeed, valueOfType } from "../../record_types";
import { sameFeed, type Shell } from "../../page";
import { Snapshots } from "../../snapshots";
import type { State } from "../../state";
import { Timers } from "../../timers";
import type { SessionView } from "../../view";
import { sessionToOpen } from "./choice";
import { detailRange, needsDetail, wholeOf } from "./scales";
import { detailOf, feedOfView, overview, valueBeside, type Chosen, type Loaded, type Value } from "./state";

/** A zoomed window is fetched when it has come to rest. */
const REST_MS = 120;
/** The other value is fetched ahead, after what is shown. */
const AHEAD_MS = 300;

export interface LoadingListener {
  /** A session is about to be fetched. */
  opening(): void;
  opened(view: SessionView, value: Value): void;
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

function scaleOfView(view: SessionView, value: Value): Scale {
  return scaleOf(view.cells, shownValue(typeOfFeed(view.head), value)?.signed ?? true);
}

export class Loading {
  private readonly timers = new Timers();
  /** Ends with the session that is open: what comes in after it is of no use. */
  private visit = new AbortController();
  private snapshots: Snapshots | null = null;

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
      const value = valueOfType(typeOfFeed(feed), link.value);
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
    this.state.scales = new Map([[value, scaleOfView(view, value)]]);
    this.state.detail = null;
    this.snapshots = new Snapshots(feedOfView(view), view.head.first, () => this.on.arrived(), (error) => this.on.failed(error));
    this.on.opened(view, value);
    const other = valueBeside(typeOfFeed(view.head), value);
    if (other !== value) this.timers.later("other", AHEAD_MS, () => void this.fetchView(other));
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
    const { views, scales } = this.state;
    const { signal } = this.visit;
    const shown = overview(this.state);
    if (!shown || views.has(value)) return;
    try {
      const view = await api.view(feedOfView(shown), shown.head.session_date, value, this.columns(), undefined, signal);
      if (signal.aborted) return;
      views.set(value, view);
      scales.set(value, scaleOfView(view, value));
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

  private async fetchDetail(whole: SessionView): Promise<void> {
    const { value, window } = this.state;
    const { signal } = this.visit;
    try {
      const columns = Math.min(3000, Math.round(this.columns() * 1.5));
      const view = await api.view(feedOfView(whole), whole.head.session_date, value, columns, detailRange(window.time, wholeOf(whole).time), signal);
      if (signal.aborted || value !== this.state.value) return;
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
    this.snapshots?.want(instant);
  }

  /** What playing needs soon. */
  wantAhead(instant: number, seconds: number): void {
    this.snapshots?.ahead(instant, seconds);
  }
}
