/** What a reader wants to be told of, and what has happened, behind one button. */

import { fill, h, setText } from "../../dom";
import { newYork } from "../../time";
import type { Actions } from "./actions";
import { menu } from "./menu";
import { typeOf, WATCHES, type SessionState, type Watch } from "./state";

const NAMES: Record<Watch, string> = { levels: "Spot crosses a level", sums: "A sum changes its sign", age: "Nothing new for a minute" };

export class AlertMenu {
  readonly element: HTMLDetailsElement;
  private readonly summary = h("summary", {}, "Alerts");
  private readonly watches: Record<Watch, HTMLInputElement>;
  private readonly sound = h("input", { type: "checkbox", onchange: () => this.actions.toggleSound() });
  private readonly list = h("ol", { class: "alerts" });

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.watches = Object.fromEntries(WATCHES.map((watch) => [watch, h("input", { type: "checkbox", onchange: () => actions.toggleWatch(watch) })])) as Record<Watch, HTMLInputElement>;
    this.element = menu(this.summary,
      h("fieldset", {}, h("legend", {}, "While it is followed or played, say when"), ...WATCHES.map((watch) => h("label", {}, this.watches[watch], NAMES[watch])),
        h("label", { title: "A browser plays none before something has been pressed on the page" }, this.sound, "With a short tone")), this.list);
    this.show();
  }

  show(): void {
    const { watched, alerts } = this.state;
    for (const watch of WATCHES) this.watches[watch].checked = watched.has(watch);
    this.sound.checked = this.state.sound;
    this.watches.sums.disabled = !typeOf(this.state).sums.length;
    setText(this.summary, alerts.length ? `Alerts · ${alerts.length}` : "Alerts");
    fill(this.list, ...alerts.map(({ instant, text }) => h("li", {}, h("button", { class: "link num", onclick: () => this.actions.seek(instant) }, newYork(instant)), ` ${text}`)));
    this.list.hidden = !alerts.length;
  }
}
