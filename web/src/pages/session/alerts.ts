/** What a reader is told of while a session is followed or played: spot crosses a level, a sum changes its sign, nothing new
 * comes. What has happened is computed from two snapshots alone. */

import type { Snapshot } from "../../api";
import { rememberChoices } from "../../choices";
import { fixed, level } from "../../format";
import { numberIn } from "../../ladder";
import type { RecordType } from "../../record_types";
import { newYork } from "../../time";
import type { Age } from "./age";
import type { Screen } from "./screen";
import { typeOf, WATCHES, type SessionState, type Watch } from "./state";

const MOST = 50;

export interface Happening {
  readonly watch: Watch;
  readonly text: string;
}

const side = (value: number) => value >= 0;

/** What has happened from one snapshot to a later one. A level or a sum that either lacks tells nothing. */
export function happenings(type: RecordType, before: Snapshot, after: Snapshot): Happening[] {
  return [...crossings(type, before, after), ...turns(type, before, after)];
}

function crossings({ levels }: RecordType, before: Snapshot, after: Snapshot): Happening[] {
  const [from, to] = [before.spot, after.spot];
  if (!from || !to) return [];
  return levels.filter(({ id }) => id !== "spot").flatMap(({ name, series }) => {
    const [was, is] = [numberIn(before, series), numberIn(after, series)];
    if (!was || !is || side(from - was) === side(to - is)) return [];
    return [{ watch: "levels" as const, text: `Spot ${level(to)} is ${to >= is ? "above" : "below"} ${name.toLowerCase()} ${level(is)} now` }];
  });
}

function turns({ sums }: RecordType, before: Snapshot, after: Snapshot): Happening[] {
  return sums.flatMap(({ title, series }) => series.flatMap(({ name }) => {
    const [was, is] = [numberIn(before, name), numberIn(after, name)];
    if (was === null || is === null || side(was) === side(is)) return [];
    return [{ watch: "sums" as const, text: `${title} is ${is >= 0 ? "positive" : "negative"} now: ${fixed(is, 0)}` }];
  }));
}

export class Alerts {
  private isOld = false;

  constructor(
    private readonly state: SessionState,
    private readonly screen: Pick<Screen, "showAlerts" | "sound">,
    private readonly say: (text: string) => void,
  ) {}

  toggle(watch: Watch): void {
    const watched = new Set(this.state.watched);
    if (!watched.delete(watch)) watched.add(watch);
    this.state.watched = watched;
    rememberChoices({ watched: WATCHES.filter((one) => watched.has(one)) });
    this.screen.showAlerts();
  }

  /** With a tone from now on, which is heard at once, or without. */
  toggleSound(): void {
    const { state, screen } = this;
    state.sound = !state.sound;
    rememberChoices({ sound: state.sound });
    screen.showAlerts();
    if (state.sound) screen.sound();
  }

  /** Another session. */
  begin(): void {
    this.state.alerts = [];
    this.isOld = false;
    this.screen.showAlerts();
  }

  /** The session has come from one snapshot to a later one. */
  moved(before: Snapshot, after: Snapshot): void {
    const { state } = this;
    if (!state.watched.size || after.timestamp <= before.timestamp) return;
    for (const { watch, text } of happenings(typeOf(state), before, after)) if (state.watched.has(watch)) this.tell(after.timestamp, text);
  }

  /** So old is the newest second; null where that says nothing. */
  aged(age: Age | null, last: number): void {
    const isOld = age?.state === "red";
    if (isOld && !this.isOld && this.state.watched.has("age")) this.tell(last, `Nothing new since ${newYork(last)}`);
    this.isOld = isOld;
  }

  private tell(instant: number, text: string): void {
    this.state.alerts = [{ instant, text }, ...this.state.alerts].slice(0, MOST);
    this.say(`${newYork(instant)}  ${text}`);
    this.screen.showAlerts();
    if (this.state.sound) this.screen.sound();
  }
}
