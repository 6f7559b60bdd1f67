/** The series to choose from, each with its number at the second: a press draws it, or no longer. */

import { h } from "../../dom";
import { EXPIRIES, type Measure, type RecordType } from "../../record_types";
import type { Actions } from "./actions";

export class SeriesChooser {
  readonly element: HTMLElement;
  private readonly buttons: HTMLButtonElement[] = [];

  constructor({ groups }: RecordType, private readonly actions: Actions, private readonly cell: (name: string) => HTMLElement) {
    this.element = h("div", { class: "chooser" },
      h("p", { class: "dim" }, "Press a number to draw it. ", h("button", { class: "link", onclick: () => actions.usualSeries() }, "The usual ones")),
      h("table", { class: "series" },
        h("thead", {}, h("tr", {}, h("td", {}), ...EXPIRIES.map((name) => h("th", { scope: "col" }, name, h("span", { class: "sr" }, " expiry"))))),
        ...groups.map(({ name, measures }) => h("tbody", {},
          h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: 3 }, name)),
          ...measures.map((measure) => this.row(measure))))));
  }

  private row(measure: Measure): HTMLElement {
    return h("tr", {}, h("th", { scope: "row" }, measure.text),
      ...measure.names.map((name, place) => h("td", measure.names.length > 1 ? {} : { colspan: 2 }, this.button(measure, name, place))));
  }

  private button({ text, names, inks, dashed }: Measure, name: string, place: number): HTMLElement {
    const full = names.length > 1 ? `${text}, ${EXPIRIES[place]} expiry ` : `${text} `;
    const button = h("button", { class: "pick", "aria-pressed": "false", "data-series": name, onclick: () => this.actions.toggleSeries(name) },
      h("span", { class: `line ink-${inks[place]}${dashed && place ? " is-dashed" : ""}`, "aria-hidden": "true" }), h("span", { class: "sr" }, full), this.cell(name));
    this.buttons.push(button);
    return button;
  }

  show(chosen: readonly string[]): void {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(chosen.includes(button.dataset.series!)));
  }
}
