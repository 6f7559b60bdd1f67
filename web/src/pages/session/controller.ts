/** The session page without its elements: it holds what is shown, does what a reader asks for, and tells the screen what
 * has changed. What is fetched: ./loading; how second and strike move: ./movement; what is in view: ./zoom; how it is
 * shown: ./looks; what happens as it grows: ./live. */

import { Failure, type Feed } from "../../api";
import { rememberedSeries } from "../../choices";
import { sameFeed, type Shell } from "../../page";
import { absentText, shownValue, typeOfFeed, valueOfFeed } from "../../record_types";
import { formatState, type State } from "../../state";
import { Timers } from "../../timers";
import { longDate } from "../../time";
import type { SessionView } from "../../view";
import type { Actions, FileKind } from "./actions";
import { addressOf, fitting, instantOfLink, windowOfLink } from "./address";
import { dayBeside, dayInFeed, seriesToShow } from "./choice";
import { secondWithin, type Direction } from "./cursor";
import { Live } from "./live";
import { Loading, type LoadingListener } from "./loading";
import { Looks } from "./looks";
import { Movement } from "./movement";
import type { Screen } from "./screen";
import { wholeOfState } from "./seen";
import { emptyState, overview, typeOf, type Pointed, type SessionState, type Value } from "./state";
import { Zoom } from "./zoom";

/** The address follows with a delay: browsers allow some hundred changes of it a minute. */
const ADDRESS_MS = 250;

export class Controller implements Actions {
  private readonly own: SessionState = emptyState();
  private readonly timers = new Timers();
  private readonly loading: Loading;
  private readonly zoom: Zoom;
  private readonly movement: Movement;
  private readonly looks: Looks;
  private readonly live: Live;
  /** What is opened is another session with the window of the one before. */
  private carried = false;

  constructor(
    private readonly shell: Shell,
    private link: State,
    private readonly screen: Screen,
  ) {
    const listener: LoadingListener = {
      opening: () => this.opening(),
      opened: (view, value) => this.opened(view, value),
      renewed: (before, view) => this.live.renewed(before, view),
      listed: () => screen.showChoice(),
      emptyLake: () => this.nothing(() => screen.showEmptyLake()),
      noSession: (message) => this.nothing(() => this.noSession(message)),
      detailed: () => screen.show(),
      arrived: () => this.movement.arrived(),
      failed: (error) => this.failed(error),
      lost: (error) => {
        screen.busy(false);
        shell.fail(error);
      },
    };
    const remember = () => this.remember();
    const say = (text: string) => shell.say(text);
    this.loading = new Loading(this.own, shell, () => screen.columns, listener);
    this.zoom = new Zoom(this.own, this.loading, screen, remember);
    this.looks = new Looks(this.own, this.loading, this.zoom, screen, remember);
    this.movement = new Movement(this.own, this.loading, this.zoom, screen, this.timers, remember, say, {
      moved: () => this.live.stop(),
      playing: () => this.looks.hideForPlay(),
    });
    this.live = new Live(this.own, this.movement, this.zoom, screen, this.timers, remember, say);
  }

  /** What is shown now, for the parts to read. */
  get state(): Readonly<SessionState> {
    return this.own;
  }

  // ---- opening -----------------------------------------------------------------------------------------------------

  open(): void {
    void this.loading.open(this.link);
  }

  update(link: State): void {
    const other = !sameFeed(link.feed, this.own.feed) || (link.date && link.date !== this.own.date);
    this.link = link;
    if (other || !overview(this.own)) this.open();
    else this.restore(link);
  }

  private opening(): void {
    this.movement.pause();
    if (!overview(this.own)) this.takeChoice();
    this.screen.busy(true);
  }

  private opened(view: SessionView, value: Value): void {
    this.own.value = this.looks.wanted = value;
    this.own.shown = null; // it is another session's
    this.screen.busy(false);
    this.shell.markSynthetic(view.head.synthetic);
    this.screen.opened(view.head);
    this.screen.showChoice();
    if (this.link.value && valueOfFeed(this.own.feed, this.link.value) !== this.link.value) this.refuse(this.link.value);
    this.restore(this.link);
    this.remember();
  }

  /** Where nothing is shown, the link says what other links keep of it. */
  private takeChoice(): void {
    const type = typeOfFeed(this.own.feed ?? this.link.feed);
    this.own.value = this.looks.wanted = valueOfFeed(this.own.feed ?? this.link.feed, this.link.value);
    this.own.hidden = new Set(this.link.hidden);
    this.own.series = seriesToShow(type, this.link.series, rememberedSeries());
  }

  private nothing(show: () => void): void {
    this.takeChoice();
    this.screen.busy(false);
    this.shell.markSynthetic(false);
    show();
  }

  private noSession(message: string): void {
    const { feed, date, rows, value } = this.own;
    const series = this.looks.seriesFor(feed);
    const days = ([-1, 1] as const).map((direction) => dayBeside(rows, date!, direction)).filter((day) => day !== null);
    this.screen.showNoSession(message, days.map((day) => ({ label: longDate(day), href: formatState({ page: "session", feed, date: day, value, series }) })));
    this.screen.showChoice();
  }

  /** A session was committed. True where it is the one that is shown: it speaks for itself then. */
  committed(feed: Feed, date: string): boolean {
    const isOpen = sameFeed(feed, this.own.feed);
    if (isOpen && !this.own.rows.some((row) => row.session_date === date)) void this.loading.list(feed);
    if (overview(this.own)) {
      if (!isOpen || date !== this.own.date) return false;
      void this.loading.renew();
      return true;
    }
    if (!this.own.feed || (isOpen && date === this.own.date)) this.open();
    return false;
  }

