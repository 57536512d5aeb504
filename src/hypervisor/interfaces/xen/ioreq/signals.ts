/**
 * What a device model in Domain 0 says to the hypervisor's half of a domain, which runs in a worker of its own: levels of interrupt pins and what the
 * registers of its devices make of the machine. Xen has hypercalls for it (dm_op: set_isa_irq_level, set_pci_intx_level, set_pci_link_route,
 * inject_msi, track_dirty_vram, remote_shutdown; xen/include/public/hvm/dm_op.h); here they are words of a ring in machine memory, taken in their order before the domain's
 * next instruction: a response to a request never overtakes what was said before it.
 */
import type { ModelSignals } from '../../../../devices/index.ts';
import type { ModelTargets } from '../../../domain/model-elsewhere.ts';
import { KICK, MODEL, MODEL_SIGNALS, XEN_MODEL } from '../layout.ts';
import { FRAME_SHIFT } from '../../../memory/machine.ts';
import type { Ports } from '../events/ports.ts';

/** Bits 28-31 of a word; the rest is its argument. */
const SIGNAL = {
  ISA_IRQ: 1,
  PCI_INTX: 2,
  PCI_LINK: 3,
  POWER_MANAGEMENT: 4,
  SHADOW: 5,
  A20: 6,
  VIDEO_AT: 7,
  LOOK: 8,
  RESET: 9,
  DEBUG_EXIT: 10,
  MESSAGE: 11,
} as const;
const MESSAGE_ADDRESSES = 0xfee00000;
const KIND_SHIFT = 28,
  ARGUMENT = (1 << KIND_SHIFT) - 1;

/** Domain 0's end. */
export class SignalSender implements ModelSignals {
  private readonly ports: Ports;
  private readonly words: Int32Array;
  private readonly base: number;
  /** What found the ring full: in their order, sent before anything else. */
  private waiting: number[] = [];

  constructor(ports: Ports) {
    this.ports = ports;
    this.words = ports.words;
    this.base = ports.xenBlock + XEN_MODEL;
  }

  setIsaIrqLevel(irq: number, level: boolean): void {
    this.send(SIGNAL.ISA_IRQ, irq | (level ? 0x100 : 0));
  }

  setPciIntxLevel(slot: number, pin: number, level: boolean): void {
    this.send(SIGNAL.PCI_INTX, slot | (pin << 5) | (level ? 0x100 : 0));
  }

  setPciLinkRoute(link: number, irq: number): void {
    this.send(SIGNAL.PCI_LINK, link | (irq << 4));
  }

  placePowerManagement(pmBase: number, smbusBase: number): void {
    // In units of 64 and of 16 ports.
    this.send(SIGNAL.POWER_MANAGEMENT, (pmBase >>> 6) | ((smbusBase >>> 4) << 10));
  }

  sendMessage(address: number, data: number): void {
    if (address >>> 20 !== MESSAGE_ADDRESSES >>> 20) return;
    // Destination and how it is meant; vector, delivery mode and, of bit 15, the trigger.
    this.send(
      SIGNAL.MESSAGE,
      ((address >>> 12) & 0xff) | ((address & 12) << 6) | ((data & 0x7ff) << 10) | ((data & 0x8000) << 6),
    );
  }

  /** PAM registers of the host bridge. */
  readonly shadow = (base: number, length: number, readsRam: boolean, writesRam: boolean): void => {
    this.send(
      SIGNAL.SHADOW,
      (base >>> FRAME_SHIFT) | ((length >>> FRAME_SHIFT) << 8) | (readsRam ? 1 << 16 : 0) | (writesRam ? 1 << 17 : 0),
    );
  };

  readonly a20 = (open: boolean): void => this.send(SIGNAL.A20, open ? 1 : 0);

  /** The linear frame buffer is at a guest-physical address; -1: nowhere. */
  videoAt(address: number): void {
    this.send(SIGNAL.VIDEO_AT, address < 0 ? 0 : address / 2 ** FRAME_SHIFT + 1);
  }

