/** How a guest came to its end, from what its vCPU left behind: the events that could not be delivered, and the gates that blocked them. Source: SDM vol. 3, 6.10 to 6.15. */
import { isLongMode, registers as R, wideOf } from '../../../cpu/architecture/index.ts';
import { addressText, exceptionName, type UndeliveredEvent, type VcpuState } from '../../../hypervisor/view/index.ts';

/** A gate of the interrupt table, or of real mode's table of far addresses. */
export interface Gate {
  vector: number;
  /** Where it lies. */
  linear: number;
  /** Bytes of an entry: 4 in real mode, 16 in long mode (SDM vol. 3, 6.14.1). */
  size: 4 | 8 | 16;
  /** The table's limit ends before it. */
  isBeyond: boolean;
  /** Of `size`; fewer: no memory is mapped there. */
  bytes: Uint8Array;
}

/** A step on the way to the end. */
export interface Moment {
  /** `gate`: what an event found; the others are events and ends. */
  kind: 'instruction' | 'event' | 'gate' | 'end';
  head: string;
  name: string;
  text: string;
  vector?: number;
}

const REAL_BYTES = 4,
  GATE_BYTES = 8,
  LONG_BYTES = 16,
  DESCRIPTOR_BYTES = 8,
  /** Bits of an error code that names a selector (SDM vol. 3, figure 6-7). */
  IN_IDT = 2,
  IN_LDT = 4,
  SELECTOR = 0xfff8,
  /** Vectors whose error code names a selector. */
  NAMES_SELECTOR = [10, 11, 12, 13],
  STACK = 12,
  PROTECTION = 13,
  PAGE_FAULT = 14;
/** Instructions of which the exception is the purpose. */
const ASKED_BY: Readonly<Record<number, string>> = { 1: 'INT1', 3: 'INT3', 4: 'INTO' };
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];
const hex = (value: number, digits = 4): string => (value >>> 0).toString(16).padStart(digits, '0');

/** As the SDM writes an exception: #GP(0028). */
export function eventName({ vector, type, error }: UndeliveredEvent): string {
  if (type === 'external') return `interrupt 0x${hex(vector, 2)}`;
  if (type === 'software interrupt') return `INT 0x${hex(vector, 2)}`;
  const name = exceptionName(vector);
  return `${name.startsWith('#') ? name.split(' ')[0] : name}${error === undefined ? '' : `(${hex(error)})`}`;
}

/** The gate that a vector leads to. */
export function gateOf(state: Pick<VcpuState, 'regs' | 'bytesAt'>, vector: number): Gate {
  const { regs } = state,
    isLong = isLongMode(regs),
    size = isLong ? LONG_BYTES : (regs[R.CR0]! & 1) === 0 ? REAL_BYTES : GATE_BYTES;
  const linear = isLong ? wideOf(regs, R.IDTR_BASE) + size * vector : (regs[R.IDTR_BASE]! + size * vector) >>> 0;
  return {
    vector,
    linear,
    size,
    isBeyond: size * vector + size - 1 > regs[R.IDTR_LIMIT]!,
    bytes: state.bytesAt(linear, size),
  };
}

/** How many gates the table has, how many are present, and whether all have the same kind and rights as `gate`: who wrote one so wrote all so. */
export function tableOf(
  state: Pick<VcpuState, 'regs' | 'bytesAt'>,
  gate: Gate,
): { gates: number; present: number; isAlike: boolean } {
  const gates = Math.min(256, Math.floor((state.regs[R.IDTR_LIMIT]! + 1) / gate.size));
  const rights = Array.from({ length: gates }, (_, vector) => gateOf(state, vector).bytes[5]);
  return {
    gates,
    present: rights.filter(each => (each ?? 0) & 0x80).length,
    isAlike: rights.every(each => each === gate.bytes[5]),
  };
}

/** Of long mode: no task gates, none of 16 bits (SDM vol. 3, figure 6-8). */
const LONG_KINDS: Readonly<Record<number, string>> = {
  0xe: '64-bit interrupt gate',
  0xf: '64-bit trap gate',
};
const KINDS: Readonly<Record<number, string>> = {
  0x5: 'task gate',
  0x6: '16-bit interrupt gate',
  0x7: '16-bit trap gate',
  0xe: '32-bit interrupt gate',
  0xf: '32-bit trap gate',
};

