/** What the columns of a reader's file are, and what its times mean: asked, with the first lines in sight. */

import { fill, h, setText } from "../../dom";
import type { OwnData } from "../../own/candles";
import { csvSource, linesOf, SEPARATORS, type Separator } from "../../own/csv";
import { CLOCKS, readOwn, UNITS, Unreadable, type Clock, type OwnLayout, type OwnSource } from "../../own/layout";

const PRICES = ["Open", "High", "Low", "Close"] as const;
/** Of text: a browser holds no more of it in one piece. */
const MOST_BYTES = 400_000_000;

type Options = readonly (readonly [value: string, text: string])[];

const listed = (options: Options) => [h("option", { value: "" }, "choose…"), ...options.map(([value, text]) => h("option", { value }, text))];

/** A list without a choice made: nothing is guessed. */
function choice(name: string, options: Options, changed: () => void): HTMLSelectElement {
  return h("select", { "aria-label": name, onchange: changed }, ...listed(options));
}

const row = (text: string, control: HTMLElement) => h("label", {}, h("span", {}, text), control);

export class OwnDialog {
  readonly element: HTMLDialogElement;
  private readonly title = h("h2", { id: "own-title" });
  private readonly preview = h("table", { class: "list num" });
  private readonly columns = h("div", { class: "own-columns" });
  private readonly problem = h("p", { class: "problem", role: "alert" });
  private readonly show = h("button", { class: "primary", onclick: () => void this.read() }, "Show");
  private readonly separator = choice("Between the fields", Object.keys(SEPARATORS).map((name) => [name, name]), () => this.split());
  private readonly header = choice("First line", [["yes", "names of columns"], ["no", "data"]], () => this.split());
  private readonly kind = choice("Lines are", [["bars", "bars"], ["trades", "trades"]], () => this.askColumns());
  private readonly clock = choice("Times are", [], () => this.changed());
  private readonly stamps = choice("A bar's time is", [["begin", "its beginning"], ["end", "its end"]], () => this.changed());
  private readonly unit = choice("Prices are", Object.entries(UNITS), () => this.changed());
  private readonly seconds = h("input", { type: "number", min: 1, step: 1, "aria-label": "Seconds of a bar", oninput: () => this.changed() });
  private readonly ofText = h("div", { class: "own-columns" }, row("Between the fields", this.separator), row("First line", this.header));
  private places: Record<string, HTMLSelectElement> = {};
  private source: OwnSource = csvSource([], null, false);
  /** Of a CSV; null of a file that says itself how it is written. */
  private lines: string[] | null = null;
  private file: File | null = null;

  constructor(private readonly done: (data: OwnData) => void) {
    this.element = h("dialog", { class: "help own", "aria-labelledby": "own-title" }, this.title,
      h("p", { class: "dim" }, "The file stays in this page: nothing of it is sent or kept. The first lines:"),
      h("div", { class: "scroll", tabindex: "0" }, this.preview), this.ofText,
      h("div", { class: "own-columns" }, row("Lines are", this.kind), row("A bar's time is", this.stamps), row("Seconds of a bar", this.seconds)),
      this.columns, h("div", { class: "own-columns" }, row("Times are", this.clock), row("Prices are", this.unit)), this.problem,
      h("p", {}, this.show, " ", h("button", { onclick: () => this.close() }, "Cancel")));
  }

  async open(file: File): Promise<void> {
    this.file = file;
    setText(this.title, file.name);
    setText(this.problem, "");
    // What was said of another file need not be true of this one.
    for (const list of [this.separator, this.header, this.kind, this.stamps, this.unit]) list.value = "";
    this.places = {};
    this.use(csvSource([], null, false), null);
    document.body.append(this.element);
    this.element.showModal();
    await this.tried(file, async () => {
      const [source, lines] = (await isParquet(file)) ? [await (await import("../../own/parquet")).parquetSource(file), null] : [this.source, await linesIn(file)];
      if (this.file === file) this.use(source, lines);
    });
  }

  private close(): void {
    this.file = null;
    this.element.close();
    this.element.remove();
  }

  private use(source: OwnSource, lines: string[] | null): void {
    this.lines = lines;
    this.source = source;
    this.ofText.hidden = !lines;
    this.split();
  }

  private get isBars(): boolean {
    return this.kind.value !== "trades";
  }

