/** The transport: steps, play, speed, the slider through the session, the clock; following the newest second, and hiding
 * what comes later. */

import { fill, h, setText } from "../../dom";
import { level, NOTHING } from "../../format";
import { numberIn } from "../../ladder";
import { newYork, utc } from "../../time";
import type { ViewHead } from "../../view";
import { same } from "../../window";
import type { Actions } from "./actions";
import type { Age } from "./age";
import { NoteMenu } from "./note_menu";
import { wholeOfState } from "./seen";
import { isHiding, SPEEDS, typeOf, type SessionState } from "./state";

export class Transport {
  readonly element: HTMLElement;
  private readonly playButton = h("button", { class: "play primary", title: "Play or pause (Space)", "aria-label": "Play", onclick: () => this.actions.togglePlay() }, "▶");
  private readonly speedSelect: HTMLSelectElement;
  private readonly slider = h("input", { type: "range", class: "slider", "aria-label": "Time of the session", step: 1, oninput: () => this.actions.seek(Number(this.slider.value)) });
  /** Of a feed that has a sum. */
  private readonly moveButtons: readonly HTMLButtonElement[];
  private readonly followButton = h("button", { class: "toggle", "aria-pressed": "false", title: "Stay at the newest second (F, End)", onclick: () => this.actions.toggleFollow() }, "Follow");
  private readonly laterButton = h("button", { class: "toggle", "aria-pressed": "false", title: "Hide what comes later than the second (H)", onclick: () => this.actions.toggleLater() }, "Hide later");
  private readonly age = h("span", { class: "age num", "data-cell": "age", title: "Age of the newest second of this session", hidden: true });
  /** On a narrow page the readout is far below: what matters most of it stands here. */
  private readonly glance = h("div", { class: "glance num", role: "group", "aria-label": "Levels at the second" });
  private readonly dayButton = h("button", { title: "Whole session (0)", "aria-label": "Day: the whole session", onclick: () => this.actions.resetWindow() }, "Day");
  private readonly undoButton = h("button", { title: "What was in view before (Backspace, Z)", "aria-label": "Undo zoom", onclick: () => this.actions.undoWindow() }, "↶");
  private readonly notes: NoteMenu;
  private readonly clock = h("span", { class: "num", "data-cell": "clock" }, NOTHING);
  private readonly clockUtc = h("span", { class: "num", "data-cell": "clockUtc" }, NOTHING);

  constructor(
    private readonly state: Readonly<SessionState>,
    private readonly actions: Actions,
  ) {
    const step = (text: string, name: string, title: string, run: () => void) => h("button", { "aria-label": /\d/.test(text) ? `${name}, ${text}` : name, title, onclick: run }, text);
    this.notes = new NoteMenu(state, actions);
    this.speedSelect = h("select", { "aria-label": "Speed", title: "Speed (1–5)", onchange: () => actions.setSpeed(Number(this.speedSelect.value)) },
      ...SPEEDS.map((speed) => h("option", { value: speed, selected: speed === state.speed }, `${speed}×`)));
    this.moveButtons = [
      step("⇤", "Previous largest change", "Previous largest change (,)", () => actions.toMove(-1)),
      step("⇥", "Next largest change", "Next largest change (.)", () => actions.toMove(1)),
    ];
    const span = (text: string, name: string, title: string, seconds: number) => h("button", { title, "aria-label": `${text}: ${name}`, onclick: () => actions.showSpan(seconds) }, text);
    this.element = h("div", { class: "transport" }, this.glance,
      h("div", { class: "joined" },
        this.moveButtons[0],
        step("−1m", "A minute back", "A minute back (Shift ←)", () => actions.step(-60)),
        step("−1s", "A second back", "A second back (←)", () => actions.step(-1)),
        this.playButton,
        step("+1s", "A second forward", "A second forward (→)", () => actions.step(1)),
        step("+1m", "A minute forward", "A minute forward (Shift →)", () => actions.step(60)),
        this.moveButtons[1]),
      this.speedSelect, this.slider,
      h("div", { class: "joined spans", role: "group", "aria-label": "What is in view" },
        span("30m", "half an hour", "Half an hour (M)", 1800), span("1h", "an hour", "An hour (Shift M)", 3600), this.dayButton, this.undoButton),
      h("div", { class: "modes" }, this.notes.element, this.laterButton, this.followButton, this.age),
      h("div", { class: "clock" }, this.clock, h("span", { class: "dim" }, " NY  "), this.clockUtc, h("span", { class: "dim" }, " UTC")));
  }

  /** Whether an event is the slider's, which has keys of its own. */
  isSlider(target: EventTarget | null): boolean {
    return target === this.slider;
  }

  /** The ends of a session. */
  showSession({ first, last }: ViewHead, hasMoves: boolean): void {
    for (const button of this.moveButtons) button.hidden = !hasMoves;
    this.slider.min = String(Math.ceil(first));
    this.slider.max = String(Math.floor(last));
  }

  showSecond(): void {
    const { instant } = this.state;
    if (this.slider.value !== String(instant)) this.slider.value = String(instant);
    this.slider.setAttribute("aria-valuetext", `${newYork(instant)} New York`);
    setText(this.clock, newYork(instant));
    setText(this.clockUtc, utc(instant));
  }

  /** Spot and the first of the levels. */
  showValues(): void {
    const { shown } = this.state;
    const parts = [...typeOf(this.state).levels].reverse().slice(0, 4).map(({ id, short, series }) => ({ id, short, text: level(numberIn(shown, series)) }));
    const known = parts.length ? parts : [{ id: "spot", short: "spot", text: level(shown?.spot) }];
    if (this.glance.childElementCount !== known.length) fill(this.glance, ...known.map(() => h("span", {}, h("small", {}), h("b", {}))));
    known.forEach(({ id, short, text }, place) => {
      const cell = this.glance.children[place] as HTMLElement;
      if (cell.dataset.glance !== id) cell.dataset.glance = id;
      setText(cell.children[0]!, short);
      setText(cell.children[1]!, text);
    });
  }

  /** Whether there is anything to widen. */
  showWindow(): void {
    const { window } = this.state;
    const whole = wholeOfState(this.state);
    this.dayButton.disabled = same(window.time, whole.time) && same(window.price, whole.price);
  }

  /** Of the seconds that may be seen. */
  showNotes(): void {
    this.notes.show();
  }

  showPlaying(): void {
    const { playing, speed } = this.state;
    this.laterButton.setAttribute("aria-pressed", String(isHiding(this.state)));
    setText(this.playButton, playing ? "❚❚" : "▶");
    this.playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.speedSelect.value = String(speed);
  }

  showFollowing(age: Age | null): void {
    this.followButton.setAttribute("aria-pressed", String(this.state.following));
    this.age.hidden = !age;
    setText(this.age, age?.text ?? "");
    this.age.dataset.state = age?.state ?? "";
  }
}
