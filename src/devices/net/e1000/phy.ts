/**
 * The 82540EM's transceiver behind MDIC: registers of IEEE 802.3 clause 22 and those of the 88E1011 that drivers look at. The link is there unless somebody has pulled it, at
 * 1000 Mb/s with full duplex, so that every negotiation is over at once.
 * Sources: IEEE 802.3, 22.2.4; the manual's 13.4.8 (MDIC) and 8.10-8.11 (PHY registers).
 */
import type { State } from '../../bus.ts';
import { assignState, copyState } from '../../state.ts';

const ADDRESS = 1;
const MDIC = { WRITE: 1, READ: 2, READY: 1 << 28, ERROR: 1 << 30 } as const;
const PHY = {
  CONTROL: 0,
  STATUS: 1,
  ID1: 2,
  ID2: 3,
  ADVERTISES: 4,
  PARTNER: 5,
  EXPANSION: 6,
  GIGABIT_CONTROL: 9,
  GIGABIT_STATUS: 10,
  EXTENDED: 15,
  SPECIFIC: 16,
  SPECIFIC_STATUS: 17,
  EXTENDED_CONTROL: 20,
} as const;
const CONTROL = { RESTART: 1 << 9, RESET: 1 << 15 } as const;
/** Negotiation on, full duplex, 1000 Mb/s. */
const INITIAL: readonly [number, number][] = [
  [PHY.CONTROL, 0x1140],
  [PHY.ADVERTISES, 0x0de1],
  [PHY.GIGABIT_CONTROL, 0x0e00],
  [PHY.SPECIFIC, 0x0360],
  [PHY.EXTENDED_CONTROL, 0x0d60],
];
const READ_ONLY = new Map<number, number>([
  // All 10 and 100 Mb/s modes, extended status; negotiation complete and able, link up, extended registers.
  [PHY.STATUS, 0x796d],
  [PHY.ID1, 0x0141],
  [PHY.ID2, 0x0c20],
  // The partner: all modes of 10 and 100 Mb/s, pause, acknowledged; it negotiates; 1000BASE-T both ways, both receivers good.
  [PHY.PARTNER, 0x45e1],
  [PHY.EXPANSION, 0x0001],
  [PHY.GIGABIT_STATUS, 0x3c00],
  [PHY.EXTENDED, 0x3000],
  // 1000 Mb/s, full duplex, resolved, link up.
  [PHY.SPECIFIC_STATUS, 0xac00],
]);

/** Of PHY.STATUS and PHY.SPECIFIC_STATUS without a link: negotiation complete, link up; resolved, link up (as QEMU's e1000_link_down()). */
const WITH_LINK = new Map<number, number>([
  [PHY.STATUS, 0x0024],
  [PHY.SPECIFIC_STATUS, 0x0c00],
  [PHY.PARTNER, 0x4000],
]);

export class Phy {
  private readonly r = { registers: new Uint16Array(32) };
  private readonly linkChanged: () => void;
  private readonly isDown: () => boolean;

  /** `linkChanged`: it was negotiated again. */
  constructor(linkChanged: () => void, isDown: () => boolean) {
    this.linkChanged = linkChanged;
    this.isDown = isDown;
    this.reset();
  }

  reset(): void {
    this.r.registers.fill(0);
    for (const [register, value] of INITIAL) this.r.registers[register] = value;
  }

  /** A write to MDIC: what the register holds then. */
  access(command: number): number {
    const register = (command >>> 16) & 31,
      operation = (command >>> 26) & 3;
    const kept = command & ~(MDIC.READY | MDIC.ERROR);
    if (((command >>> 21) & 31) !== ADDRESS || (operation !== MDIC.READ && operation !== MDIC.WRITE))
      return (kept | MDIC.READY | MDIC.ERROR) >>> 0;
    if (operation === MDIC.READ) return ((kept & ~0xffff) | this.look(register) | MDIC.READY) >>> 0;
    this.write(register, command & 0xffff);
    return (kept | MDIC.READY) >>> 0;
  }

  private look(register: number): number {
    const value = READ_ONLY.get(register) ?? this.r.registers[register];
    return this.isDown() ? value & ~(WITH_LINK.get(register) ?? 0) : value;
  }

  private write(register: number, value: number): void {
    if (READ_ONLY.has(register)) return;
    const { registers } = this.r;
    if (register !== PHY.CONTROL) {
      registers[register] = value;
      return;
    }
    registers[register] = value & ~(CONTROL.RESET | CONTROL.RESTART);
    if (value & (CONTROL.RESET | CONTROL.RESTART)) this.linkChanged();
  }

  save(): State {
    return copyState(this.r);
  }

  restore(name: string, state: State): void {
    assignState(name, this.r, state);
  }
}
