/**
 * Messages between interrupt controllers: from I/O APICs, from local APICs to each other, and end of interrupt back.
 * Source: Intel SDM vol. 3, 11.6 (interprocessor interrupts) and 11.5.5 (destinations).
 */

/** Delivery modes as both APICs encode them. */
export const FIXED = 0,
  LOWEST_PRIORITY = 1,
  SMI = 2,
  NMI = 4,
  INIT = 5,
  STARTUP = 6,
  EXTINT = 7;
export const BROADCAST = 0xff;

export interface ApicMessage {
  mode: number;
  vector: number;
  level: boolean;
  /** Destination as written (8 bits), and whether it is a logical one. */
  destination: number;
  logical: boolean;
}

/** Where a message-signalled interrupt is written to: the destination in bits 12 to 19, bit 3 any one of several, bit 2 a logical destination. */
const MESSAGE_ADDRESSES = 0xfee00000,
  ADDRESS_BITS = 20,
  REDIRECTION_HINT = 8,
  LOGICAL = 4;

/** A write of a device to the local APICs as the message that it is (SDM vol. 3, 11.11); undefined: nobody is at that address. */
export function apicMessage(address: number, data: number): ApicMessage | undefined {
  if (address >>> ADDRESS_BITS !== MESSAGE_ADDRESSES >>> ADDRESS_BITS) return undefined;
  const mode = (data >>> 8) & 7;
  return {
    mode: mode === FIXED && (address & REDIRECTION_HINT) !== 0 ? LOWEST_PRIORITY : mode,
    vector: data & 0xff,
    level: (data & 0x8000) !== 0,
    destination: (address >>> 12) & 0xff,
    logical: (address & LOGICAL) !== 0,
  };
}

/** What the bus asks of a local APIC. */
export interface ApicTarget {
  readonly id: number;
  /** The processor that it belongs to. */
  readonly processor: number;
  matches(destination: number, logical: boolean): boolean;
  /** Arbitration priority: the smallest takes a lowest-priority message. */
  readonly priority: number;
  accept(mode: number, vector: number, level: boolean): void;
}

export class ApicBus {
  private readonly targets: ApicTarget[] = [];
  /** Called for the end of a level-triggered interrupt. */
  onEndOfInterrupt: ((vector: number) => void) | undefined;

  add(target: ApicTarget): void {
    this.targets.push(target);
  }

  /** `except`: the sender, where a shorthand leaves it out. Returns who got it. */
  deliver(message: ApicMessage, except?: ApicTarget): readonly ApicTarget[] {
    const { mode, vector, level, destination, logical } = message;
    const addressed = this.targets.filter(target => target !== except && target.matches(destination, logical));
    if (addressed.length === 0) return addressed;
    const chosen =
      mode === LOWEST_PRIORITY ? [addressed.reduce((a, b) => (b.priority < a.priority ? b : a))] : addressed;
    for (const target of chosen) target.accept(mode === LOWEST_PRIORITY ? FIXED : mode, vector, level);
    return chosen;
  }

  endOfInterrupt(vector: number): void {
    this.onEndOfInterrupt?.(vector);
  }
}