  /** The first lines in fields, as the file is read by now. */
  private split(): void {
    if (this.lines) this.source = csvSource(this.lines, (this.separator.value || null) as Separator | null, this.header.value === "yes");
    const { columns, first } = this.source;
    const names = this.lines ? [] : [h("tr", {}, ...columns.map(({ name }) => h("th", { scope: "col" }, name)))];
    fill(this.preview, ...names, ...first.map((fields) => h("tr", {}, ...fields.map((field) => h("td", {}, field)))));
    this.askColumns();
  }

  private askColumns(): void {
    const options = this.source.columns.map(({ name }, place) => [String(place), `${place + 1}: ${name}`.slice(0, 40)] as const);
    const times = options.filter((_, place) => this.source.columns[place]!.clocks.length);
    const names = ["Time", ...(this.isBars ? PRICES : ["Price"])];
    const kept = Object.fromEntries(Object.entries(this.places).map(([name, list]) => [name, list.value]));
    this.places = Object.fromEntries(names.map((name) => [name, choice(name, name === "Time" ? times : options, () => (name === "Time" ? this.askClock() : this.changed()))]));
    this.places["Date"] = choice("Date", [["none", "in the time"], ...options], () => this.changed());
    for (const [name, list] of Object.entries(this.places)) list.value = kept[name] ?? "";
    for (const list of Object.values(this.places)) if (list.selectedIndex < 0) list.value = "";
    fill(this.columns, ...["Date", ...names].map((name) => row(`Column of ${name.toLowerCase()}`, this.places[name]!)));
    this.stamps.disabled = this.seconds.disabled = !this.isBars;
    this.askClock();
  }

  /** What the times of the chosen column can be; where its file says so, nothing is asked. */
  private askClock(): void {
    const clocks = this.source.columns[Number(this.places["Time"]!.value || NaN)]?.clocks ?? [];
    const before = this.clock.value;
    fill(this.clock, ...listed(clocks.map((clock) => [clock, CLOCKS[clock]])));
    this.clock.value = clocks.length === 1 ? clocks[0]! : clocks.includes(before as Clock) ? before : "";
    this.clock.disabled = clocks.length < 2;
    const isWhole = clocks.length === 1;
    if (isWhole) this.places["Date"]!.value = "none";
    this.places["Date"]!.disabled = isWhole;
    this.changed();
  }

  private changed(): void {
    this.show.disabled = this.layout() === null;
  }

  /** All that was chosen; null until it is. */
  private layout(): OwnLayout | null {
    const { separator, header, kind, clock, stamps, unit, seconds, isBars, places, lines } = this;
    const lists = [...(lines ? [separator, header] : []), kind, clock, unit, ...(isBars ? [stamps] : []), ...Object.values(places)];
    if (lists.some((list) => !list.value) || (isBars && !(Number(seconds.value) >= 1))) return null;
    const place = (name: string) => Number(places[name]!.value);
    return {
      clock: clock.value as Clock, unit: unit.value as OwnLayout["unit"],
      date: places["Date"]!.value === "none" ? null : place("Date"), time: place("Time"),
      prices: isBars ? (PRICES.map(place) as [number, number, number, number]) : [place("Price")],
      barSeconds: isBars ? Number(seconds.value) : 0, stamps: stamps.value === "end" ? "end" : "begin",
    };
  }

  private async read(): Promise<void> {
    const [layout, file] = [this.layout(), this.file];
    if (!layout || !file) return;
    await this.tried(file, async () => {
      const data = await readOwn(file.name, this.source, layout);
      if (this.file !== file) return; // it was closed meanwhile
      this.done(data);
      this.close();
    });
  }

  /** What fails is said; a second press while the first is at work would do it twice. */
  private async tried(file: File, work: () => Promise<void>): Promise<void> {
    setText(this.problem, "");
    this.show.disabled = true;
    try {
      await work();
    } catch (error) {
      if (this.file !== file) return;
      setText(this.problem, error instanceof Unreadable ? error.message : `The file cannot be read: ${(error as Error).message}`);
      this.changed();
    }
  }
}

async function linesIn(file: File): Promise<string[]> {
  if (file.size > MOST_BYTES) throw new Unreadable(`The file is larger than the ${MOST_BYTES / 1e6} MB of text that a page can hold: keep the days that you look at, or write it as Parquet.`);
  return linesOf(await file.text());
}

/** By its first bytes, whatever its name. */
async function isParquet(file: Blob): Promise<boolean> {
  const found = await file.slice(0, 4).text();
  if (found === "PARE") throw new Unreadable("The file is encrypted Parquet, which is not read here.");
  return found === "PAR1";
}
