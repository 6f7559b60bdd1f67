/** What the controller tells the page: which part has something else to show. Everything to show is in the state. */

import type { Note } from "../../notes";
import type { ViewHead } from "../../view";
import type { FileKind } from "./actions";
import type { Age } from "./age";

export interface Screen {
  readonly columns: number;
  busy(isBusy: boolean): void;
  opened(head: ViewHead): void;
  /** Its ends, which move as it grows. */
  showSession(head: ViewHead): void;
  showEmptyLake(): void;
  showNoSession(message: string, near: { label: string; href: string }[]): void;
  showChoice(): void;
  show(): void;
  showCursor(): void;
  showSecond(): void;
  showLadder(): void;
  showValues(): void;
  showPlaying(): void;
  /** Whether the newest second is followed, and how old it is, where that matters. */
  showFollowing(age: Age | null): void;
  showAlerts(): void;
  /** There are others, or others may be seen. */
  showNotes(): void;
  /** Have a note written at the second, or changed. */
  openNote(note: Note | null): void;
  /** A short tone, as far as the browser allows one. */
  sound(): void;
  showPointed(): void;
  describe(): void;
  /** Say something to those who do not see the page. */
  tell(text: string): void;
  save(kind: FileKind): void;
}
