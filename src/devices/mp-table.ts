/**
 * The table by which systems without ACPI find processors and the I/O APIC, for guests whose firmware finds it done, as Xen's hvmloader hands it over.
 * Source: Intel MultiProcessor Specification 1.4, chapter 4.
 */
import type { Dma } from './bus.ts';
import { IO_APIC_BASE } from './apic/io-apic.ts';
import { LOCAL_APIC_BASE } from './apic/local-apic-registers.ts';

export interface MpOptions {
  /** Processors that are there at the start. */
  online: number;
  /** From one processor's APIC identifier to the next one's. */
  apicIdStep: number;
  /** The I/O APIC's identifier, which no processor has. */
  ioApicId: number;
}

/** Bytes of the floating pointer, and behind it the table. */
const POINTER_BYTES = 16;
const PROCESSOR = 0,
  BUS = 1,
  IO_APIC = 2,
  INTERRUPT = 3,
  LOCAL_INTERRUPT = 4;
/** Kinds of interrupts. */
const VECTORED = 0,
  NMI = 1,
  EXTERNAL = 3;
const ENABLED = 1,
  BOOTSTRAP = 2;
const ISA_BUS = 0,
  ALL_APICS = 0xff;
/** What PCI's links and the SCI may drive: level, active high, as the MADT has it. */
const SHARED = [5, 9, 10, 11],
  LEVEL_HIGH = 0x0d;

const word = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff];
const dword = (value: number): number[] => [...word(value), ...word(value >>> 16)];
const ascii = (value: string): number[] => [...value].map(c => c.charCodeAt(0));

/** With a check sum in a byte, so that all make 0. */
function summed(bytes: number[], at: number): Uint8Array {
  bytes[at] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return Uint8Array.from(bytes);
}

function entries({ online, apicIdStep, ioApicId }: MpOptions): number[][] {
  const interrupt = (type: number, kind: number, flags: number, irq: number, apic: number, pin: number): number[] => [
    type,
    kind,
    ...word(flags),
    ISA_BUS,
    irq,
    apic,
    pin,
  ];
  const processors = Array.from({ length: online }, (_, n) => [
    // Signature: family 6; features: an x87 and a local APIC. CPUID says more.
    PROCESSOR,
    n * apicIdStep,
    0x14,
    ENABLED | (n === 0 ? BOOTSTRAP : 0),
    ...dword(0x600),
    ...dword(0x201),
    ...dword(0),
    ...dword(0),
  ]);
  const irqs = Array.from({ length: 16 }, (_, irq) => irq).filter(irq => irq !== 2);
  return [
    ...processors,
    [BUS, ISA_BUS, ...ascii('ISA   ')],
    [IO_APIC, ioApicId, 0x11, ENABLED, ...dword(IO_APIC_BASE)],
    // The timer is on pin 2, where the 8259A has its cascade.
    ...irqs.map(irq =>
      interrupt(INTERRUPT, VECTORED, SHARED.includes(irq) ? LEVEL_HIGH : 0, irq, ioApicId, irq === 0 ? 2 : irq),
    ),
    interrupt(LOCAL_INTERRUPT, EXTERNAL, 0, 0, ALL_APICS, 0),
    interrupt(LOCAL_INTERRUPT, NMI, 0, 0, ALL_APICS, 1),
  ];
}

/** Writes the floating pointer, and the table behind it, which stays where it is; firmware copies the pointer to where systems look for it. */
export function installMpTable(dma: Dma, options: MpOptions, at: number): void {
  const all = entries(options),
    table = at + POINTER_BYTES;
  const header = [
    ...ascii('PCMP'),
    ...word(44 + all.flat().length),
    4,
    0,
    ...ascii('RINGSIDE'),
    ...ascii('PC          '),
    ...dword(0),
    ...word(0),
    ...word(all.length),
    ...dword(LOCAL_APIC_BASE),
    ...word(0),
    0,
    0,
  ];
  dma.write(at, summed([...ascii('_MP_'), ...dword(table), POINTER_BYTES / 16, 4, 0, 0, 0, 0, 0, 0], 10));
  dma.write(table, summed([...header, ...all.flat()], 7));
}
