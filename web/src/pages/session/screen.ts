/** What the controller tells the page: which part has something else to show. Everything to show is in the state. */

import type { ViewHead } from "../../view";
import type { FileKind } from "./actions";

export interface Screen {
  readonly columns: number;
  busy(isBusy: boolean): void;
  opened(head: ViewHead): void;
  showEmptyLake(): void;
  showNoSession(message: string, near: { label: string; href: string }[]): void;
  showChoice(): void;
  show(): void;
  showCursor(): void;
  showSecond(): void;
  showLadder(): void;
  showValues(): void;
  showPlaying(): void;
  describe(): void;
  /** Say something to those who do not see the page. */
  tell(text: string): void;
  save(kind: FileKind): void;
}
