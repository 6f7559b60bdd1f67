/** One session: the page's parts in their places, and what passes between them and the controller. */

import type { Feed } from "../../api";
import { fill, h, setText } from "../../dom";
import { emptyLake, noSession } from "../../notices";
import type { Note } from "../../notes";
import type { Page, Shell } from "../../page";
import type { State } from "../../state";
import { onPrint, theme } from "../../theme";
import { Tone } from "../../tone";
import type { ViewHead } from "../../view";
import type { FileKind } from "./actions";
import type { Age } from "./age";
import { Controller } from "./controller";
import { pictureOf, saveFile } from "./files";
import { keyAction } from "./keys";
import { NoteDialog } from "./note_dialog";
import { Readout } from "./readout";
import type { Screen } from "./screen";
import { Stage } from "./stage";
import { overview, typeOf } from "./state";
import { Toolbar } from "./toolbar";
import { Transport } from "./transport";

const PRESSES = ["pointerdown", "keydown"] as const;

export class SessionPage implements Page, Screen {
  readonly element = h("div", { class: "session" });
  private readonly controller: Controller;
  private readonly toolbar: Toolbar;
  private readonly stage: Stage;
  private readonly readout: Readout;
  private readonly transport: Transport;
  private readonly tone = new Tone();
  private readonly sheet = h("div", { class: "sheet", "aria-hidden": "true" });
  private readonly stopPrinting: () => void;
  private readonly noteDialog: NoteDialog;
  private readonly live = h("div", { class: "sr", "aria-live": "polite" });

  constructor(private readonly shell: Shell, link: State) {
    this.controller = new Controller(shell, link, this);
    const { state } = this.controller;
    this.toolbar = new Toolbar(state, this.controller);
    this.readout = new Readout(state, this.controller);
    this.stage = new Stage(state, this.controller, this.readout.element);
    this.transport = new Transport(state, this.controller);
    this.noteDialog = new NoteDialog(this.controller);
    fill(this.element, this.toolbar.element, this.stage.strip.box, this.sheet, this.stage.element, this.transport.element, this.live,
      h("p", { id: "chart-help", class: "sr" }, "Arrow keys choose time and strike; press the question mark for all keys."));
    window.addEventListener("pointerdown", this.touchedElsewhere);
    for (const press of PRESSES) window.addEventListener(press, this.pressed, true);
    this.stopPrinting = onPrint((isPrinting) => this.print(isPrinting));
    this.controller.open();
  }

  /** What a finger points at it does until it touches something else. */
  private readonly touchedElsewhere = ({ pointerType, target }: PointerEvent) => {
    if (pointerType === "touch" && !(target instanceof Element && target.closest(".chart"))) this.controller.point(null);
  };

  /** From now on a tone may sound. */
  private readonly pressed = () => {
    if (this.controller.state.sound) this.tone.wake();
  };

  /** On paper stand the picture as it is, and the values beside it. */
  private print(isPrinting: boolean): void {
    fill(this.sheet);
    const canvas = isPrinting ? pictureOf(this.controller.state, this.stage.canvases, theme()) : null;
    if (canvas) this.sheet.append(canvas);
  }

  // ---- what the frame asks for -------------------------------------------------------------------------------------

  update(link: State): boolean {
    this.controller.update(link);
    return true;
  }

  key(event: KeyboardEvent): boolean {
    const { state } = this.controller;
    if (!overview(state)) return false;
    const { key, shiftKey, target } = event;
    const run = keyAction({ key, shiftKey, onSlider: this.transport.isSlider(target), hasStrike: state.strike !== null }, this.controller);
    run?.();
    return run !== null;
  }

  themed(): void {
    this.show();
  }

  committed(feed: Feed, date: string): boolean {
    return this.controller.committed(feed, date);
  }

  reconnected(): void {
    this.controller.reconnected();
  }

  destroy(): void {
    this.stopPrinting();
    window.removeEventListener("pointerdown", this.touchedElsewhere);
    this.noteDialog.element.close();
    this.controller.close();
    for (const press of PRESSES) window.removeEventListener(press, this.pressed, true);
    this.tone.close();
  }

  // ---- what the controller asks for --------------------------------------------------------------------------------

  get columns(): number {
    return this.stage.columns;
  }

  busy(isBusy: boolean): void {
    if (isBusy) this.element.setAttribute("aria-busy", "true");
    else this.element.removeAttribute("aria-busy");
  }

  opened(head: ViewHead): void {
    this.present(null);
    document.title = `${head.symbol} ${head.session_date} · gexlake`;
    this.showSession(head);
  }

  showSession(head: ViewHead): void {
    this.transport.showSession(head, typeOf(this.controller.state).sums.length > 0);
  }

  showEmptyLake(): void {
    this.present(emptyLake(() => this.shell.status()));
  }

  showNoSession(message: string, near: { label: string; href: string }[]): void {
    this.present(noSession(message, near));
  }

  private present(notice: HTMLElement | null): void {
    this.element.querySelector(".notice")?.remove();
    this.element.classList.toggle("is-empty", notice !== null);
    if (notice) this.stage.element.before(notice);
  }

  showChoice(): void {
    this.toolbar.showChoice();
  }

  show(): void {
    if (!overview(this.controller.state)) return;
    this.stage.show();
    this.toolbar.show();
    this.showNotes();
    this.transport.showWindow();
  }

  showCursor(): void {
    this.stage.showCursor();
    this.toolbar.showLevels();
    this.showNotes();
  }

  showSecond(): void {
    this.transport.showSecond();
  }

  showLadder(): void {
    this.stage.showLadder();
  }

  showValues(): void {
    this.readout.show();
    this.transport.showValues();
  }

  showPlaying(): void {
    this.transport.showPlaying();
  }

  showFollowing(age: Age | null): void {
    this.transport.showFollowing(age);
  }

  showAlerts(): void {
    this.toolbar.showAlerts();
  }

  showNotes(): void {
    this.transport.showNotes();
    this.stage.showNotes();
  }

  openNote(note: Note | null): void {
    this.noteDialog.open(note, this.controller.state.instant);
  }

  sound(): void {
    if (navigator.userActivation?.isActive) this.tone.wake(); // it was switched on with this very press
    this.tone.play();
  }

  showPointed(): void {
    this.stage.showPointed();
  }

  describe(): void {
    this.stage.describe();
  }

  tell(text: string): void {
    setText(this.live, text);
  }

  save(kind: FileKind): void {
    saveFile(kind, this.controller.state, this.stage.canvases, theme());
  }
}
