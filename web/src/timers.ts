/** What is done a little later, by name: the newest wish of a name takes the place of the one before. */

export class Timers {
  private readonly running = new Map<string, ReturnType<typeof setTimeout>>();

  later(name: string, delay: number, run: () => void): void {
    this.cancel(name);
    this.running.set(name, setTimeout(run, delay));
  }

  cancel(name: string): void {
    clearTimeout(this.running.get(name));
    this.running.delete(name);
  }

  clear(): void {
    for (const name of [...this.running.keys()]) this.cancel(name);
  }
}
