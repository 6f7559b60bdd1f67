/** From a link to a session that is shown, and back: what is opened, what of the one before is kept, what news of other
 * sessions mean. */

import { Failure, type Feed } from "../../api";
import { rememberedChoices, rememberedSeries } from "../../choices";
import { sameFeed, type Shell } from "../../page";
import { absentText, shownValue, typeOfFeed, valueOfFeed } from "../../record_types";
import { AXES, EXTRAS, formatState, type State } from "../../state";
import { longDate } from "../../time";
import type { SessionView } from "../../view";
import { addressOf, fitting, instantOfLink, windowOfLink } from "./address";
import type { Alerts } from "./alerts";
import { dayBeside, dayInFeed, seriesToShow } from "./choice";
import { secondWithin, type Direction } from "./cursor";
import type { Live } from "./live";
import type { Loading } from "./loading";
import type { Looks } from "./looks";
import type { Movement } from "./movement";
import type { Notes } from "./notes";
import type { Pictures } from "./pictures";
import type { Screen } from "./screen";
import { wholeOfState } from "./seen";
import { overview, SPEEDS, typeOf, WATCHES, type SessionState, type Value } from "./state";
import type { Zoom } from "./zoom";

/** Who does what a link asks for. */
export interface Crew {
  readonly loading: Pick<Loading, "open" | "list">;
  readonly pictures: Pick<Pictures, "renew" | "wantDetail" | "dropDetail">;
  readonly zoom: Pick<Zoom, "begin">;
  readonly looks: Pick<Looks, "begin" | "choose" | "wanted" | "seriesFor">;
  readonly movement: Pick<Movement, "pause" | "moveTo">;
  readonly live: Pick<Live, "begin">;
  readonly alerts: Pick<Alerts, "begin">;
  readonly notes: Pick<Notes, "begin">;
  /** What stands beside the session. */
  readonly beside: { begin(): void; want(): void; renew(feed?: Feed, date?: string): void };
}

export class Opening {
  private link: State;
  /** What is opened is another session with the window of the one before. */
  private carried = false;

  constructor(
    private readonly state: SessionState,
    link: State,
    private readonly shell: Shell,
    private readonly screen: Screen,
    private readonly crew: () => Crew,
    private readonly remember: () => void,
  ) {
    this.link = preferred(link);
    const { speed, watched, sound } = rememberedChoices();
    if (SPEEDS.includes(speed ?? 0)) state.speed = speed!;
    state.watched = new Set(WATCHES.filter((watch) => watched?.includes(watch)));
    state.sound = sound === true;
  }

  open(): void {
    void this.crew().loading.open(this.link);
  }

  update(asked: State): void {
    const { state } = this;
    const link = preferred(asked);
    const other = !sameFeed(link.feed, state.feed) || (link.date && link.date !== state.date);
    this.link = link;
    if (other || !overview(state)) this.open();
    else this.restore(link);
  }

  // ---- a session on its way ------------------------------------------------------------------------------------------

  opening(): void {
    this.crew().movement.pause();
    if (!overview(this.state)) this.takeChoice();
    this.screen.busy(true);
  }

  opened(view: SessionView, value: Value): void {
    const { state, link } = this;
    this.crew().looks.begin(value, view.head.change_minutes ?? 0);
    state.shown = null; // it is another session's
    this.crew().alerts.begin();
    this.screen.busy(false);
    this.shell.markSynthetic(view.head.synthetic);
    this.screen.opened(view.head);
    this.screen.showChoice();
    if (link.at !== null && link.value && valueOfFeed(state.feed, link.value) !== link.value) this.refuse(link.value);
    this.restore(link);
    this.remember();
  }

  /** Where nothing is shown, the link says what other links keep of it. */
  private takeChoice(): void {
    const { state, link } = this;
    this.crew().looks.begin(valueOfFeed(state.feed ?? link.feed, link.value), link.change);
    state.hidden = new Set(link.hidden);
    state.series = seriesToShow(typeOfFeed(state.feed ?? link.feed), link.series, rememberedSeries());
  }

  nothing(show: () => void): void {
    this.takeChoice();
    this.screen.busy(false);
    this.shell.markSynthetic(false);
    show();
  }

