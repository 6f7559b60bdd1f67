/** The session page without its elements: it holds what is shown, does what a reader asks for, and tells the screen what
 * has changed. What is opened: ./opening; what is fetched: ./loading, ./pictures, ./moments; how second and strike move:
 * ./movement; what is in view: ./zoom; how it is shown: ./looks; what happens as it grows: ./live. */

import type { Feed } from "../../api";
import { isReplaced } from "../../growth";
import type { Shell } from "../../page";
import type { State } from "../../state";
import { Timers } from "../../timers";
import type { Actions } from "./actions";
import { Alerts } from "./alerts";
import { addressOf } from "./address";
import { Companions } from "./companions";
import { Live } from "./live";
import { Loading } from "./loading";
import { Looks } from "./looks";
import { Moments } from "./moments";
import { Movement } from "./movement";
import { Notes } from "./notes";
import { Opening } from "./opening";
import { Pictures } from "./pictures";
import type { Screen } from "./screen";
import { SessionsBefore } from "./sessions_before";
import { emptyState, feedOfView, overview, type SessionState } from "./state";
import { Zoom } from "./zoom";

/** The address follows with a delay: browsers allow some hundred changes of it a minute. */
const ADDRESS_MS = 250;

export class Controller implements Actions {
  private readonly own: SessionState = emptyState();
  private readonly timers = new Timers();
  private readonly opening: Opening;
  private readonly loading: Loading;
  private readonly pictures: Pictures;
  private readonly moments: Moments;
  private readonly companions: Companions;
  private readonly before: SessionsBefore;
  private readonly zoom: Zoom;
  private readonly movement: Movement;
  private readonly looks: Looks;
  private readonly live: Live;
  private readonly alerts: Alerts;
  private readonly notes: Notes;

  constructor(
    private readonly shell: Shell,
    link: State,
    private readonly screen: Screen,
  ) {
    const { own, timers } = this;
    const remember = () => this.remember();
    const say = (text: string) => shell.say(text);
    const failed = (error: unknown) => this.opening.failed(error);
    const columns = () => screen.columns;
    this.alerts = new Alerts(own, screen, say);
    this.notes = new Notes(own, screen, timers, failed);
    this.opening = new Opening(own, link, shell, screen, () => this.crew, remember);
    this.moments = new Moments(own, { arrived: () => this.movement.arrived(), failed });
    this.pictures = new Pictures(own, columns, {
      renewed: (before, view) => {
        this.moments.listenTo(view);
        this.live.renewed(before, view);
        this.companions.want();
        this.before.renew(feedOfView(view), view.head.session_date, !isReplaced(before, view));
      },
      detailed: () => {
        screen.show();
        this.companions.want();
      },
      failed,
    });
    const arrived = () => {
      this.zoom.adapt();
      screen.show();
    };
    this.companions = new Companions(own, { arrived, failed });
    this.before = new SessionsBefore(own, { arrived: () => screen.show(), failed });
    this.loading = new Loading(own, shell, columns, this.pictures, this.moments, {
      opening: () => this.opening.opening(),
      opened: (view, value) => this.opening.opened(view, value),
      listed: () => {
        screen.showChoice();
        this.beside.want();
      },
      emptyLake: () => this.opening.nothing(() => screen.showEmptyLake()),
      noSession: (message) => this.opening.noSession(message),
      failed,
      lost: (error) => {
        screen.busy(false);
        shell.fail(error);
      },
    });
    this.zoom = new Zoom(own, this.pictures, screen, timers, remember);
    this.looks = new Looks(own, this.pictures, this.zoom, screen, remember, this.beside);
    this.movement = new Movement(own, this.moments, this.zoom, screen, timers, remember, say, {
      moved: () => this.live.stop(),
      shown: () => this.notes.want(),
      playing: () => this.looks.hideForPlay(),
      passed: (before, after) => this.alerts.moved(before, after),
    });
    this.live = new Live(own, this.movement, this.zoom, screen, timers, remember, say, this.alerts);
  }

  private get crew() {
    const { loading, pictures, zoom, looks, movement, live, alerts, notes, beside } = this;
    return { loading, pictures, zoom, looks, movement, live, alerts, notes, beside };
  }

