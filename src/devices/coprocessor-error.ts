/**
 * How a PC reports x87 errors: FERR# of the processor becomes IRQ 13; a write to port 0xF0 takes the request back and asserts IGNNE#, so that the
 * handler may use the coprocessor. Source: 82371SB (PIIX3) datasheet, 290550, "COPROCESSOR_ERR" and signals FERR#, IGNNE#; SDM vol. 1, appendix D.2.
 */
import type { IrqLine, PortRange } from './bus.ts';
import { RegisterDevice } from './register-device.ts';

export const COPROCESSOR_IRQ = 13;

const initial = () => ({ requested: false });

export class CoprocessorError extends RegisterDevice<ReturnType<typeof initial>> {
  readonly ports: PortRange;
  private readonly line: IrqLine;

  /** `ignoreErrors`: IGNNE# goes low for as long as FERR# is; the processor knows whether it is. */
  constructor(line: IrqLine, ignoreErrors: () => void) {
    super('coprocessor-error', initial);
    this.line = line;
    this.ports = {
      base: 0xf0,
      count: 1,
      read: () => 0xff,
      write: () => {
        this.request(false);
        ignoreErrors();
      },
    };
  }

  /** FERR# was asserted. */
  assert(): void {
    this.request(true);
  }

  private request(level: boolean): void {
    this.r.requested = level;
    this.line.set(level);
  }

  get portRanges(): PortRange[] {
    return [this.ports];
  }
}
