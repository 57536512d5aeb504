/** A client's keyboard: which keys of a PC are pressed for what it sends. */
import { keyOfXt } from '../../devices/ps2/index.ts';
import type { ClientMessage } from '../../formats/rfb/index.ts';
import { keyOfKeysym, type WantedKey } from './keysyms.ts';

type KeyMessage = Extract<ClientMessage, { kind: 'key' }>;

const SHIFTS = ['ShiftLeft', 'ShiftRight'];

export class ClientKeyboard {
  private readonly press: (code: string, down: boolean) => void;
  private readonly held = new Set<string>();
  private capsLock = false;

  constructor(press: (code: string, down: boolean) => void) {
    this.press = press;
  }

  key({ isDown, keysym, xtCode }: KeyMessage): void {
    // Where the client does not know the key it says 0.
    const byPlace = xtCode ? keyOfXt(xtCode) : undefined;
    const wanted: WantedKey | undefined = byPlace === undefined ? keyOfKeysym(keysym) : { code: byPlace };
    if (!wanted) return;
    const { code } = wanted;
    if (!isDown) {
      if (this.held.delete(code)) this.press(code, false);
      return;
    }
    if (code === 'CapsLock' && !this.held.has(code)) this.capsLock = !this.capsLock;
    this.held.add(code);
    this.withShift(wanted, () => this.press(code, true));
  }

  /** The client has gone: nothing stays pressed. */
  letGo(): void {
    for (const code of this.held) this.press(code, false);
    this.held.clear();
  }

  /** A keyboard of another country may need shift where ours needs none, or none where ours needs it. */
  private withShift({ shift, isLetter }: WantedKey, press: () => void): void {
    const down = SHIFTS.filter(code => this.held.has(code));
    const wants = isLetter && this.capsLock ? !shift : shift;
    if (shift === undefined || wants === down.length > 0) return press();
    const changed = wants ? ['ShiftLeft'] : down;
    for (const code of changed) this.press(code, wants === true);
    press();
    for (const code of changed) this.press(code, wants !== true);
  }
}
