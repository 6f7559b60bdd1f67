/** A session that changes while it is shown: it is fetched anew, keeping zoom, second and strike; who follows it stays at
 * its newest second. */

import { isReplaced } from "../../growth";
import type { Timers } from "../../timers";
import type { SessionView } from "../../view";
import { ageOfSession, isRunning } from "./age";
import type { Alerts } from "./alerts";
import type { Movement } from "./movement";
import type { Screen } from "./screen";
import { overview, type SessionState } from "./state";
import type { Zoom } from "./zoom";

const TICK_MS = 1000;
const now = () => Date.now() / 1000;

export class Live {
  constructor(
    private readonly state: SessionState,
    private readonly movement: Pick<Movement, "moveTo" | "pause">,
    private readonly zoom: Pick<Zoom, "adapt">,
    private readonly screen: Pick<Screen, "showFollowing" | "showSession">,
    private readonly timers: Timers,
    private readonly remember: () => void,
    private readonly say: (text: string) => void,
    private readonly alerts: Pick<Alerts, "aged">,
  ) {}

  /** A session was opened, by a link that names a second or none: one that is running is followed then. */
  begin(isFollowing: boolean, namesSecond: boolean): void {
    const view = overview(this.state)!;
    this.state.following = isFollowing || (!namesSecond && isRunning(view.head, now()));
    this.tick();
  }

  /** How old it is, from second to second. */
  private tick(): void {
    const view = overview(this.state);
    const age = view && ageOfSession(view.head, now());
    this.screen.showFollowing(age);
    if (view) this.alerts.aged(age, view.head.last);
    this.timers.later("age", TICK_MS, () => this.tick());
  }

  /** The session was fetched anew. */
  renewed(before: SessionView, view: SessionView): void {
    const { state } = this;
    this.zoom.adapt();
    this.screen.showSession(view.head);
    this.movement.moveTo(state.following ? view.head.last : state.instant);
    this.remember();
    this.tick();
    if (isReplaced(before, view)) this.say("This session was replaced. Its picture was loaded anew.");
  }

  toggle(): void {
    if (this.state.following) this.stop();
    else this.start();
  }

  start(): void {
    const view = overview(this.state);
    if (!view) return;
    this.movement.pause();
    this.state.following = true;
    this.movement.moveTo(view.head.last);
    this.tick();
    this.remember();
  }

  /** Whoever goes elsewhere follows no longer. */
  stop(): void {
    if (!this.state.following) return;
    this.state.following = false;
    this.tick();
    this.remember();
  }
}
