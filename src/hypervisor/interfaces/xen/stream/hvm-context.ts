/**
 * Body of the HVM_CONTEXT record: a chain of records with Xen's numbers and framing, one a device and instance, whose bodies are ours.
 * Source: xen/include/public/arch-x86/hvm/save.h (struct hvm_save_descriptor, struct hvm_save_header).
 */
import type { State } from '../../../../devices/index.ts';
import { decodePlain, encodePlain, PlainDataError } from './plain-data.ts';
import { BODIES_MARK, BODIES_VERSION, HVM, HVM_MAGIC, HVM_VERSION, OLDEST_BODIES_VERSION } from './format.ts';

/** A device's or processor's state, or several devices' of one kind. */
export interface HvmRecord {
  type: number;
  instance: number;
  state: State;
}

const DESCRIPTOR_BYTES = 8;
/** Magic, version, changeset (64 bits: ours holds version and mark of the bodies), CPUID of the host, its TSC's kHz. */
const HEADER_BYTES = 24;

/** Which record a device of the platform goes into; others are the device model's. */
const TYPE_OF: Readonly<Record<string, number>> = {
  pic: HVM.PIC,
  ioapic: HVM.IOAPIC,
  'irq-lines': HVM.ISA_IRQ,
  'pci-links': HVM.PCI_LINK,
  pit: HVM.PIT,
  rtc: HVM.RTC,
  'acpi-pm': HVM.PMTIMER,
  'coprocessor-error': HVM.RINGSIDE_FERR,
};
const LOCAL_APIC = /^lapic(\d+)$/;

export function placeOf(device: string): { type: number; instance: number } | undefined {
  const local = LOCAL_APIC.exec(device);
  if (local) return { type: HVM.LAPIC, instance: Number(local[1]) };
  const type = TYPE_OF[device];
  return type === undefined ? undefined : { type, instance: 0 };
}

export function deviceAt(type: number, instance: number): string | undefined {
  if (type === HVM.LAPIC) return `lapic${instance}`;
  return instance === 0 ? Object.keys(TYPE_OF).find(name => TYPE_OF[name] === type) : undefined;
}

export function encodeHvmContext(records: readonly HvmRecord[], cpuidEax: number, tscKhz: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  [HVM_MAGIC, HVM_VERSION, BODIES_VERSION, BODIES_MARK, cpuidEax, tscKhz].forEach((word, i) =>
    new DataView(header.buffer).setUint32(i * 4, word >>> 0, true),
  );
  const bodies = records.map(({ type, instance, state }) => ({ type, instance, body: encodePlain(state) }));
  const all = [
    { type: HVM.HEADER as number, instance: 0, body: header },
    ...bodies,
    { type: HVM.END as number, instance: 0, body: new Uint8Array(0) },
  ];
  const bytes = new Uint8Array(all.reduce((sum, { body }) => sum + DESCRIPTOR_BYTES + body.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { type, instance, body } of all) {
    view.setUint16(at, type, true);
    view.setUint16(at + 2, instance, true);
    view.setUint32(at + 4, body.length, true);
    bytes.set(body, at + DESCRIPTOR_BYTES);
    at += DESCRIPTOR_BYTES + body.length;
  }
  return bytes;
}

/** `fail` is called with what is wrong, a part of a sentence, and where in `bytes`. */
export function decodeHvmContext(bytes: Uint8Array, fail: (what: string, at: number) => never): HvmRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: HvmRecord[] = [];
  for (let at = 0; ; ) {
    if (at + DESCRIPTOR_BYTES > bytes.length) fail('ends before its record END', at);
    const type = view.getUint16(at, true),
      instance = view.getUint16(at + 2, true),
      length = view.getUint32(at + 4, true);
    const start = at + DESCRIPTOR_BYTES;
    if (start + length > bytes.length) fail(`has a record of type ${type} that is longer than what is left`, at);
    if ((at === 0) !== (type === HVM.HEADER))
      fail(at === 0 ? 'does not start with its record HEADER' : 'has two records HEADER', at);
    const body = bytes.subarray(start, start + length);
    if (type === HVM.HEADER) checkHeader(body, what => fail(what, start));
    else if (type === HVM.END) {
      if (length !== 0 || start !== bytes.length) fail('goes on behind its record END', at);
      return records;
    } else {
      if (records.some(other => other.type === type && other.instance === instance))
        fail(`has two records of type ${type} for instance ${instance}`, at);
      records.push({
        type,
        instance,
        state: plainState(body, (what, offset) =>
          fail(`has a record of type ${type} that cannot be read: ${what}`, start + offset),
        ),
      });
    }
    at = start + length;
  }
}

function checkHeader(body: Uint8Array, fail: (what: string) => never): void {
  if (body.length !== HEADER_BYTES) fail(`has a record HEADER of ${body.length} bytes instead of ${HEADER_BYTES}`);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const word = (i: number): number => view.getUint32(i * 4, true);
  if (word(0) !== HVM_MAGIC || word(1) !== HVM_VERSION) fail('has a record HEADER that is none');
  if (word(3) !== BODIES_MARK) fail('was written by another hypervisor, whose devices are others');
  if (word(2) < OLDEST_BODIES_VERSION || word(2) > BODIES_VERSION)
    fail(
      `holds devices in version ${word(2)}, and this version of Ringside reads ${OLDEST_BODIES_VERSION} to ${BODIES_VERSION}`,
    );
}

/** Plain data that is an object. */
export function plainState(bytes: Uint8Array, fail: (what: string, at: number) => never): State {
  let value: unknown;
  try {
    value = decodePlain(bytes);
  } catch (error) {
    if (error instanceof PlainDataError) return fail(error.message, error.offset);
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return fail('it is no object', 0);
  return value as State;
}
