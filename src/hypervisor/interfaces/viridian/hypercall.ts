/**
 * Hypercalls by Hyper-V's convention: of 32-bit code EDX:EAX says which, EBX:ECX and EDI:ESI are its parameters or where they lie, of 64-bit code RCX, RDX
 * and R8.
 * Source: xen/arch/x86/hvm/viridian/viridian.c; Hypervisor Top-Level Functional Specification, 3.
 */
import { isLongCode, registers as R } from '../../../cpu/architecture/index.ts';
import type { ViridianParts } from './parts.ts';

/** Call codes. */
const CALL = {
  FLUSH_VIRTUAL_ADDRESS_SPACE: 0x02,
  FLUSH_VIRTUAL_ADDRESS_LIST: 0x03,
  NOTIFY_LONG_SPIN_WAIT: 0x08,
  SEND_IPI: 0x0b,
  FLUSH_VIRTUAL_ADDRESS_SPACE_EX: 0x13,
  FLUSH_VIRTUAL_ADDRESS_LIST_EX: 0x14,
  SEND_IPI_EX: 0x15,
} as const;
const SUCCESS = 0,
  INVALID_HYPERCALL_CODE = 2,
  INVALID_PARAMETER = 5;
const FAST = 1 << 16,
  REP_COUNT = 0xfff;
/** Formats of a set of processors. */
const SPARSE_4K = 0,
  SET_ALL = 1;
/** Parameters of the flushes: address space, flags, then a mask of processors, or a set of them. */
const SET_AT = 16,
  FLUSH_BYTES = 24,
  FLUSH_EX_BYTES = 32,
  FLUSH_ALL_PROCESSORS = 1;
const FIRST_VECTOR = 16;
/** CS: default operand size of 32 bits. */
const CS_DB = 1 << 14;
const CR0_PE = 1;

/** or eax, 0x80000000; vmcall; ret; int3 for the rest. */
export function viridianHypercallPage(): Uint8Array {
  const page = new Uint8Array(4096).fill(0xcc);
  page.set([0x0d, 0, 0, 0, 0x80, 0x0f, 0x01, 0xc1, 0xc3]);
  return page;
}

interface Input {
  /** Call code and flags; count and start of a list. */
  call: number;
  list: number;
  /** Words of the two parameters. */
  first: readonly [low: number, high: number];
  second: readonly [low: number, high: number];
}

function inputOf({ regs }: ViridianParts): Input {
  const wide = (word: number): readonly [number, number] => [regs[word], regs[word + R.HIGH]];
  if (isLongCode(regs))
    return { call: regs[R.ECX], list: regs[R.ECX + R.HIGH], first: wide(R.EDX), second: wide(R.R8) };
  return {
    call: regs[R.EAX],
    list: regs[R.EDX],
    first: [regs[R.ECX], regs[R.EBX]],
    second: [regs[R.ESI], regs[R.EDI]],
  };
}

/** A call with the bit of the hypercall page in EAX; its result is in EDX:EAX, or RAX. From 16-bit code nothing happens. */
export function viridianHypercall(parts: ViridianParts): void {
  const { regs } = parts;
  if (isLongCode(regs)) {
    const { status, done = 0 } = call(parts, inputOf(parts));
    regs[R.EAX] = status;
    regs[R.EAX + R.HIGH] = done;
    return;
  }
  if (!(regs[R.CR0] & CR0_PE) || !(regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_RIGHTS] & CS_DB)) return;
  const { status, done = 0 } = call(parts, inputOf(parts));
  regs[R.EAX] = status;
  regs[R.EDX] = done;
}

interface Result {
  status: number;
  /** Elements of a list. */
  done?: number;
}

const OK: Result = { status: SUCCESS },
  WRONG: Result = { status: INVALID_PARAMETER };