  noSession(message: string): void {
    this.nothing(() => {
      const { feed, date, rows, value } = this.state;
      const series = this.crew().looks.seriesFor(feed);
      const days = ([-1, 1] as const).map((direction) => dayBeside(rows, date!, direction)).filter((day) => day !== null);
      this.screen.showNoSession(message, days.map((day) => ({ label: longDate(day), href: formatState({ page: "session", feed, date: day, value, series }) })));
      this.screen.showChoice();
    });
  }

  /** A link asks for what the feed does not report. */
  private refuse(value: Value): void {
    const known = shownValue(typeOf(this.state), value);
    if (known?.absentIn) this.shell.say(`${absentText(known)}.`);
  }

  private restore(named: State): void {
    const { state } = this;
    const { looks, live, zoom, pictures, movement, beside } = this.crew();
    const view = overview(state)!;
    const link = this.carried ? fitting(named, view) : named;
    this.carried = false;
    state.hidden = new Set(link.hidden);
    state.series = seriesToShow(typeOf(state), link.series, rememberedSeries());
    state.later = link.later;
    state.scale = link.scale;
    state.strike = link.strike;
    Object.assign(state, { companion: link.companion, compare: link.compare, extras: new Set(link.extras), axis: link.axis });
    live.begin(link.follow, link.at !== null);
    state.instant = state.following ? secondWithin(view.head, view.head.last) : instantOfLink(link, state.date!, view.head);
    zoom.begin(windowOfLink(link, state.date!, wholeOfState(state)));
    const value = valueOfFeed(state.feed, link.value);
    if (value !== looks.wanted || link.change !== state.change) looks.choose(value, link.change);
    pictures.dropDetail();
    beside.begin();
    this.screen.show();
    this.screen.showPlaying();
    pictures.wantDetail();
    beside.want();
    movement.moveTo(state.instant);
    this.crew().notes.begin();
  }

  // ---- news ----------------------------------------------------------------------------------------------------------

  /** A session was committed. True where it is the one that is shown: it speaks for itself then. */
  committed(feed: Feed, date: string): boolean {
    const { state } = this;
    const { loading, pictures, beside } = this.crew();
    const isOpen = sameFeed(feed, state.feed);
    if (isOpen && !state.rows.some((row) => row.session_date === date)) void loading.list(feed);
    if (overview(state)) {
      beside.renew(feed, date);
      if (!isOpen || date !== state.date) return false;
      pictures.renew();
      return true;
    }
    if (!state.feed || (isOpen && date === state.date)) this.open();
    return false;
  }

  /** The server answers again, or its news had been cut off: whatever has happened meanwhile is fetched. */
  reconnected(): void {
    const { state } = this;
    if (!overview(state)) return this.open();
    this.crew().pictures.renew();
    this.crew().beside.renew();
    this.crew().notes.begin();
    if (state.feed) void this.crew().loading.list(state.feed);
  }

  /** What fails while a picture is shown leaves it there; the frame says that the server is lost. */
  failed(error: unknown): void {
    if ((error as Error).name === "AbortError" || (error instanceof Failure && error.kind === "lost")) return;
    if (error instanceof Failure && (error.kind === "unauthorised" || error.kind === "forbidden")) this.shell.fail(error);
    else this.shell.say((error as Error).message);
  }

  // ---- another session -----------------------------------------------------------------------------------------------

  neighbour(direction: Direction): void {
    const { date, rows } = this.state;
    const day = date && dayBeside(rows, date, direction);
    if (day) this.openDate(day);
  }

  /** The same second of another day, and as much of the window as fits. */
  openDate(date: string): void {
    this.carried = true;
    this.shell.go({ ...addressOf(this.state), page: "session", date });
  }

  chooseFeed(feed: Feed): void {
    const { state } = this;
    this.carried = true;
    const prices = feed.symbol === state.feed?.symbol ? {} : { low: null, high: null, strike: null };
    this.shell.go({ ...addressOf(state), page: "session", feed, date: dayInFeed(state.feeds, feed, state.date), series: this.crew().looks.seriesFor(feed), ...prices });
  }
}

/** A link that names no second takes what the reader chose last, where it names nothing else. */
function preferred(link: State): State {
  if (link.at !== null) return link;
  const { value, hidden, extras, axis } = rememberedChoices();
  return {
    ...link,
    value: link.value || value || "",
    hidden: link.hidden.length ? link.hidden : (hidden ?? []),
    extras: link.extras.length ? link.extras : EXTRAS.filter((extra) => extras?.includes(extra)),
    axis: link.axis === "price" ? (AXES.find((one) => one === axis) ?? "price") : link.axis,
  };
}
