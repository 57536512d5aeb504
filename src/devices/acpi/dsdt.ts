/**
 * What the board looks like to ACPI: PCI root with its windows and interrupt routing through the PIIX3's PIRQ registers, the ISA devices, \_S5.
 * Source: ACPI specification, chapters 5, 6 (devices, _PRT, _CRS) and 19 (ASL, given next to each term).
 */
import * as aml from './aml.ts';
import type { Aml } from './aml.ts';
import { HPET_BASE, HPET_BYTES } from '../hpet.ts';
import { PM_BASE, SLEEP_TYPE_S3, SLEEP_TYPE_S5, SMBUS_BASE } from './piix4-pm.ts';

const LINKS = ['LNKA', 'LNKB', 'LNKC', 'LNKD'];
const ROUTABLE_IRQS = [5, 10, 11];

/** Interrupt link device over one PIRQ route register. */
function link(at: string, uid: number, register: string): Aml {
  return aml.device(
    at,
    aml.name('_HID', aml.eisaId('PNP0C0F')),
    aml.name('_UID', uid),
    // Method(_STA) { If (register & 0x80) { Return (0x09) } Return (0x0B) }
    aml.method('_STA', 0, aml.when(aml.and(register, 0x80), aml.give(0x09)), aml.give(0x0b)),
    aml.name('_PRS', aml.resources(aml.sharedInterrupts(...ROUTABLE_IRQS))),
    // Method(_DIS) { register |= 0x80 }
    aml.method('_DIS', 0, aml.or(register, 0x80, register)),
    // Method(_CRS) { Return (IQCR (register)) }
    aml.method('_CRS', 0, aml.give(aml.call('IQCR', register))),
    // Method(_SRS, 1) { CreateDWordField (Arg0, 5, PRRI); register = PRRI }
    aml.method('_SRS', 1, aml.createDwordField(aml.arg(0), 5, 'PRRI'), aml.store('PRRI', register)),
  );
}

/** Method(IQCR, 1, Serialized): the current setting of a route as an extended interrupt descriptor. */
const currentRoute = (): Aml =>
  aml.method(
    'IQCR',
    1 | 8,
    aml.name('PRR0', aml.resources(aml.sharedInterrupts(0))),
    aml.createDwordField('PRR0', 5, 'PRRI'),
    aml.when(aml.less(aml.arg(0), 0x80), aml.store(aml.arg(0), 'PRRI')),
    aml.give('PRR0'),
  );

/** Each slot's four pins, rotated as the board wires them: slot n's INTA is PIRQ (n - 1) mod 4. */
function routing(): Aml {
  const entries: Aml[] = [];
  for (let slot = 1; slot < 32; slot++) {
    for (let pin = 0; pin < 4; pin++)
      entries.push(aml.list(slot * 0x10000 + 0xffff, pin, LINKS[(slot - 1 + pin) & 3], 0));
  }
  return aml.list(...entries);
}

const isa = (at: string, id: string, uid: number, ...descriptors: Aml[]): Aml =>
  aml.device(
    at,
    aml.name('_HID', aml.eisaId(id)),
    aml.name('_UID', uid),
    aml.name('_STA', 0x0f),
    aml.name('_CRS', aml.resources(...descriptors)),
  );

export interface DsdtOptions {
  /** First address that is neither RAM nor below it: PCI memory windows start here. */
  pciMemoryBase: number;
  hpet?: boolean;
  /** What PCI's hot plug adds to the PCI root and to the root of names. */
  hotplug?: { bus: Aml; root: Aml } | undefined;
}

export function dsdt({ pciMemoryBase, hpet = false, hotplug }: DsdtOptions): Aml {
  return [
    ...aml.name('\\_S3', aml.list(SLEEP_TYPE_S3, SLEEP_TYPE_S3, 0, 0)),
    ...aml.name('\\_S5', aml.list(SLEEP_TYPE_S5, SLEEP_TYPE_S5, 0, 0)),
    ...aml.scope(
      '\\_SB',
      aml.device(
        'PCI0',
        aml.name('_HID', aml.eisaId('PNP0A03')),
        aml.name('_ADR', 0),
        aml.name('_UID', 0),
        aml.name(
          '_CRS',
          aml.resources(
            aml.busNumbers(0, 0xff),
            aml.ioPort(0xcf8, 8),
            aml.ioWindow(0x0000, 0x0cf7),
            aml.ioWindow(0x0d00, 0xffff),
            aml.memoryWindow(0xa0000, 0xbffff),
            aml.memoryWindow(pciMemoryBase, 0xfebfffff),
          ),
        ),
        aml.name('_PRT', routing()),
        ...(hotplug ? [hotplug.bus] : []),
        aml.device(
          'ISA',
          aml.name('_ADR', 0x00010000),
          aml.region('PIRQ', 2, 0x60, 4),
          aml.field('PIRQ', [
            ['PRQ0', 8],
            ['PRQ1', 8],
            ['PRQ2', 8],
            ['PRQ3', 8],
          ]),
          isa('RTC', 'PNP0B00', 0, aml.ioPort(0x70, 8), aml.irq(8)),
          ...(hpet ? [isa('HPET', 'PNP0103', 0, aml.fixedMemory(HPET_BASE, HPET_BYTES))] : []),
          isa('KBD', 'PNP0303', 0, aml.ioPort(0x60, 1), aml.ioPort(0x64, 1), aml.irq(1)),
          isa('MOU', 'PNP0F13', 0, aml.irq(12)),
          isa('COM1', 'PNP0501', 1, aml.ioPort(0x3f8, 8), aml.irq(4)),
          isa('COM2', 'PNP0501', 2, aml.ioPort(0x2f8, 8), aml.irq(3)),
          isa('LPT1', 'PNP0400', 1, aml.ioPort(0x378, 8), aml.irq(7)),
          // Ports that belong to the board: power management, SMBus, test device.
          aml.device(
            'RSV',
            aml.name('_HID', aml.eisaId('PNP0C02')),
            aml.name(
              '_CRS',
              aml.resources(aml.ioPort(PM_BASE, 0x40), aml.ioPort(SMBUS_BASE, 0x10), aml.ioPort(0x2000, 0x18)),
            ),
          ),
        ),
      ),
      currentRoute(),
      ...LINKS.map((at, i) => link(at, i, `\\_SB.PCI0.ISA.PRQ${i}`)),
    ),
    ...(hotplug?.root ?? []),
  ];
}
