/** The chosen second and the chosen strike: what moves them, by hand and by playing, and what shows where they are. Where
 * they go: ./cursor. */

import { rememberChoices } from "../../choices";
import { fixed, level, NOTHING } from "../../format";
import type { Snapshot } from "../../api";
import type { Timers } from "../../timers";
import { newYork } from "../../time";
import { moveBeside, secondWithin, strikeBeside, type Direction } from "./cursor";
import type { Moments } from "./moments";
import { Playback } from "./playback";
import { readoutTexts } from "./readout";
import type { Screen } from "./screen";
import { seenOverview } from "./seen";
import { isHiding, overview, typeOf, type SessionState } from "./state";
import type { Zoom } from "./zoom";

const TELL_MS = 600;
const DESCRIBE_MS = 300;

/** A name within a sentence: IV stays what it is. */
const inPassing = (name: string) => `${name[0]!.toLowerCase()}${name.slice(1)}`;

export class Movement {
  private readonly playback = new Playback(() => this.state.speed, (instant) => this.played(instant));

  constructor(
    private readonly state: SessionState,
    private readonly moments: Pick<Moments, "snapshotAt" | "wantSnapshot" | "wantAhead">,
    private readonly zoom: Pick<Zoom, "followTime" | "followPrice" | "adapt">,
    private readonly screen: Screen,
    private readonly timers: Timers,
    /** Keep what is shown in the address. */
    private readonly remember: () => void,
    /** Say something that is worth no view of its own. */
    private readonly say: (text: string) => void,
    /** Told of every move that a reader makes, of every second that is shown, of every beginning of playing, and of what
     * then passes by. */
    private readonly on: { moved(): void; shown(): void; playing(): void; passed(before: Snapshot, after: Snapshot): void },
  ) {}

  /** Show another second; what plays goes on from there. */
  seek(instant: number): void {
    if (!overview(this.state)) return;
    this.on.moved();
    this.moveTo(instant);
    this.playback.moveTo(this.state.instant);
    this.remember();
  }

  /** Show another second; within a zoomed window the picture follows it. */
  moveTo(wanted: number): void {
    const { state, screen } = this;
    const view = overview(state)!;
    state.instant = secondWithin(view.head, wanted);
    if (isHiding(state)) this.zoom.adapt(); // the axis of prices is of what has been seen
    if (!this.zoom.followTime(state.instant)) screen.showCursor();
    screen.showSecond();
    this.on.shown();
    this.moments.wantSnapshot(state.instant);
    this.arrived();
    if (!state.playing && !state.following) this.timers.later("tell", TELL_MS, () => screen.tell(`${newYork(state.instant)} New York, spot ${level(state.shown?.spot)}`));
  }

  arrived(): void {
    const { state, screen } = this;
    const found = this.moments.snapshotAt(state.instant);
    // Nothing later than the chosen second is ever shown.
    const isLater = state.shown !== null && state.shown.timestamp > state.instant;
    const isLost = state.absence === "lost" || state.absence === "failed";
    if ((found && found !== state.shown) || (!found && state.shown && (isLater || isLost))) {
      if (found && state.shown && (state.playing || state.following)) this.on.passed(state.shown, found);
      state.shown = found;
      screen.showLadder();
    }
    this.showValues();
  }

  private showValues(): void {
    this.screen.showValues();
    this.timers.later("describe", DESCRIBE_MS, () => this.screen.describe());
  }

  step(seconds: number): void {
    this.pause();
    this.seek(this.state.instant + seconds);
  }

  toStart(): void {
    const head = overview(this.state)?.head;
    if (head) this.seek(head.first);
  }

  toMove(direction: Direction): void {
    const view = seenOverview(this.state);
    if (!view) return;
    this.pause();
    if (!typeOf(this.state).sums.length) return this.say("This feed has no sum whose largest changes were known.");
    if (direction > 0 && isHiding(this.state)) return this.say("What comes later is hidden (H shows it).");
    const next = moveBeside(view.moves, this.state.instant, direction);
    if (next === null) this.say(direction > 0 ? "No larger change comes later." : "No larger change came before.");
    else this.seek(next);
  }

  togglePlay(): void {
    if (this.state.playing) this.pause();
    else this.play();
  }

  private play(): void {
    const view = overview(this.state);
    if (!view) return;
    this.on.moved();
    this.on.playing();
    if (this.state.instant >= Math.floor(view.head.last)) this.seek(view.head.first);
    this.state.playing = true;
    this.screen.showPlaying();
    this.playback.start(this.state.instant);
  }

  private played(instant: number): boolean {
    if (Math.floor(instant) !== this.state.instant) {
      this.moments.wantAhead(instant, Math.max(30, this.state.speed * 1.5));
      this.moveTo(Math.floor(instant));
      this.remember();
    }
    const view = overview(this.state);
    if (view && instant < view.head.last) return true;
    this.pause();
    return false;
  }

  pause(): void {
    this.state.playing = false;
    this.playback.stop();
    this.screen.showPlaying();
    if (overview(this.state)) this.screen.showCursor(); // up to where it has come
  }

  setSpeed(speed: number): void {
    this.state.speed = speed;
    rememberChoices({ speed });
    this.screen.showPlaying();
  }

  moveStrike(direction: Direction): void {
    const { state } = this;
    const view = overview(state);
    if (!view?.strikes.length) return;
    state.strike = strikeBeside(view, state.strike, state.shown?.spot ?? null, direction);
    if (state.strike !== null) this.zoom.followPrice(state.strike);
    this.showStrike();
  }

  chooseStrike(price: number | null): void {
    this.state.strike = price === null ? null : this.strikeAt(price);
    this.showStrike();
  }

  pick(instant: number, price: number): void {
    this.pause();
    this.state.strike = this.strikeAt(price);
    this.screen.showLadder();
    this.seek(instant);
  }

  private strikeAt(price: number): number | null {
    const view = overview(this.state);
    return view?.strikes[view.strikeAt(price)] ?? null;
  }

  private showStrike(): void {
    this.screen.showCursor();
    this.screen.showLadder();
    this.showValues();
    this.remember();
    const texts = readoutTexts(this.state);
    const values = typeOf(this.state).values.map(({ button, cell }) => `${inPassing(button)} ${texts[cell] ?? NOTHING}`);
    this.screen.tell(`Strike ${fixed(this.state.strike)}: ${values.join(", ")}`);
  }
}
