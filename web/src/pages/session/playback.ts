/** The clock of playing: it runs with the screen, and says where the session has come to. */

import { playedTo } from "./cursor";

export class Playback {
  private frame = 0;
  private instant = 0;

  constructor(
    private readonly speed: () => number,
    /** Told of every frame; false ends it. */
    private readonly reached: (instant: number) => boolean,
  ) {}

  start(instant: number): void {
    this.stop();
    this.instant = instant;
    let before = performance.now();
    const advance = (now: number) => {
      this.instant = playedTo(this.instant, now - before, this.speed());
      before = now;
      // Asked for first, so that a `stop` meanwhile ends it.
      this.frame = requestAnimationFrame(advance);
      if (!this.reached(this.instant)) this.stop();
    };
    this.frame = requestAnimationFrame(advance);
  }

  moveTo(instant: number): void {
    this.instant = instant;
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
  }
}
