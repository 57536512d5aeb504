/**
 * Follows the keys held down and notices the way out: left Ctrl and left Alt pressed and released with nothing between
 * (AltGr arrives as ControlLeft + AltRight and therefore does not leave).
 */
export class HeldKeys {
  private readonly held = new Set<string>();
  private chord = false;
  private readonly send: (code: string, down: boolean) => void;

  constructor(send: (code: string, down: boolean) => void) {
    this.send = send;
  }

  down(code: string): void {
    const fresh = !this.held.has(code);
    this.held.add(code);
    const both = this.held.has('ControlLeft') && this.held.has('AltLeft') && this.held.size === 2;
    if (fresh) this.chord = both && (code === 'ControlLeft' || code === 'AltLeft');
    this.send(code, true);
  }

  /** True when this release gives the keyboard back. */
  up(code: string): boolean {
    const leaves = this.chord && (code === 'ControlLeft' || code === 'AltLeft');
    if (this.held.delete(code)) this.send(code, false);
    if (leaves) this.releaseAll();
    return leaves;
  }

  releaseAll(): void {
    for (const code of this.held) this.send(code, false);
    this.held.clear();
    this.chord = false;
  }
}
