/** A short tone. A browser plays none before the reader has pressed something on the page: what wakes it is to be called then. */

const SECONDS = 0.25;
const HERTZ = 880;
const LOUDNESS = 0.2;

export class Tone {
  private context: AudioContext | null = null;
  private until = 0;

  /** To be called while a button or key is pressed. */
  wake(): void {
    this.context ??= new AudioContext();
    void this.context.resume();
  }

  /** Of several at once one is heard; before it was woken, none. */
  play(): void {
    const { context } = this;
    if (!context || context.currentTime < this.until) return;
    const now = context.currentTime;
    this.until = now + SECONDS;
    const [source, volume] = [new OscillatorNode(context, { frequency: HERTZ }), new GainNode(context, { gain: 0 })];
    volume.gain.linearRampToValueAtTime(LOUDNESS, now + 0.02); // without a rise and a fall it clicks
    volume.gain.linearRampToValueAtTime(0, this.until);
    source.connect(volume).connect(context.destination);
    source.start(now);
    source.stop(this.until);
  }

  close(): void {
    void this.context?.close();
    this.context = null;
  }
}
