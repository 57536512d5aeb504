/** A tiny guest of Xen for tests: an ELF kernel with the PVH note, made of machine code, in a domain of its own in virtual time. */
import { asm } from '../../../cpu/test-support/asm.ts';
import { assembleDomain, type PartlessOptions } from '../assemble.ts';
import type { Domain } from '../../domain/domain.ts';
import { XEN_TYPE } from './layout.ts';
import { createDomain } from '../../memory/domain-table.ts';
import { Machine } from '../../memory/machine.ts';
import { HVM_PARAM } from './abi.ts';
import { Dom0 } from './dom0-access.ts';
import { hypercall } from './hypercalls.ts';
import { xenOf } from './of-domain.ts';
import { xenRecords } from './records.ts';

/** Where the program lies and starts, physical. */
export const LOAD = 0x100000;
/** Where tests put structures. */
export const ARGS = 0x20000;

const HEADER_BYTES = 52,
  PROGRAM_HEADER_BYTES = 32,
  NOTE_AT = 0x100,
  CODE_AT = 0x200;
const PHYS32_ENTRY = 18;

/** An ELF file with one segment at LOAD and Xen's note of a 32-bit physical entry. */
export function pvhKernel(code: Uint8Array | number[]): Uint8Array {
  const file = new Uint8Array(CODE_AT + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const u16 = (at: number, value: number): void => view.setUint16(at, value, true);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
  u16(16, 2); // ET_EXEC
  u16(18, 3); // i386
  u32(20, 1);
  u32(24, LOAD);
  u32(28, HEADER_BYTES);
  u16(40, HEADER_BYTES);
  u16(42, PROGRAM_HEADER_BYTES);
  u16(44, 2);
  // PT_LOAD, then PT_NOTE.
  [1, CODE_AT, LOAD, LOAD, code.length, code.length + 0x1000, 7, 4].forEach((word, i) =>
    u32(HEADER_BYTES + i * 4, word),
  );
  [4, NOTE_AT, 0, 0, 20, 20, 4, 4].forEach((word, i) => u32(HEADER_BYTES + PROGRAM_HEADER_BYTES + i * 4, word));
  [4, 4, PHYS32_ENTRY].forEach((word, i) => u32(NOTE_AT + i * 4, word));
  file.set([0x58, 0x65, 0x6e, 0], NOTE_AT + 12); // "Xen"
  u32(NOTE_AT + 16, LOAD);
  file.set(code, CODE_AT);
  return file;
}

/** A domain, and 32-bit words of its memory. */
export interface GuestWords {
  domain: Domain;
  put(address: number, ...words: number[]): number;
  get(address: number): number;
}

export function memoryOf(domain: Domain): GuestWords {
  const { memory } = domain;
  return {
    domain,
    put: (address, ...words) => {
      const bytes = new DataView(new ArrayBuffer(words.length * 4));
      words.forEach((word, i) => bytes.setInt32(i * 4, word | 0, true));
      memory.write(address, new Uint8Array(bytes.buffer));
      return address;
    },
    get: address => {
      const bytes = new Uint8Array(4);
      memory.read(address, bytes);
      return new DataView(bytes.buffer).getInt32(0, true);
    },
  };
}

export interface TestGuest extends GuestWords {
  machine: Machine;
  dom0: Dom0;
  /** Makes a hypercall as the guest's vCPU that is current; arguments and result are signed words. */
  call(number: number, ...args: number[]): number;
  /** What it wrote to the hypervisor's console. */
  readonly said: string;
}

const CLI_HLT = asm('cli; hlt');

/** A domain of 4 MiB whose code is `code` (default: CLI, HLT). It has not run yet. */
export function testGuest({
  code = CLI_HLT,
  vcpus = 1,
  type = XEN_TYPE.PVH,
  viridian = 0,
  hasHpet = false,
  machine = Machine.create(new SharedArrayBuffer(48 * 2 ** 20)),
  options = {},
}: {
  code?: number[];
  vcpus?: number;
  type?: number;
  /** Bits of HVM_PARAM_VIRIDIAN. */
  viridian?: number;
  hasHpet?: boolean;
  machine?: Machine;
  options?: Partial<PartlessOptions>;
} = {}): TestGuest {
  const dom0 = new Dom0(machine);
  const record = createDomain(machine, 4, 0x100000, { guest: xenRecords(type), vcpus });
  if (viridian !== 0) dom0.setHvmParam(record.id, HVM_PARAM.VIRIDIAN, viridian);
  if (hasHpet) dom0.setHvmParam(record.id, HVM_PARAM.HPET_ENABLED, 1);
  let said = '';
  const domain = assembleDomain({
    machine,
    record,
    memoryMiB: 4,
    boot: { kind: 'kernel', kernel: pvhKernel(code), name: 'program', cmdline: '' },
    startEpochMs: 1_000_000_000_500,
    onReset: 'end',
    onTripleFault: 'end',
    apic: true,
    serial: () => {},
    xenConsole: bytes => {
      said += String.fromCharCode(...bytes);
    },
    ...options,
  });
  const xen = xenOf(domain);
  if (!xen) throw new Error('not a guest of Xen');
  return {
    machine,
    dom0,
    call: (number, ...args) => hypercall(xen, number, [...args, 0, 0, 0, 0, 0].slice(0, 5)),
    ...memoryOf(domain),
    get said() {
      return said;
    },
  };
}
