/** What the columns of a reader's file are, and what its times mean: asked, with the first lines in sight. */

import { fill, h, setText } from "../../dom";
import { CLOCKS, fieldsOf, linesOf, readOwn, SEPARATORS, type OwnData, type OwnLayout } from "../../own_data";

const SHOWN_LINES = 4;
const PRICES = ["Open", "High", "Low", "Close"] as const;

/** A list without a choice made: nothing is guessed. */
function choice(name: string, options: readonly (readonly [value: string, text: string])[], changed: () => void): HTMLSelectElement {
  const select = h("select", { "aria-label": name, onchange: changed }, h("option", { value: "" }, "choose…"), ...options.map(([value, text]) => h("option", { value }, text)));
  return select;
}

export class OwnDialog {
  readonly element: HTMLDialogElement;
  private readonly title = h("h2", { id: "own-title" });
  private readonly preview = h("table", { class: "list num" });
  private readonly columns = h("div", { class: "own-columns" });
  private readonly problem = h("p", { class: "problem", role: "alert" });
  private readonly show = h("button", { class: "primary", onclick: () => this.read() }, "Show");
  private readonly separator = choice("Between the fields", Object.keys(SEPARATORS).map((name) => [name, name]), () => this.split());
  private readonly header = choice("First line", [["yes", "names of columns"], ["no", "data"]], () => this.changed());
  private readonly kind = choice("Lines are", [["bars", "bars"], ["trades", "trades"]], () => this.split());
  private readonly clock = choice("Times are", Object.entries(CLOCKS), () => this.changed());
  private readonly stamps = choice("A bar's time is", [["begin", "its beginning"], ["end", "its end"]], () => this.changed());
  private readonly seconds = h("input", { type: "number", min: 1, step: 1, "aria-label": "Seconds of a bar", oninput: () => this.changed() });
  private places: Record<string, HTMLSelectElement> = {};
  private text = "";
  private name = "";

  constructor(private readonly done: (data: OwnData) => void) {
    const row = (text: string, control: HTMLElement) => h("label", {}, h("span", {}, text), control);
    this.element = h("dialog", { class: "help own", "aria-labelledby": "own-title" }, this.title,
      h("p", { class: "dim" }, "The file stays in this page: nothing of it is sent or kept. The first lines:"),
      h("div", { class: "scroll", tabindex: "0" }, this.preview),
      h("div", { class: "own-columns" }, row("Between the fields", this.separator), row("First line", this.header), row("Lines are", this.kind), row("Times are", this.clock),
        row("A bar's time is", this.stamps), row("Seconds of a bar", this.seconds)),
      this.columns, this.problem,
      h("p", {}, this.show, " ", h("button", { onclick: () => this.close() }, "Cancel")));
  }

  async open(file: File): Promise<void> {
    this.text = await file.text();
    this.name = file.name;
    setText(this.title, file.name);
    setText(this.problem, "");
    this.split();
    document.body.append(this.element);
    this.element.showModal();
  }

  private close(): void {
    this.element.close();
    this.element.remove();
  }

  private get isBars(): boolean {
    return this.kind.value !== "trades";
  }

  /** The first lines in fields, and the lists of columns, as the file is read by now. */
  private split(): void {
    const separator = this.separator.value as OwnLayout["separator"] | "";
    const lines = linesOf(this.text).slice(0, SHOWN_LINES).map((line) => (separator ? fieldsOf(line, separator) : [line]));
    fill(this.preview, ...lines.map((fields) => h("tr", {}, ...fields.map((field) => h("td", {}, field)))));
    const options = (lines[0] ?? []).map((field, place) => [String(place), `${place + 1}: ${field}`.slice(0, 40)] as const);
    const names = ["Time", ...(this.isBars ? PRICES : ["Price"])];
    this.places = Object.fromEntries(names.map((name) => [name, choice(name, options, () => this.changed())]));
    this.places["Date"] = choice("Date", [["none", "in the time"], ...options], () => this.changed());
    fill(this.columns, ...["Date", ...names].map((name) => h("label", {}, h("span", {}, `Column of ${name.toLowerCase()}`), this.places[name]!)));
    this.stamps.disabled = this.seconds.disabled = !this.isBars;
    this.changed();
  }

  private changed(): void {
    this.show.disabled = this.layout() === null;
  }

  /** All that was chosen; null until it is. */
  private layout(): OwnLayout | null {
    const { separator, header, kind, clock, stamps, seconds, isBars, places } = this;
    const lists = [separator, header, kind, clock, ...(isBars ? [stamps] : []), ...Object.values(places)];
    if (lists.some((list) => !list.value) || (isBars && !(Number(seconds.value) >= 1))) return null;
    const place = (name: string) => Number(places[name]!.value);
    return {
      separator: separator.value as OwnLayout["separator"], hasHeader: header.value === "yes", clock: clock.value as OwnLayout["clock"],
      date: places["Date"]!.value === "none" ? null : place("Date"), time: place("Time"),
      prices: isBars ? (PRICES.map(place) as [number, number, number, number]) : [place("Price")],
      barSeconds: isBars ? Number(seconds.value) : 0, stamps: stamps.value === "end" ? "end" : "begin",
    };
  }

  private read(): void {
    const layout = this.layout();
    if (!layout) return;
    try {
      this.done(readOwn(this.name, this.text, layout));
      this.close();
    } catch (error) {
      setText(this.problem, (error as Error).message);
    }
  }
}
