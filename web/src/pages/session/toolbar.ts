/** The toolbar: feed, day, value, lines over the heatmap, files. A new button is an element here and an action. */

import type { Feed } from "../../api";
import { fill, h, setText } from "../../dom";
import { feedOptions } from "../../feeds";
import { longDate } from "../../time";
import { absentText, reports, shownValue, titleOf, type RecordType } from "../../record_types";
import type { Actions } from "./actions";
import { AlertMenu } from "./alert_menu";
import { CompareMenu } from "./compare_menu";
import { datesToChoose, dayBeside } from "./choice";
import { menu } from "./menu";
import { seenOverview } from "./seen";
import { overview, typeOf, type SessionState } from "./state";

export class Toolbar {
  readonly element: HTMLElement;
  private readonly feedSelect = h("select", { "aria-label": "Feed", onchange: () => this.actions.chooseFeed(JSON.parse(this.feedSelect.value) as Feed) });
  private readonly dateSelect = h("select", { "aria-label": "Session date", onchange: () => this.actions.openDate(this.dateSelect.value) });
  private readonly previous = h("button", { title: "Previous session (B)", "aria-label": "Previous session", onclick: () => this.actions.neighbour(-1) }, "‹");
  private readonly following = h("button", { title: "Next session (N)", "aria-label": "Next session", onclick: () => this.actions.neighbour(1) }, "›");
  private readonly values = h("div", { class: "segments", role: "group", "aria-label": "Value of the heatmap" });
  private readonly absent = h("span", { class: "absent dim", hidden: true });
  private readonly lines = h("div", { class: "chips", role: "group", "aria-label": "Lines over the heatmap" });
  private readonly cellsButton = h("button", { onclick: () => this.actions.save("cells") }, "CSV");
  private readonly ladderButton = h("button", { title: "Save the ladder at this second as CSV (L)", onclick: () => this.actions.save("ladder") }, "Ladder");
  private readonly menu: CompareMenu;
  private readonly alerts: AlertMenu;
  private type: RecordType | null = null;
  private valueButtons: HTMLButtonElement[] = [];
  private chips: HTMLButtonElement[] = [];

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    this.menu = new CompareMenu(state, actions);
    this.alerts = new AlertMenu(state, actions);
    this.element = h("div", { class: "toolbar" },
      this.feedSelect,
      h("div", { class: "joined" }, this.previous, this.dateSelect, this.following),
      this.values, this.absent, this.menu.element, this.lines,
      h("span", { class: "spring" }),
      this.alerts.element,
      menu(h("summary", {}, "Save"),
        h("button", { title: "Save the picture (P)", onclick: () => actions.save("picture") }, "PNG"),
        this.cellsButton, this.ladderButton));
    this.build(typeOf(state));
  }

  /** The controls that a record type has. */
  private build(type: RecordType): void {
    this.type = type;
    this.valueButtons = type.values.map(({ name, button }) =>
      h("button", { "aria-pressed": "false", "data-value": name, onclick: () => this.actions.chooseValue(name) }, button));
    this.chips = [...type.levels].reverse().map(({ id, name }) =>
      h("button", { class: "chip", "aria-pressed": "true", "data-overlay": id, onclick: () => this.actions.toggleOverlay(id) }, h("span", { class: `line line-${id}`, "aria-hidden": "true" }), name));
    fill(this.values, ...this.valueButtons);
    fill(this.lines, ...this.chips);
    for (const box of [this.values, this.lines]) box.hidden = !box.childElementCount;
    this.ladderButton.hidden = !type.ladder;
    this.cellsButton.title = `Save the ${type.ladder ? "heatmap" : "chosen series"} in view as CSV (C)`;
  }

  /** The feeds and days to choose from, and which of them are open. */
  showChoice(): void {
    const { feeds, feed, rows, date } = this.state;
    fill(this.feedSelect, ...feedOptions(feeds, feed));
    fill(this.dateSelect, ...datesToChoose(rows, date).map((one) => h("option", { value: one.date, selected: one.date === date }, `${longDate(one.date)}${one.mark}`)));
    this.menu.showChoice();
    this.previous.disabled = !date || !dayBeside(rows, date, -1);
    this.following.disabled = !date || !dayBeside(rows, date, 1);
  }

  showAlerts(): void {
    this.alerts.show();
  }

  /** Which lines there are: a level that is 0 all day, as far as it is shown, does not apply. */
  showLevels(): void {
    const view = seenOverview(this.state);
    for (const chip of this.chips) {
      const { series } = this.type!.levels.find(({ id }) => id === chip.dataset.overlay)!;
      const isDead = view !== null && view.columns > 0 && view.has(series) && view.array(series).every((price) => !price);
      if (chip.disabled !== isDead) chip.disabled = isDead;
    }
  }

  /** What is switched on. */
  show(): void {
    const { value, hidden } = this.state;
    const type = typeOf(this.state);
    if (type !== this.type) this.build(type);
    const view = overview(this.state);
    for (const button of this.valueButtons) {
      const name = button.dataset.value!;
      const known = shownValue(type, name)!;
      const isReported = !view || reports(view.head, known);
      button.setAttribute("aria-pressed", String(value === name));
      button.disabled = !isReported;
      if (view) button.title = isReported ? `${titleOf(view.head, name)} (V)` : `${absentText(known)}.`;
    }
    const absent = view ? type.values.filter((one) => !reports(view.head, one)) : [];
    setText(this.absent, absent.length ? `none in ${view!.head.package} feeds` : "");
    this.absent.hidden = !absent.length;
    for (const chip of this.chips) chip.setAttribute("aria-pressed", String(!hidden.has(chip.dataset.overlay!)));
    this.showLevels();
    this.menu.show();
  }
}
