/**
 * Ports that firmware and test kernels talk through: POST codes (0x80), Bochs' and SeaBIOS's debug consoles (0xE9, 0x402),
 * QEMU's isa-debug-exit (0xF4, 0x501).
 * Sources: Bochs documentation ("port_e9_hack": reads back 0xE9), QEMU's documentation of isa-debugcon and isa-debug-exit.
 */
import type { PortRange } from './bus.ts';
import { RegisterDevice } from './register-device.ts';

const initial = () => ({ post: 0 });

export class DebugPorts extends RegisterDevice<ReturnType<typeof initial>> {
  readonly portRanges: PortRange[];

  /** `consoleAtE9`: false where the test device has that port. */
  constructor(debug: (byte: number) => void, onDebugExit: (value: number) => void, consoleAtE9: boolean) {
    super('debug-ports', initial);
    const { r } = this;
    const console = (base: number): PortRange => ({
      base,
      count: 1,
      read: () => 0xe9,
      write: (_offset, value) => debug(value),
    });
    // QEMU gives isa-debug-exit four ports where it is configured to; a value may be 1, 2 or 4 bytes wide.
    const exit = (base: number): PortRange => ({
      base,
      count: 4,
      width: 4,
      read: () => 0,
      write: (_offset, value) => onDebugExit(value),
    });
    this.portRanges = [
      // The first of the DMA page registers, which no channel has.
      { base: 0x80, count: 1, read: () => r.post, write: (_offset, value) => (r.post = value) },
      ...(consoleAtE9 ? [console(0xe9)] : []),
      console(0x402),
      exit(0xf4),
      exit(0x501),
    ];
  }
}
