/** The snapshots around the chosen second: what is here of them, and why there is none. */

import { Failure, type Snapshot } from "../../api";
import { Snapshots } from "../../snapshots";
import type { SessionView } from "../../view";
import { feedOfView, type Loaded } from "./state";

export class Moments {
  private snapshots: Snapshots | null = null;

  constructor(
    private readonly state: Pick<Loaded, "absence">,
    private readonly on: { arrived(): void; failed(error: unknown): void },
  ) {}

  close(): void {
    this.snapshots?.close();
  }

  /** The snapshots of the session as it is now. */
  listenTo(view: SessionView): void {
    this.close();
    this.state.absence = "loading";
    const snapshots = new Snapshots(feedOfView(view), view.head.first, () => {
      this.state.absence = snapshots.waiting ? "loading" : "none";
      this.on.arrived();
    }, (error) => {
      this.state.absence = error instanceof Failure && error.kind === "lost" ? "lost" : "failed";
      this.on.failed(error);
      this.on.arrived();
    });
    this.snapshots = snapshots;
  }

  /** The last snapshot at or before an instant: what is here of it. */
  snapshotAt(instant: number): Snapshot | null {
    return this.snapshots?.have(instant) ?? null;
  }

  wantSnapshot(instant: number): void {
    if (!this.snapshots) return;
    this.snapshots.want(instant);
    if (this.snapshots.waiting) this.state.absence = "loading";
  }

  /** What playing needs soon. */
  wantAhead(instant: number, seconds: number): void {
    this.snapshots?.ahead(instant, seconds);
  }
}