  /** Asks which pages of the frame buffer were written since the last time: they are marked in VIDEO_DIRTY. */
  look(): void {
    if (Atomics.exchange(this.words, this.base + MODEL.LOOK_WAITS, 1) === 0) this.send(SIGNAL.LOOK, 0);
  }

  reset(): void {
    this.send(SIGNAL.RESET, 0);
  }

  debugExit(value: number): void {
    this.words[this.base + MODEL.EXIT_VALUE] = value;
    this.send(SIGNAL.DEBUG_EXIT, 0);
  }

  private send(kind: number, argument: number): void {
    this.waiting.push((kind << KIND_SHIFT) | argument);
    this.flush();
  }

  /** Sends what has room; the domain looks at once. False: some of it has to wait for the domain to take what is there. */
  flush(): boolean {
    const { words, base, waiting } = this;
    if (waiting.length === 0) return true;
    let written = Atomics.load(words, base + MODEL.SIGNALS_WRITTEN);
    const room = MODEL_SIGNALS - ((written - Atomics.load(words, base + MODEL.SIGNALS_READ)) >>> 0);
    for (const word of waiting.splice(0, Math.max(0, room))) {
      words[base + MODEL.SIGNALS + (written & (MODEL_SIGNALS - 1))] = word;
      written = (written + 1) | 0;
    }
    Atomics.store(words, base + MODEL.SIGNALS_WRITTEN, written);
    this.ports.kick(0, KICK.MODEL);
    return waiting.length === 0;
  }
}

/** Takes what was said since the last call. */
export function takeSignals({ words, xenBlock, machine }: Ports, to: ModelTargets): void {
  const base = xenBlock + XEN_MODEL;
  const written = Atomics.load(words, base + MODEL.SIGNALS_WRITTEN);
  let read = words[base + MODEL.SIGNALS_READ];
  for (; read !== written; read = (read + 1) | 0) {
    const word = words[base + MODEL.SIGNALS + (read & (MODEL_SIGNALS - 1))];
    const argument = word & ARGUMENT;
    switch (word >>> KIND_SHIFT) {
      case SIGNAL.ISA_IRQ:
        to.signals.setIsaIrqLevel(argument & 15, (argument & 0x100) !== 0);
        break;
      case SIGNAL.PCI_INTX:
        to.signals.setPciIntxLevel(argument & 31, (argument >>> 5) & 3, (argument & 0x100) !== 0);
        break;
      case SIGNAL.PCI_LINK:
        to.signals.setPciLinkRoute(argument & 3, (argument >>> 4) & 15);
        break;
      case SIGNAL.MESSAGE:
        to.signals.sendMessage(
          (MESSAGE_ADDRESSES | ((argument & 0xff) << 12) | ((argument >>> 6) & 12)) >>> 0,
          ((argument >>> 10) & 0x7ff) | ((argument >>> 6) & 0x8000),
        );
        break;
      case SIGNAL.POWER_MANAGEMENT:
        to.signals.placePowerManagement((argument & 0x3ff) << 6, ((argument >>> 10) & 0xfff) << 4);
        break;
      case SIGNAL.SHADOW:
        to.shadow(
          (argument & 0xff) << FRAME_SHIFT,
          ((argument >>> 8) & 0xff) << FRAME_SHIFT,
          (argument & (1 << 16)) !== 0,
          (argument & (1 << 17)) !== 0,
        );
        break;
      case SIGNAL.A20:
        to.a20(argument !== 0);
        break;
      case SIGNAL.VIDEO_AT:
        to.videoAt(argument === 0 ? -1 : (argument - 1) * 2 ** FRAME_SHIFT);
        break;
      case SIGNAL.LOOK:
        Atomics.store(words, base + MODEL.LOOK_WAITS, 0);
        to.look(new Uint8Array(machine.memory, (base + MODEL.VIDEO_DIRTY) * 4, 4096));
        break;
      case SIGNAL.RESET:
        to.reset();
        break;
      case SIGNAL.DEBUG_EXIT:
        to.debugExit(words[base + MODEL.EXIT_VALUE] >>> 0);
        break;
    }
  }
  Atomics.store(words, base + MODEL.SIGNALS_READ, read);
}
