/**
 * Host bridge and ISA bridge of the board: Intel 82441FX and 82371SB.
 * Sources: 82441FX (PMC) datasheet, order number 290549; 82371FB/SB (PIIX3) datasheet, 290550.
 */
import { PCI, PciFunction } from './pci.ts';

/** Programmable attribute map: PAM0's high half is 0xF0000-0xFFFFF; PAM1-PAM6 take 16 KiB per half from 0xC0000. */
const PAM0 = 0x59,
  PAM6 = 0x5f;
const PAM_READ = 1,
  PAM_WRITE = 2;

/** A range of 0xC0000-0xFFFFF goes to RAM (true) or to the ROM below it (false; writes are lost there). */
export type Shadowing = (base: number, length: number, readsRam: boolean, writesRam: boolean) => void;

/** PCI host bridge. `onShadow` is called at every change of the PAM registers; SMRAM is stored only. */
export function i440fx(onShadow: Shadowing = () => {}): PciFunction {
  const fn = new PciFunction('i440FX', { vendor: 0x8086, device: 0x1237, revision: 2, class: 0x060000 });
  fn.put(PCI.COMMAND, 6, 2);
  fn.writable[PCI.COMMAND] = 0;
  // PMCCFG, deturbo, DBC, axc, DRT, DRAMC/DRAMT, PAM0-PAM6, DRB0-7, fixed DRAM hole, SMRAM, ERRCMD, ERRSTS, TRC.
  for (let offset = 0x50; offset <= 0x71; offset++) fn.writable[offset] = 0xff;
  fn.writable[0x72] = 0x78;
  fn.put(0x72, 0x02, 1);
  fn.writable[0x90] = 0xff;
  fn.writable[0x93] = 0xff;
  const known = new Uint8Array(PAM6 - PAM0 + 1);
  const half = (base: number, length: number, before: number, after: number): void => {
    if ((before ^ after) & (PAM_READ | PAM_WRITE))
      onShadow(base, length, (after & PAM_READ) !== 0, (after & PAM_WRITE) !== 0);
  };
  fn.onConfigWrite = (offset, size) => {
    if (offset > PAM6 || offset + size <= PAM0) return;
    known.forEach((before, i) => {
      const after = fn.config[PAM0 + i];
      known[i] = after;
      if (i === 0) half(0xf0000, 0x10000, before >> 4, after >> 4);
      else {
        const base = 0xc0000 + (i - 1) * 0x8000;
        half(base, 0x4000, before, after);
        half(base + 0x4000, 0x4000, before >> 4, after >> 4);
      }
    });
  };
  return fn;
}

const PIRQRC = 0x60;
const PIRQ_DISABLED = 0x80;

/** ISA bridge. `onRoute` is called at every change of a PIRQ routing register: the ISA interrupt of link 0 (PIRQA) to 3; 0: none. */
export function piix3(onRoute: (link: number, irq: number) => void): PciFunction {
  const fn = new PciFunction('PIIX3 ISA', {
    vendor: 0x8086,
    device: 0x7000,
    class: 0x060100,
    header: 0x80,
    status: 0x0200,
  });
  fn.put(PCI.COMMAND, 7, 2);
  fn.writable[PCI.COMMAND] = 8;
  // ISA controller recovery, X-bus chip select, PIRQRC[A:D], top of memory, miscellaneous status, MBIRQ, APIC base relocation.
  fn.put(0x4c, 0x4d, 1);
  fn.put(0x4e, 0x03, 1);
  const stored = [
    0x4c, 0x4e, 0x4f, 0x69, 0x6a, 0x70, 0x76, 0x77, 0x78, 0x79, 0x80, 0x82, 0xa0, 0xa2, 0xa3, 0xa5, 0xa6, 0xa7, 0xa8,
    0xaa, 0xab, 0xac, 0xae,
  ];
  for (const offset of stored) fn.writable[offset] = 0xff;
  for (let link = 0; link < 4; link++) {
    fn.config[PIRQRC + link] = PIRQ_DISABLED;
    fn.writable[PIRQRC + link] = 0x8f;
  }
  fn.onConfigWrite = (offset, size) => {
    if (offset >= PIRQRC + 4 || offset + size <= PIRQRC) return;
    for (let link = 0; link < 4; link++) {
      const route = fn.config[PIRQRC + link];
      onRoute(link, route & PIRQ_DISABLED ? 0 : route & 15);
    }
  };
  return fn;
}

/** What a reset reaches: the processors alone (INIT of the PIIX3), or the whole board with them. */
export type ResetKind = 'processor' | 'board';

/** Reset control register at 0xCF9: bit 2 going high resets; bit 1 chooses a hard reset, of the board. */
export function resetControl(onReset: (kind: ResetKind) => void): {
  base: number;
  count: number;
  read(): number;
  write(offset: number, value: number): void;
} {
  const control = {
    base: 0xcf9,
    count: 1,
    value: 0,
    read: () => control.value,
    write: (_offset: number, next: number) => {
      const resets = (next & ~control.value & 4) !== 0;
      control.value = next & 2;
      if (resets) onReset(control.value & 2 ? 'board' : 'processor');
    },
  };
  return control;
}