/** A gate's fields, bit by bit (SDM vol. 3, figures 6-2 and 6-8); `isBad`: this one keeps events from it. */
export function gateFields({ bytes, size }: Gate): { bits: string; value: string; says: string; isBad?: boolean }[] {
  const word = (at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
  if (bytes.length < size) return [];
  if (size === REAL_BYTES)
    return [
      { bits: '0–15', value: hex(word(0)), says: 'offset' },
      { bits: '16–31', value: hex(word(2)), says: 'segment' },
    ];
  const isLong = size === LONG_BYTES,
    rights = bytes[5]!,
    type = rights & 15,
    kind = rights & 16 ? undefined : (isLong ? LONG_KINDS : KINDS)[type];
  return [
    { bits: '0–15', value: hex(word(0)), says: 'offset, low' },
    { bits: '16–31', value: hex(word(2)), says: 'selector' },
    ...(isLong
      ? [
          {
            bits: '32–34',
            value: String(bytes[4]! & 7),
            says: bytes[4]! & 7 ? 'IST, a stack of its own' : 'IST, none',
          },
          { bits: '35–39', value: hex(bytes[4]! >> 3, 2), says: 'not used' },
        ]
      : [{ bits: '32–39', value: hex(bytes[4]!, 2), says: 'not used' }]),
    { bits: '40–44', value: hex(rights & 31, 2), says: kind ?? 'no gate', ...(kind ? {} : { isBad: true }) },
    { bits: '45–46', value: String((rights >> 5) & 3), says: 'DPL' },
    {
      bits: '47',
      value: String(rights >> 7),
      says: rights & 0x80 ? 'P, present' : 'P, not present',
      ...(rights & 0x80 ? {} : { isBad: true }),
    },
    { bits: '48–63', value: hex(word(6)), says: isLong ? 'offset, middle' : 'offset, high' },
    ...(isLong
      ? [
          { bits: '64–95', value: `${hex(word(10))}${hex(word(8))}`, says: 'offset, high' },
          { bits: '96–127', value: `${hex(word(14))}${hex(word(12))}`, says: 'not used' },
        ]
      : []),
  ];
}

/** What kept an event from its handler, in some words: as its gate is, and as `next` says, the exception that its delivery raised. */
export function obstacle(gate: Gate, next: UndeliveredEvent): string {
  if (gate.isBeyond) return 'beyond the table’s limit';
  if (next.vector === 14 && isFault(next))
    return `${next.address >= gate.linear && next.address < gate.linear + gate.size ? 'its page is not there' : 'no page for what it pushes or reads'}, ${addressText(next.address, gate.size === LONG_BYTES)}`;
  const bad = gateFields(gate).find(({ isBad }) => isBad);
  if (bad && ((next.error ?? 0) & IN_IDT) !== 0)
    return bad.says === 'no gate' ? `type ${bad.value}, no gate` : 'P = 0, not present';
  const isLong = gate.size === LONG_BYTES;
  // Nothing else limits a stack there.
  if (next.vector === STACK) return isLong ? 'its stack is at no canonical address' : 'no room on the handler’s stack';
  if (next.vector === 10) return 'the task state is not valid';
  if (gate.bytes.length < gate.size) return 'no memory is mapped there';
  const selector = gate.bytes[2]! | (gate.bytes[3]! << 8);
  return isLong && next.vector === PROTECTION && selector > 3 && ((next.error ?? 0) & SELECTOR) === 0
    ? 'its handler is at no canonical address'
    : `selector ${hex(selector)} leads to no code that may run`;
}

/** Why an event was raised, as far as its error code and the tables tell. */
export function causeOf(
  { vector, type, error = 0, address }: UndeliveredEvent,
  { regs }: Pick<VcpuState, 'regs'>,
): string {
  if (type === 'external' || type === 'NMI') return 'from outside';
  if (type === 'software interrupt') return 'asked for by an instruction';
  const general = exceptionName(vector).replace(/^#\w+ /, '');
  if (type === 'software exception') return `${general}: ${ASKED_BY[vector] ?? 'an instruction'} asked for it`;
  if (vector === PAGE_FAULT) return `${general} at ${addressText(address, isLongMode(regs))}`;
  if (!NAMES_SELECTOR.includes(vector) || error === 0) return general;
  const selector = error & SELECTOR;
  if (error & IN_IDT) return `${general}: IDT entry ${selector >>> 3}`;
  if (error & IN_LDT) return `${general}: selector ${hex(selector | IN_LDT)} of the LDT`;
  return selector + DESCRIPTOR_BYTES - 1 > regs[R.GDTR_LIMIT]!
    ? `selector ${hex(selector)} is past the GDT’s limit, ${hex(regs[R.GDTR_LIMIT]!)}`
    : `${general}: selector ${hex(selector)} of the GDT`;
}

/** A triple fault, event by event: each that was tried with the gate it found. Empty: none was recorded. */
export function momentsOf(state: Pick<VcpuState, 'regs' | 'bytesAt' | 'undelivered'>): Moment[] {
  const events = state.undelivered,
    moments: Moment[] = [];
  let tried = 0;
  for (const [i, event] of events.entries()) {
    const next = events[i + 1];
    // One that turned into #DF, and the last, were not tried.
    if (!next || isDouble(next)) continue;
    const gate = gateOf(state, event.vector),
      [found = '', says] = obstacle(gate, next).split(', ');
    moments.push(
      {
        kind: 'event',
        head: `${ORDINALS[tried++]} event`,
        name: eventName(event),
        text: isDouble(event) ? 'two faults in a row make a double fault' : causeOf(event, state),
        vector: event.vector,
      },
      {
        kind: 'gate',
        head: `${gate.size === REAL_BYTES ? 'vector' : 'IDT entry'} ${event.vector}`,
        name: found,
        text: `${says === undefined ? '' : `${says}: `}${eventName(next)}${says === undefined ? ' instead' : ''}`,
        vector: event.vector,
      },
    );
  }
  if (moments.length > 0)
    moments.push({ kind: 'end', head: 'shutdown', name: 'Triple fault', text: 'exit 2: nothing is left to deliver' });
  return moments;
}

const isFault = ({ type }: UndeliveredEvent): boolean => type === 'exception';
const isDouble = (event: UndeliveredEvent): boolean => isFault(event) && event.vector === 8;
