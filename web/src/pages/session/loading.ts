/** What is opened: the feed and the day of a link, the picture of the whole session, the lists to choose from. It writes
 * what is loaded into the state; what is done with it is told to the listener. */

import { api, Failure, type Feed } from "../../api";
import { sameFeed, type Shell } from "../../page";
import { valueOfFeed } from "../../record_types";
import type { State } from "../../state";
import type { SessionView } from "../../view";
import { sessionToOpen } from "./choice";
import type { Moments } from "./moments";
import type { Pictures } from "./pictures";
import type { Loaded, Value } from "./state";

export interface LoadingListener {
  /** A session is about to be fetched. */
  opening(): void;
  opened(view: SessionView, value: Value): void;
  /** There are other lists to choose from. */
  listed(): void;
  emptyLake(): void;
  /** The feed has no such session. */
  noSession(message: string): void;
  /** Nothing can be shown. */
  lost(error: unknown): void;
  /** What fails while a picture is shown leaves it there. */
  failed(error: unknown): void;
}

export class Loading {
  /** Ends with the session that is open: what comes in after it is of no use. */
  private visit = new AbortController();

  constructor(
    private readonly state: Loaded,
    private readonly shell: Pick<Shell, "feeds">,
    private readonly columns: () => number,
    private readonly pictures: Pick<Pictures, "begin" | "leave" | "take" | "wantAhead">,
    private readonly moments: Pick<Moments, "listenTo" | "close">,
    private readonly on: LoadingListener,
  ) {}

  close(): void {
    this.visit.abort();
  }

  /** Choose feed and date, fetch the picture of the whole session, then the rest. */
  async open(link: State): Promise<void> {
    this.visit.abort();
    const { signal } = (this.visit = new AbortController());
    this.pictures.begin(signal);
    await Promise.resolve(); // the page is in its place then, and knows how wide it is
    if (signal.aborted) return;
    this.moments.close();
    this.pictures.leave();
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
      const view = await api.view(feed, date, { value, change: link.change, columns: this.columns() }, signal);
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
    this.pictures.take(view);
    this.moments.listenTo(view);
    this.on.opened(view, value);
    this.pictures.wantAhead(value);
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
}
