/**
 * What an instruction that exits by somebody's choice (edge.ts, Controls) would have done, as a hypervisor does it in its place, from what the exit tells: the
 * guest finds no difference. Sources: SDM vol. 2 at each mnemonic; vol. 3, 28.2.1 for what the exit tells, 27.6.1 for how an event is given back.
 */
import type { Cpu } from './cpu.ts';
import {
  type Emulated,
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_PRIVILEGED_SOFTWARE,
  EVENT_SOFTWARE_EXCEPTION,
  EVENT_TYPE_MASK,
  EVENT_VALID,
  ExitReason,
} from './architecture/edge.ts';
import { CR2, CR3, EAX, ECX, EDX, generalWord, HIGH } from './architecture/registers.ts';
import { isCanonical } from './addressing.ts';
import { DB, FAULT, PF_ } from './faults.ts';
import { setDr6, togetherWith } from './interrupts.ts';
import { writeCr0, writeCr3, writeCr4 } from './ops/control-register-writes.ts';
import { putMsr, putTsc, writeMsr } from './ops/msr.ts';

/** Type of access in the qualification of a control-register access (SDM vol. 3, table 28-3). */
const ACCESS_TYPE = 3 << 4,
  MOV_FROM_CR = 1 << 4;

export function emulateExit(cpu: Cpu): Emulated {
  if (cpu.exit.reason === ExitReason.EXCEPTION_OR_NMI) return giveBack(cpu);
  try {
    const outcome = cpu.loop.within(() => instead(cpu));
    if (outcome === 'done') cpu.loop.skipInstruction();
    return outcome;
  } catch (thrown) {
    if (thrown !== FAULT) throw thrown;
    return 'fault';
  }
}

function instead(cpu: Cpu): Emulated {
  const { R, exit } = cpu;
  switch (exit.reason) {
    case ExitReason.RDTSC:
    case ExitReason.RDTSCP:
      putTsc(cpu, exit.reason === ExitReason.RDTSCP);
      return 'done';
    case ExitReason.RDMSR:
      return putMsr(cpu) ? 'done' : 'unknown';
    case ExitReason.WRMSR:
      return writeMsr(cpu, R[ECX]!, R[EAX]!, R[EDX]!);
    case ExitReason.INVLPG:
      invalidatePage(cpu, exit.qualification);
      return 'done';
    case ExitReason.CR_ACCESS:
      return accessControlRegister(cpu, exit.qualification);
    default:
      return 'unknown';
  }
}

function invalidatePage({ mode, tlb }: Cpu, linear: number): void {
  if (!mode.long) return tlb.flushPage(linear | 0);
  const high = Math.floor(linear / 2 ** 32);
  if (isCanonical(high)) tlb.flushLongPage(linear | 0, high);
}

/** MOV to CR0, CR3 and CR4, and from CR3. */
function accessControlRegister(cpu: Cpu, qualification: number): Emulated {
  const { R, mode } = cpu,
    register = qualification & 15,
    type = qualification & ACCESS_TYPE,
    word = generalWord((qualification >>> 8) & 15);
  if (type === MOV_FROM_CR && register === 3) {
    R[word] = R[CR3]!;
    R[word + HIGH] = mode.long ? R[CR3 + HIGH]! : 0;
  } else if (type !== 0) return 'unknown';
  else if (register === 0) writeCr0(cpu, R[word]!);
  else if (register === 3) writeCr3(cpu, R[word]!, mode.long ? R[word + HIGH]! : 0);
  else if (register === 4) writeCr4(cpu, R[word]!);
  else return 'unknown';
  return 'done';
}

/** An exception goes on to the guest, which finds in CR2 and DR6 what the exit has left to us (SDM vol. 3, 28.1). With the exception whose
 * delivery it cut short it may be a double fault. */
function giveBack(cpu: Cpu): Emulated {
  const { R, exit, loop } = cpu,
    { interruption, qualification, idtVectoring } = exit,
    vector = interruption & 255,
    type = interruption & EVENT_TYPE_MASK;
  const made = idtVectoring === 0 ? vector : togetherWith(idtVectoring, vector);
  if (made === 'shutdown') return 'shutdown';
  if (made !== vector) {
    loop.inject(EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | made, 0);
    return 'done';
  }
  if (vector === PF_) {
    R[CR2] = qualification | 0;
    R[CR2 + HIGH] = cpu.mode.long ? Math.floor(qualification / 2 ** 32) : 0;
  }
  if (vector === DB && type !== EVENT_PRIVILEGED_SOFTWARE) setDr6(R, qualification);
  // INT3, INTO and INT1 retire with their delivery.
  if (type === EVENT_SOFTWARE_EXCEPTION || type === EVENT_PRIVILEGED_SOFTWARE) loop.count(1);
  loop.inject(interruption, exit.errorCode);
  return 'done';
}
