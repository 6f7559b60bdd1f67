/** The session page without its looks: it holds what is shown, does what a reader asks for, and tells the screen what
 * has changed. What is fetched: ./loading; how second and strike move: ./movement; what is in view: ./zoom. */

import { Failure, type Feed } from "../../api";
import { rememberedSeries, rememberSeries } from "../../choices";
import { sameFeed, type Shell } from "../../page";
import { typeOfFeed, valueOfType } from "../../record_types";
import { formatState, type State } from "../../state";
import { Timers } from "../../timers";
import { longDate } from "../../time";
import type { SessionView } from "../../view";
import type { Actions, FileKind } from "./actions";
import { addressOf, instantOfLink, windowOfLink } from "./address";
import { dayBeside, dayInFeed, seriesToggled, seriesToShow } from "./choice";
import type { Direction } from "./cursor";
import { Loading, type LoadingListener } from "./loading";
import { Movement } from "./movement";
import { wholeOf } from "./scales";
import type { Screen } from "./screen";
import { emptyState, overview, typeOf, valueBeside, type SessionState, type Value } from "./state";
import { Zoom } from "./zoom";

/** The address follows with a delay: browsers allow some hundred changes of it a minute. */
const ADDRESS_MS = 250;

export class Controller implements Actions {
  private readonly own: SessionState = emptyState();
  private readonly timers = new Timers();
  private readonly loading: Loading;
  private readonly zoom: Zoom;
  private readonly movement: Movement;
  /** The value that was asked for last. */
  private wanted: Value = "";

  constructor(
    private readonly shell: Shell,
    private link: State,
    private readonly screen: Screen,
  ) {
    const listener: LoadingListener = {
      opening: () => this.opening(),
      opened: (view, value) => this.opened(view, value),
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
    this.loading = new Loading(this.own, shell, () => screen.columns, listener);
    this.zoom = new Zoom(this.own, this.loading, screen, remember);
    this.movement = new Movement(this.own, this.loading, this.zoom, screen, this.timers, remember, (text) => shell.say(text));
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
    this.own.value = this.wanted = value;
    this.own.shown = null; // it is another session's
    this.screen.busy(false);
    this.shell.markSynthetic(view.head.synthetic);
    this.screen.opened(view.head);
    this.own.window = wholeOf(view);
    this.screen.showChoice();
    this.restore(this.link);
    this.remember();
  }

  /** Where nothing is shown, the link says what other links keep of it. */
  private takeChoice(): void {
    const type = typeOfFeed(this.own.feed ?? this.link.feed);
    this.own.value = this.wanted = valueOfType(type, this.link.value);
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
    const series = typeOfFeed(feed).groups.length ? [...this.own.series] : null;
    const days = ([-1, 1] as const).map((direction) => dayBeside(rows, date!, direction)).filter((day) => day !== null);
    this.screen.showNoSession(message, days.map((day) => ({ label: longDate(day), href: formatState({ page: "session", feed, date: day, value, series }) })));
    this.screen.showChoice();
  }

  committed(feed: Feed, date: string): void {
    const isOpen = sameFeed(feed, this.own.feed);
    if (isOpen) void this.loading.list(feed);
    if (!overview(this.own) && (!this.own.feed || (isOpen && date === this.own.date))) this.open();
  }

  neighbour(direction: Direction): void {
    const day = this.own.date && dayBeside(this.own.rows, this.own.date, direction);
    if (day) this.openDate(day);
  }

  /** The same second of another day. */
  openDate(date: string): void {
    this.shell.go({ ...addressOf(this.own), page: "session", date, from: null, to: null, low: null, high: null, strike: null });
  }

  chooseFeed(feed: Feed): void {
    const { at, value, hidden, series } = addressOf(this.own);
    this.shell.go({ page: "session", feed, date: dayInFeed(this.own.feeds, feed, this.own.date), at, value, hidden, series: typeOfFeed(feed).groups.length ? series : null });
  }

  // ---- the link ----------------------------------------------------------------------------------------------------

  private restore(link: State): void {
    const { own } = this;
    const view = overview(own)!;
    own.window = windowOfLink(link, own.date!, wholeOf(view));
    own.hidden = new Set(link.hidden);
    own.series = seriesToShow(typeOf(own), link.series, rememberedSeries());
    own.strike = link.strike;
    own.instant = instantOfLink(link, own.date!, view.head);
    const value = valueOfType(typeOf(own), link.value);
    if (value !== this.wanted) this.chooseValue(value);
    this.loading.dropDetail();
    this.screen.show();
    this.loading.wantDetail();
    this.movement.moveTo(own.instant);
  }

  private remember(): void {
    this.timers.later("address", ADDRESS_MS, () => overview(this.own) && this.shell.replace(addressOf(this.own)));
  }

  // ---- value and lines ---------------------------------------------------------------------------------------------

  /** Show a value as soon as it is there: until then, and if it cannot be had, what is shown keeps its name. */
  chooseValue(value: Value): void {
    this.wanted = value;
    void this.loading.fetchView(value).then(() => {
      if (this.wanted !== value) return;
      if (!this.own.views.has(value)) {
        this.wanted = this.own.value;
        return;
      }
      this.own.value = value;
      this.screen.show();
      this.loading.wantDetail();
      this.remember();
    });
  }

  otherValue(): void {
    const other = valueBeside(typeOf(this.own), this.wanted);
    if (other !== this.wanted) this.chooseValue(other);
  }

  toggleOverlay(id: string): void {
    const hidden = new Set(this.own.hidden);
    if (!hidden.delete(id)) hidden.add(id);
    this.own.hidden = hidden;
    this.screen.show();
    this.remember();
  }

  toggleSeries(name: string): void {
    this.chooseSeries(seriesToggled(typeOf(this.own), this.own.series, name));
  }

  usualSeries(): void {
    this.chooseSeries(typeOf(this.own).usual);
  }

  private chooseSeries(names: readonly string[]): void {
    this.own.series = names;
    rememberSeries(names);
    this.screen.show();
    this.screen.showValues();
    this.remember();
  }

  // ---- second, strike, window: done by those who know how ------------------------------------------------------------

  readonly seek: Actions["seek"] = (instant) => this.movement.seek(instant);
  readonly toEnd: Actions["toEnd"] = (direction) => this.movement.toEnd(direction);
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