function call(parts: ViridianParts, input: Input): Result {
  const fast = (input.call & FAST) !== 0;
  switch (input.call & 0xffff) {
    case CALL.NOTIFY_LONG_SPIN_WAIT:
      parts.yield();
      return OK;
    case CALL.FLUSH_VIRTUAL_ADDRESS_SPACE:
    case CALL.FLUSH_VIRTUAL_ADDRESS_LIST:
      return fast ? WRONG : flush(parts, input, FLUSH_BYTES);
    case CALL.FLUSH_VIRTUAL_ADDRESS_SPACE_EX:
    case CALL.FLUSH_VIRTUAL_ADDRESS_LIST_EX:
      return fast ? WRONG : flush(parts, input, FLUSH_EX_BYTES);
    case CALL.SEND_IPI:
      return sendIpi(parts, input, fast);
    case CALL.SEND_IPI_EX:
      return fast ? WRONG : sendIpiEx(parts, input);
    default:
      return { status: INVALID_HYPERCALL_CODE };
  }
}

const inputAddress = ({ first: [low, high] }: Input): number => (high >>> 0) * 2 ** 32 + (low >>> 0);

/** Guest-physical memory; undefined: some of it is none. */
function read({ access, bytes }: ViridianParts, address: number, length: number): DataView | undefined {
  const view = new DataView(new ArrayBuffer(length));
  for (let i = 0; i < length; i++) {
    const offset = access.physicalOffset(address + i, false);
    if (offset < 0) return undefined;
    view.setUint8(i, bytes[offset]);
  }
  return view;
}

/** All translations go, of whichever processors are named: they have one TLB. */
function flush(parts: ViridianParts, input: Input, inputBytes: number): Result {
  const flags = read(parts, inputAddress(input), inputBytes);
  if (!flags) return WRONG;
  const namesSet = inputBytes > FLUSH_BYTES && !(flags.getUint32(8, true) & FLUSH_ALL_PROCESSORS);
  if (namesSet && processors(parts, inputAddress(input) + SET_AT) === undefined) return WRONG;
  parts.flushTlb();
  return { status: SUCCESS, done: input.list & REP_COUNT };
}

/** A set of processors at a guest-physical address: format, mask of banks, the banks. */
function processors(parts: ViridianParts, address: number): bigint | undefined {
  const head = read(parts, address, 16);
  if (!head) return undefined;
  const format = head.getBigUint64(0, true);
  if (format === BigInt(SET_ALL)) return -1n;
  if (format !== BigInt(SPARSE_4K)) return undefined;
  let set = 0n,
    at = address + 16;
  for (let bank = 0; bank < 64; bank++) {
    if (!((head.getBigUint64(8, true) >> BigInt(bank)) & 1n)) continue;
    const mask = read(parts, at, 8);
    if (!mask) return undefined;
    set |= mask.getBigUint64(0, true) << BigInt(64 * bank);
    at += 8;
  }
  return set;
}

function interrupt(parts: ViridianParts, vector: number, set: bigint): Result {
  if (vector < FIRST_VECTOR || vector > 0xff) return WRONG;
  for (let vcpu = 0; vcpu < parts.vcpus; vcpu++) if ((set >> BigInt(vcpu)) & 1n) parts.interrupt(vcpu, vector);
  return OK;
}

function sendIpi(parts: ViridianParts, input: Input, fast: boolean): Result {
  const [vector, level] = input.first,
    [set, setHigh] = input.second;
  if (fast)
    return level !== 0 ? WRONG : interrupt(parts, vector >>> 0, (BigInt(setHigh >>> 0) << 32n) | BigInt(set >>> 0));
  const message = read(parts, inputAddress(input), 16);
  // Only the first virtual trust level; the rest is zero.
  if (!message || message.getUint32(4, true) !== 0) return WRONG;
  return interrupt(parts, message.getUint32(0, true), message.getBigUint64(8, true));
}

function sendIpiEx(parts: ViridianParts, input: Input): Result {
  const address = inputAddress(input);
  const message = read(parts, address, 24);
  if (
    !message ||
    message.getUint32(4, true) !== 0 ||
    message.getUint32(0, true) < FIRST_VECTOR ||
    message.getUint32(0, true) > 0xff
  )
    return WRONG;
  const set = processors(parts, address + 8);
  return set === undefined ? WRONG : interrupt(parts, message.getUint32(0, true), set);
}
