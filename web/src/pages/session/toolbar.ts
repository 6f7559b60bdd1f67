/** The toolbar: feed, day, value, lines over the heatmap, files. A new button is an element here and an action. */

import type { Feed } from "../../api";
import { OVERLAYS } from "../../charts/heatmap";
import { fill, h } from "../../dom";
import { feedName, feedOf, sameFeed } from "../../page";
import { longDate } from "../../time";
import { same } from "../../window";
import type { Actions } from "./actions";
import { datesToChoose, dayBeside } from "./choice";
import { wholeOf } from "./scales";
import { overview, type SessionState, type Value } from "./state";

const VALUES: readonly (readonly [Value, string])[] = [["gex_vol", "Volume"], ["gex_oi", "Open interest"]];

export class Toolbar {
  readonly element: HTMLElement;
  private readonly feedSelect = h("select", { "aria-label": "Feed", onchange: () => this.actions.chooseFeed(JSON.parse(this.feedSelect.value) as Feed) });
  private readonly dateSelect = h("select", { "aria-label": "Session date", onchange: () => this.actions.openDate(this.dateSelect.value) });
  private readonly previous = h("button", { title: "Previous session (B)", "aria-label": "Previous session", onclick: () => this.actions.neighbour(-1) }, "‹");
  private readonly following = h("button", { title: "Next session (N)", "aria-label": "Next session", onclick: () => this.actions.neighbour(1) }, "›");
  private readonly resetButton = h("button", { title: "Whole session (0)", onclick: () => this.actions.resetWindow() }, "Reset zoom");
  private readonly valueButtons = VALUES.map(([value, name]) =>
    h("button", { "aria-pressed": "false", title: `GEX by ${name.toLowerCase()} (V)`, onclick: () => this.actions.chooseValue(value) }, name));
  private readonly chips = [...OVERLAYS].reverse().map(({ id, name }) =>
    h("button", { class: "chip", "aria-pressed": "true", "data-overlay": id, onclick: () => this.actions.toggleOverlay(id) }, h("span", { class: `line line-${id}`, "aria-hidden": "true" }), name));

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.element = h("div", { class: "toolbar" },
      this.feedSelect,
      h("div", { class: "joined" }, this.previous, this.dateSelect, this.following),
      h("div", { class: "segments", role: "group", "aria-label": "Value of the heatmap" }, ...this.valueButtons),
      h("div", { class: "chips", role: "group", "aria-label": "Lines over the heatmap" }, ...this.chips),
      h("span", { class: "spring" }), this.resetButton,
      h("button", { title: "Save the picture (P)", onclick: () => actions.save("picture") }, "PNG"),
      h("button", { title: "Save the heatmap in view as CSV (C)", onclick: () => actions.save("cells") }, "CSV"),
      h("button", { title: "Save the ladder at this second as CSV (L)", onclick: () => actions.save("ladder") }, "Ladder"));
  }

  /** The feeds and days to choose from, and which of them are open. */
  showChoice(): void {
    const { feeds, feed, rows, date } = this.state;
    fill(this.feedSelect, ...feeds.map((one) => h("option", { value: JSON.stringify(feedOf(one)), selected: sameFeed(feedOf(one), feed) }, feedName(feedOf(one)))));
    fill(this.dateSelect, ...datesToChoose(rows, date).map((one) => h("option", { value: one.date, selected: one.date === date }, `${longDate(one.date)}${one.mark}`)));
    this.previous.disabled = !date || !dayBeside(rows, date, -1);
    this.following.disabled = !date || !dayBeside(rows, date, 1);
  }

  /** What is switched on. */
  show(): void {
    const { value, hidden, window } = this.state;
    this.valueButtons.forEach((button, place) => button.setAttribute("aria-pressed", String(value === VALUES[place]![0])));
    for (const chip of this.chips) chip.setAttribute("aria-pressed", String(!hidden.has(chip.dataset.overlay!)));
    const view = overview(this.state);
    const whole = view ? wholeOf(view) : window;
    this.resetButton.disabled = same(window.time, whole.time) && same(window.price, whole.price);
  }
}