  /** The server answers again, or its news had been cut off: whatever has happened meanwhile is fetched. */
  reconnected(): void {
    if (!overview(this.own)) return this.open();
    void this.loading.renew();
    if (this.own.feed) void this.loading.list(this.own.feed);
  }

  /** A link asks for what the feed does not report. */
  private refuse(value: Value): void {
    const known = shownValue(typeOf(this.own), value);
    if (known?.absentIn) this.shell.say(`${absentText(known)}.`);
  }

  neighbour(direction: Direction): void {
    const day = this.own.date && dayBeside(this.own.rows, this.own.date, direction);
    if (day) this.openDate(day);
  }

  /** The same second of another day, and as much of the window as fits. */
  openDate(date: string): void {
    this.carried = true;
    this.shell.go({ ...addressOf(this.own), page: "session", date });
  }

  chooseFeed(feed: Feed): void {
    this.carried = true;
    const prices = feed.symbol === this.own.feed?.symbol ? {} : { low: null, high: null, strike: null };
    this.shell.go({ ...addressOf(this.own), page: "session", feed, date: dayInFeed(this.own.feeds, feed, this.own.date), series: this.looks.seriesFor(feed), ...prices });
  }

  // ---- the link ----------------------------------------------------------------------------------------------------

  private restore(named: State): void {
    const { own } = this;
    const view = overview(own)!;
    const link = this.carried ? fitting(named, view) : named;
    this.carried = false;
    own.hidden = new Set(link.hidden);
    own.series = seriesToShow(typeOf(own), link.series, rememberedSeries());
    own.later = link.later;
    own.scale = link.scale;
    own.strike = link.strike;
    this.live.begin(link.follow, link.at !== null);
    own.instant = own.following ? secondWithin(view.head, view.head.last) : instantOfLink(link, own.date!, view.head);
    this.zoom.begin(windowOfLink(link, own.date!, wholeOfState(own)));
    const value = valueOfFeed(own.feed, link.value);
    if (value !== this.looks.wanted) this.chooseValue(value);
    this.loading.dropDetail();
    this.screen.show();
    this.screen.showPlaying();
    this.loading.wantDetail();
    this.movement.moveTo(own.instant);
  }

  private remember(): void {
    this.timers.later("address", ADDRESS_MS, () => overview(this.own) && this.shell.replace(addressOf(this.own)));
  }

  // ---- done by those who know how ------------------------------------------------------------------------------------

  readonly chooseValue: Actions["chooseValue"] = (value) => this.looks.chooseValue(value);
  readonly otherValue: Actions["otherValue"] = () => this.looks.otherValue();
  readonly toggleOverlay: Actions["toggleOverlay"] = (id) => this.looks.toggleOverlay(id);
  readonly toggleSeries: Actions["toggleSeries"] = (name) => this.looks.toggleSeries(name);
  readonly usualSeries: Actions["usualSeries"] = () => this.looks.usualSeries();
  readonly chooseScale: Actions["chooseScale"] = (scale) => this.looks.chooseScale(scale);
  readonly toggleLater: Actions["toggleLater"] = () => this.looks.toggleLater();
  readonly toggleFollow: Actions["toggleFollow"] = () => this.live.toggle();
  readonly seek: Actions["seek"] = (instant) => this.movement.seek(instant);
  readonly toEnd: Actions["toEnd"] = (direction) => (direction > 0 ? this.live.start() : this.movement.toStart());
  readonly step: Actions["step"] = (seconds) => this.movement.step(seconds);
  readonly toMove: Actions["toMove"] = (direction) => this.movement.toMove(direction);
  readonly togglePlay: Actions["togglePlay"] = () => this.movement.togglePlay();
  readonly pause: Actions["pause"] = () => this.movement.pause();
  readonly setSpeed: Actions["setSpeed"] = (speed) => this.movement.setSpeed(speed);
  readonly moveStrike: Actions["moveStrike"] = (direction) => this.movement.moveStrike(direction);
  readonly chooseStrike: Actions["chooseStrike"] = (price) => this.movement.chooseStrike(price);
  readonly pick: Actions["pick"] = (instant, price) => this.movement.pick(instant, price);
  readonly zoomTime: Actions["zoomTime"] = (factor, around) => this.zoom.zoomTime(factor, around);
  readonly zoomPrice: Actions["zoomPrice"] = (factor, around) => this.zoom.zoomPrice(factor, around);
  readonly panBy: Actions["panBy"] = (time, price) => this.zoom.panBy(time, price);
  readonly resetWindow: Actions["resetWindow"] = () => this.zoom.resetWindow();

  point(place: Pointed | null): void {
    this.own.pointed = place;
    this.screen.showPointed();
  }

  // ---- end ---------------------------------------------------------------------------------------------------------

  save(kind: FileKind): void {
    this.screen.save(kind);
  }

  /** What fails while a picture is shown leaves it there; the frame says that the server is lost. */
  private failed(error: unknown): void {
    if ((error as Error).name === "AbortError" || (error instanceof Failure && error.kind === "lost")) return;
    if (error instanceof Failure && (error.kind === "unauthorised" || error.kind === "forbidden")) this.shell.fail(error);
    else this.shell.say((error as Error).message);
  }

  close(): void {
    this.movement.pause();
    this.loading.close();
    this.timers.clear();
  }
}
