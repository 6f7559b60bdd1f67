/** The address bar, read and written. */

import { formatState, parseState, type PageName, type State } from "./state";

export class Navigation {
  private known: string;

  constructor(private readonly location: Pick<Location, "hash">, private readonly history: Pick<History, "replaceState">) {
    this.known = location.hash;
  }

  /** What it says; the page that is then shown may keep it up to date. */
  read(): State {
    this.known = this.location.hash;
    return parseState(this.known);
  }

  /** Lead to another state. False where it is there already: the browser tells nobody then. */
  go(state: Partial<State> & { page: PageName }): boolean {
    const hash = formatState(state);
    if (this.location.hash === hash) return false;
    this.location.hash = hash;
    return true;
  }

  /**
   * Say what the page shows by now, in the same entry of the history. Between a link that was followed and the event that
   * tells of it, the address is no longer the page's: what it says then would take the reader back.
   */
  replace(state: Partial<State> & { page: PageName }): void {
    if (this.location.hash !== this.known) return;
    this.history.replaceState(null, "", formatState(state));
    this.known = this.location.hash;
  }
}
