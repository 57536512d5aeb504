/** The texts around the facts of a guest that has ended. */

import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import { whole } from '../../units.ts';
import type { Deed } from '../explain.ts';
import type { Why } from '../inspector.ts';

interface HypervisorWords {
  /** A hypercall ends a guest, and this is who handles it; undefined: a guest ends by the PC's own means alone. */
  shutdown: { calls: string; handled: readonly Deed[] } | undefined;
  /** What becomes of a triple fault in reality; `code` is a name in the source. */
  triple: { before: string; code: string; after: string };
  /** What becomes of a crash in reality. */
  crash: string;
  /** What keeps a guest that has ended. */
  keeper: string;
  /** Its definition asks for that. */
  preserve: string;
  preserveText: string;
  /** Why it can be looked at. */
  stillHere: Why;
}
const OF_EACH: OfEach<HypervisorWords> = {
  xen: {
    shutdown: {
      calls: 'the guest calls Xen',
      handled: [
        ['Processor', 'leaves the guest'],
        ['Xen', 'takes SCHEDOP_shutdown', 'do_sched_op'],
        ['Xen', 'stops the domain’s vCPUs', 'domain_shutdown'],
        ['Xen', 'sends Domain-0', 'VIRQ_DOM_EXC'],
        ['Domain-0', 'does what on_crash says'],
      ],
    },
    triple: {
      before: 'A PC resets here and keeps nothing. Xen takes a triple fault as a reboot unless',
      code: 'HVM_PARAM_TRIPLE_FAULT_REASON',
      after: 'asks for a crash.',
    },
    crash:
      'Xen keeps a crashed domain only where on_crash says preserve, and xl dump-core writes its memory into a file for a debugger.',
    keeper: 'Domain-0',
    preserve: 'keeps it',
    preserveText: 'its definition says preserve',
    stillHere: {
      question: 'Why is it still here?',
      answer:
        'A crashed guest runs no more, and its memory is freed only when it is destroyed. Until then every inspector reads it.',
      source: 'xl.cfg, on_crash',
    },
  },
  kvm: {
    shutdown: undefined,
    triple: {
      before: 'A PC resets here and keeps nothing. So does QEMU: KVM_RUN returns with',
      code: 'KVM_EXIT_SHUTDOWN',
      after: 'and QEMU asks for a reset; libvirt then does what on_reboot says.',
    },
    crash:
      'QEMU stops its machine where KVM_RUN fails or reports an internal error, and libvirt shows it as paused or crashed. virsh dump writes its memory into a file for a debugger; on_crash decides only after a panic that the guest reports by a pvpanic device.',
    keeper: 'QEMU',
    preserve: 'keeps it',
    preserveText: 'on_crash says preserve',
    stillHere: {
      question: 'Why is it still here?',
      answer:
        'Its vCPUs have stopped, but QEMU’s process is there, and the guest’s memory with it, until the guest is destroyed. Until then every inspector reads it.',
      source: 'libvirt.org/formatdomain.html, on_crash; QEMU’s QMP reference, RunState',
    },
  },
};
/** The words of the hypervisor that the host has. */
export const hypervisorWords = (): HypervisorWords => ofHost(OF_EACH);

export const words = {
  nothing: 'Its memory and registers are gone: it was destroyed.',
  fell: (name: string, at: string, gate: string, why: string) =>
    `${name} stopped: triple fault at ${at}. ${gate[0]!.toUpperCase()}${gate.slice(1)}: ${why}.`,
  at: (time: string) => `That was at ${time}.`,
  written: (n: number) => `Bar: written by the last ${n} instructions.`,
  codeNone: 'What ran before is not kept.',
  codeNone2: 'in its definition keeps the last 50 instructions.',
  codeReality: 'A processor keeps branches (Intel PT); what each instruction did, only a simulator.',
  lastExit: 'Last exit',
  itsLast: 'its last exit',
  exitFacts: ['exit reason', 'qualification', 'guest EIP', 'instruction', 'exits before'],
  notUsed: ', not used',
  bytes: (n: number, all: string) => `${n} bytes, ${all}`,
  before: (all: number, io: number) => `${whole(all)}, ${whole(io)} of them port I/O`,
  stays: 'Its memory and registers stay.',
  how: 'How it came to that',
  last: 'last instruction',
  code: 'Code',
  codeHint: 'as memory is now',
  exits: 'Last exits',
  newest: (n: number, all: number) => `the last ${n} of ${whole(all)}, by place`,
  columns: ['No.', 'Guest IP', 'Exit', 'About'],
  times: 'Times',
  ports: (all: readonly string[]) => `${all.length > 1 ? 'ports' : 'port'} ${all.join(', ')}`,
  span: (does: string, first: string, last: string) =>
    first === last ? `${does} ${first}` : `${does} ${first} to ${last}`,
  notes: { return: 'return', frame: 'saved EBP' },
  handler: 'Handler',
  registers: 'Registers',
  facts: (vcpu: number, cpl: number, interrupts: number, isPaging: boolean) =>
    `vCPU ${vcpu}, CPL ${cpl}, IF ${interrupts}, paging ${isPaging ? 'on' : 'off'}`,
  segments: 'Segments',
  segmentColumns: ['Register', 'Selector', 'Base', 'What it is'],
  stack: 'Stack top',
  stackHint: (bytes: number) => `${bytes} bytes a row`,
  noStack: 'No memory is mapped there.',
  gate: (isReal: boolean, vector: number) => `${isReal ? 'Vector' : 'IDT entry'} ${vector}`,
  noGate: 'No memory is mapped there.',
  toMemory: 'Follow it in Memory',
  report: 'Save report',
  kept: 'Kept',
  memory: 'Memory',
  frames: (mib: number) => `${whole(mib * 256)} frames`,
  console: 'Screen and console',
  asLast: 'as they were',
  log: 'Exits',
  counted: (n: number) => `${whole(n)} counted`,
  processor: 'Instructions',
  retired: (n: number) => `${whole(n)} retired`,
  open: 'open',
  reality: 'In reality',
  left: 'exit',
  called: 'hypercall',
  shutDown: (reason: string) => `SCHEDOP_shutdown, reason ${reason}`,
  reasons: ['0 poweroff', '1 reboot', '2 suspend', '3 crash', '4 watchdog', '5 soft reset'],
  seen: 'seen last at',
  foundEnded: 'found it ended',
};
