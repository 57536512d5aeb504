/**
 * A reset that is a way back to real mode: before it the guest leaves a shutdown code in CMOS and a pointer at 40:67, as programs for the 80286 do, which
 * has no other way. Memory stays. Firmware in the guest acts on the code by itself; without firmware this acts in its place.
 * Sources: IBM Personal Computer AT Technical Reference (1502494), "shutdown status byte" and the BIOS's listing; SeaBIOS's handle_resume() for the codes.
 */
import { registers as R } from '../../cpu/architecture/index.ts';
import type { ResetKind } from '../../devices/pci/index.ts';
import type { BuiltDomain } from './built-domain.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

const CODE = { JUMP_AFTER_EOI: 0x05, BLOCK_MOVE_RETURN: 0x09, JUMP: 0x0a, INTERRUPT_RETURN: 0x0b, FAR_RETURN: 0x0c };
const BIOS_DATA_SEGMENT = 0x40,
  POINTER = 0x467;
const PIC_COMMANDS = [0xa0, 0x20],
  EOI = 0x20,
  KEYBOARD_DATA = 0x60;
/** Bits of FLAGS that IRET takes in real mode, and the one that is always 1. */
const FLAGS = 0x7fd5,
  FLAGS_SET = 2;

/** Whether a reset now would go on in memory as it is. Not where a reset is a new domain, nor where a reset of the board brings back firmware's ROM. */
export function isWayBack({ platform, options, traits }: BuiltDomain, kind: ResetKind): boolean {
  if (traits.resetIsNewDomain || !platform.resetProcessors || (kind === 'board' && options.boot.kind === 'firmware'))
    return false;
  return Object.values(CODE).includes(platform.shutdownCode ?? 0);
}

/** What the reset leads to, once devices and processors are reset. */
export function goBack({ platform, options, processor, memory }: BuiltDomain): void {
  if (options.boot.kind === 'firmware') return;
  const code = platform.shutdownCode;
  platform.shutdownCode = 0;
  const [offset, segment] = words(memory, POINTER, 2);
  const { regs } = processor;
  if (code === CODE.JUMP_AFTER_EOI || code === CODE.JUMP) {
    if (code === CODE.JUMP_AFTER_EOI) {
      platform.modelBus?.readPort(KEYBOARD_DATA, 1);
      for (const port of PIC_COMMANDS) platform.ownBus.writePort(port, EOI, 1);
    }
    setSegment(regs, R.DS, BIOS_DATA_SEGMENT);
    setSegment(regs, R.CS, segment);
    regs[R.EIP] = offset;
    return;
  }
  // The pointer is a stack's.
  let at = offset;
  const pop = (): number => {
    const [value] = words(memory, segment * 16 + at, 1);
    at = (at + 2) & 0xffff;
    return value;
  };
  if (code === CODE.BLOCK_MOVE_RETURN) {
    setSegment(regs, R.ES, pop());
    setSegment(regs, R.DS, pop());
    // POPA leaves SP out.
    for (const register of [R.EDI, R.ESI, R.EBP, R.ESP, R.EBX, R.EDX, R.ECX, R.EAX]) regs[register] = pop();
  }
  regs[R.EIP] = pop();
  setSegment(regs, R.CS, pop());
  if (code !== CODE.FAR_RETURN) processor.eflags = (pop() & FLAGS) | FLAGS_SET;
  setSegment(regs, R.SS, segment);
  regs[R.ESP] = at;
}

/** The shutdown code by which firmware knows that memory is to be kept and its waking vector taken (SeaBIOS, handle_resume; QEMU sets it, cmos_set_s3_resume). */
const S3_RESUME = 0xfe;
/** Where a PC without firmware has its ACPI tables; the FACS lies on 64 bytes (ACPI, 5.2.10). */
const TABLES = 0xe0000,
  TABLES_END = 0x100000,
  FACS_ALIGNMENT = 64,
  FACS = 0x53434146,
  WAKING_VECTOR = 12;

/** The way out of S3, once devices and processors are reset: by firmware, or, where there is none, to the waking vector of the FACS in real mode (ACPI, 16.3.2). */
export function wakeUp({ platform, options, processor, memory, traits }: BuiltDomain): void {
  const { regs } = processor;
  if (options.boot.kind === 'firmware') {
    platform.shutdownCode = S3_RESUME;
    if (traits.firmware === 'ram') regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_BASE] = 0xf0000;
    return;
  }
  platform.setFirmwareDefaults?.();
  for (let at = TABLES; at < TABLES_END; at += FACS_ALIGNMENT) {
    const [low, high] = words(memory, at, 2);
    if (low + high * 0x10000 !== FACS) continue;
    const [vectorLow, vectorHigh] = words(memory, at + WAKING_VECTOR, 2);
    const vector = vectorLow + vectorHigh * 0x10000;
    setSegment(regs, R.CS, (vector >>> 4) & 0xffff);
    regs[R.EIP] = vector & 15;
    return;
  }
}

/** A segment register in real mode. */
function setSegment(regs: Int32Array, index: number, selector: number): void {
  const at = R.SEG + index * R.SEG_WORDS;
  regs[at + R.SEG_SELECTOR] = selector;
  regs[at + R.SEG_BASE] = selector << 4;
}

function words(memory: GuestMemory, address: number, count: number): number[] {
  const bytes = new Uint8Array(2 * count);
  memory.read(address, bytes);
  return Array.from(new Uint16Array(bytes.buffer));
}
