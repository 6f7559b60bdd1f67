/** Something that is done once at a time: what is wanted meanwhile is done once more after it, however often it was wanted. */

export class Again {
  private running = false;
  private wanted = false;

  constructor(private readonly run: () => Promise<void>) {}

  async want(): Promise<void> {
    this.wanted = true;
    if (this.running) return;
    this.running = true;
    while (this.wanted) {
      this.wanted = false;
      await this.run();
    }
    this.running = false;
  }
}