  /** What stands beside the session. */
  private readonly beside = {
    begin: () => this.companions.begin(),
    want: () => {
      this.companions.want();
      this.before.want();
    },
    renew: (feed?: Feed, date?: string) => {
      this.companions.renew(feed, date);
      if (feed && date && date !== this.own.date) this.before.renew(feed, date, false);
    },
  };

  /** What is shown now, for the parts to read. */
  get state(): Readonly<SessionState> {
    return this.own;
  }

  open(): void {
    this.opening.open();
  }

  update(link: State): void {
    this.opening.update(link);
  }

  committed(feed: Feed, date: string): boolean {
    return this.opening.committed(feed, date);
  }

  reconnected(): void {
    this.opening.reconnected();
  }

  close(): void {
    this.movement.pause();
    this.loading.close();
    this.pictures.close();
    this.moments.close();
    this.timers.clear();
  }

  private remember(): void {
    this.timers.later("address", ADDRESS_MS, () => overview(this.own) && this.shell.replace(addressOf(this.own)));
  }

  // ---- done by those who know how ------------------------------------------------------------------------------------

  readonly neighbour: Actions["neighbour"] = (direction) => this.opening.neighbour(direction);
  readonly openDate: Actions["openDate"] = (date) => this.opening.openDate(date);
  readonly chooseFeed: Actions["chooseFeed"] = (feed) => this.opening.chooseFeed(feed);
  readonly chooseValue: Actions["chooseValue"] = (value) => this.looks.chooseValue(value);
  readonly otherValue: Actions["otherValue"] = () => this.looks.otherValue();
  readonly chooseChange: Actions["chooseChange"] = (minutes) => this.looks.chooseChange(minutes);
  readonly nextChange: Actions["nextChange"] = () => this.looks.nextChange();
  readonly chooseCompanion: Actions["chooseCompanion"] = (companion) => this.looks.chooseCompanion(companion);
  readonly chooseCompare: Actions["chooseCompare"] = (compare) => this.looks.chooseCompare(compare);
  readonly toggleExtra: Actions["toggleExtra"] = (extra) => this.looks.toggleExtra(extra);
  readonly showOwn: Actions["showOwn"] = (own) => this.looks.showOwn(own);
  readonly chooseAxis: Actions["chooseAxis"] = (axis) => this.looks.chooseAxis(axis);
  readonly toggleOverlay: Actions["toggleOverlay"] = (id) => this.looks.toggleOverlay(id);
  readonly toggleSeries: Actions["toggleSeries"] = (name) => this.looks.toggleSeries(name);
  readonly usualSeries: Actions["usualSeries"] = () => this.looks.usualSeries();
  readonly chooseScale: Actions["chooseScale"] = (scale) => this.looks.chooseScale(scale);
  readonly toggleLater: Actions["toggleLater"] = () => {
    this.looks.toggleLater();
    this.notes.want();
  };
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
  readonly showSpan: Actions["showSpan"] = (seconds) => this.zoom.showSpan(seconds);
  readonly showBox: Actions["showBox"] = (window) => this.zoom.showBox(window);
  readonly undoWindow: Actions["undoWindow"] = () => this.zoom.undoWindow();
  readonly nextAxis: Actions["nextAxis"] = () => this.looks.nextAxis();
  readonly toggleWatch: Actions["toggleWatch"] = (watch) => this.alerts.toggle(watch);
  readonly openNote: Actions["openNote"] = (note) => {
    if (!overview(this.own)) return;
    this.movement.pause();
    this.screen.openNote(note);
  };
  readonly saveNote: Actions["saveNote"] = (instant, text, note) => this.notes.save(instant, text, note);
  readonly deleteNote: Actions["deleteNote"] = (note) => this.notes.delete(note);
  readonly toggleSound: Actions["toggleSound"] = () => this.alerts.toggleSound();
  readonly save: Actions["save"] = (kind) => this.screen.save(kind);

  readonly point: Actions["point"] = (place) => {
    this.own.pointed = place;
    this.screen.showPointed();
  };
}
