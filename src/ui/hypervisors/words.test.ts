import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/architecture/index.ts';
import type { HostInfo } from '../../dom0/service/index.ts';
import { info } from '../host-info.ts';
import { answererOf, explainExit, explainHypercall, wayOf } from '../inspect/explain.ts';
import { EXIT_WORDS } from '../inspect/explained/index.ts';
import { aboutOf, hypervisorWords as exitsWords } from '../inspect/exits/words.ts';
import { INSPECTORS, nameOf } from '../inspect/inspectors.ts';
import { placesOf } from '../inspect/io-path/empty.tsx';
import { ioPathWords } from '../inspect/io-path/words.ts';
import { replayWords } from '../inspect/io-path/replay-words.ts';
import { why as ioPathWhy } from '../inspect/io-path/why.ts';
import { hypervisorWords as memoryWords } from '../inspect/memory/words.ts';
import { why as memoryWhy } from '../inspect/memory/why.ts';
import { hypervisorWords as postMortemWords } from '../inspect/post-mortem/words.ts';
import { why as processorWhy } from '../inspect/processor/why.ts';
import { schedulerWords } from '../inspect/scheduler/words.ts';
import { viewStrings } from '../view-strings.ts';
import { why as schedulerWhy } from '../inspect/scheduler/why.ts';
import { type Hypervisor, modeName } from './of-host.ts';
import { part as kvm } from './kvm.ts';
import type { PagePart } from './page-part.ts';
import { part as xen } from './xen.ts';

const on = (hypervisor: Hypervisor): void => {
  info.value = { hypervisor } as HostInfo;
};
afterEach(() => {
  info.value = undefined;
});

/** Every sentence in a record of words; functions get `args`. */
function sentences(words: unknown, ...args: unknown[]): string[] {
  if (typeof words === 'string') return [words];
  if (typeof words === 'function') return sentences((words as (...all: unknown[]) => unknown)(...args), ...args);
  return typeof words === 'object' && words !== null
    ? Object.values(words).flatMap(each => sentences(each, ...args))
    : [];
}

/** What the page says around what it shows. */
const ofPage = ({ words }: PagePart): string[] => [
  ...sentences({ ...words, errors: { ...words.errors, hostLost: words.errors.hostLost(['web']) } }, 'a', 'b', 'c'),
  words.errors.hostLost([]),
];

const QUALIFICATIONS = [0, 0x01f00031, 0x00400008, 0x00700000, 0x182, 0x3a, 3 << 4, 3];
const DETAILS = [undefined, 1, 5, 14, 999, 0xb8000, 0xfee00300, 0xfed00000, 0x40000000];
const REASONS = Object.values(ExitReason).filter(reason => reason !== ExitReason.IDT_FIRST);
/** What is said of exits of all reasons, about ports, pages and hypercalls. */
const ofExits = (): string[] =>
  REASONS.flatMap(reason =>
    QUALIFICATIONS.flatMap(qualification =>
      DETAILS.flatMap(detail =>
        [undefined, { number: 5, result: 0, first: 0 }].flatMap(call => {
          const told = {
            reason,
            qualification,
            ...(detail === undefined ? {} : { detail }),
            ...(call ? { call } : {}),
          };
          return [
            ...sentences(explainExit(told)),
            ...sentences(wayOf(told)),
            answererOf(told, 'Domain-0').name,
            aboutOf({ ...told, key: '', domain: 1, vcpu: 0, ip: 0, detail: detail ?? 0 }),
          ];
        }),
      ),
    ),
  );

const frame = { mfn: 3, owner: 1, references: 2, uses: 0, type: 'NONE', m2p: -1 };
const memoryShown = (chosen: string, data: object) =>
  ({
    chosen,
    choose: () => {},
    target: {},
    data: { machine: { frame: () => frame }, ...data },
  }) as unknown as Parameters<typeof memoryWhy>[0];
const walk = (more: object) => ({ walk: { steps: [], mode: '4 levels', namesFrames: false, ...more } });
const processorShown = (chosen: string, activity = 0) =>
  ({ chosen, data: { isStill: false, state: { regs: { 0: 1, at: activity } } } }) as unknown as Parameters<
    typeof processorWhy
  >[0];

/** A request by a way: of the ring, which KVM has not, by a virtqueue. */
const ioPathShown = (way: string, hypervisor: Hypervisor) => {
  const places = {
    ring: [hypervisor === 'kvm' ? 'virtqueue' : 'front end'],
    drive: ['device model'],
    bridge: ['bridge'],
  } as Record<string, string[]>;
  const request = { number: 1, isDone: true, steps: places[way]!.map(place => ({ place, what: '', us: 1 })) };
  return { chosen: '', data: { own: { requests: [request] } } } as unknown as Parameters<typeof ioPathWhy>[0];
};

/** All that is said on a host with this hypervisor, whatever is looked at; devices and exits come from their own records. */
function all(hypervisor: Hypervisor): string[] {
  on(hypervisor);
  return [
    ...ofPage(hypervisor === 'kvm' ? kvm : xen),
    ...ofExits(),
    ...Array.from({ length: 64 }, (_, number) => sentences(explainHypercall(number))).flat(),
    ...sentences(EXIT_WORDS[hypervisor].calls),
    ...sentences(exitsWords()),
    ...sentences(memoryWords()),
    ...sentences(memoryWhy(memoryShown('f3', {}))),
    ...sentences(memoryWhy(memoryShown('', walk({ steps: [{ key: 'stage', isFault: true }] })))),
    ...sentences(memoryWhy(memoryShown('', walk({ mode: 'paging off' })))),
    ...sentences(memoryWhy(memoryShown('', walk({})))),
    ...sentences(memoryWhy(memoryShown('', walk({ namesFrames: true })))),
    ...sentences(postMortemWords()),
    ...sentences(schedulerWords()),
    ...sentences(viewStrings.tasks.nothing()),
    ...[0, 2].map(hypercalls => viewStrings.tasks.about({ hypercalls, writes: 0, removals: 0 })),
    viewStrings.hostPage.ownOrder(),
    ...['EIP', 'RIP', 'CR0', 'CR2', 'CR3', 'CPL', 'GDTR', 'IDTR', 'EFLAGS', ''].flatMap(chosen =>
      sentences(processorWhy(processorShown(chosen))),
    ),
    ...['ring', 'drive', 'bridge'].flatMap(way => sentences(ioPathWhy(ioPathShown(way, hypervisor)))),
    ...sentences(ioPathWords(), '8 sectors', 'READ'),
    ...sentences(replayWords()),
    ...sentences(placesOf('hvm')),
    ...INSPECTORS.filter(({ only = hypervisor }) => only === hypervisor).map(entry => nameOf(entry, hypervisor)),
  ];
}

/** The same keys at each level, and a word or a function at the same places. */
const shapeOf = (words: unknown): unknown =>
  typeof words === 'object' && words !== null
    ? Object.fromEntries(Object.entries(words).map(([name, each]) => [name, shapeOf(each)]))
    : typeof words;

describe('words of a hypervisor', () => {
  it('are the same ones for Xen and KVM, and none is empty', () => {
    expect(shapeOf(kvm)).toEqual(shapeOf(xen));
    for (const hypervisor of ['xen', 'kvm'] as const) {
      on(hypervisor);
      expect(ofPage(hypervisor === 'kvm' ? kvm : xen).filter(word => word === '')).toEqual([]);
    }
  });

  describe('on a host with KVM', () => {
    beforeEach(() => on('kvm'));

    it('name neither Xen nor what only Xen has', () => {
      const wrong = all('kvm').filter(sentence =>
        /Xen|\bxl\b|\bxm\b|\bxen[a-z]*\/|Domain[- ]0|\bdom0\b|DOMID|HVM_PARAM|SCHEDOP|EVTCHN|VIRQ|0x82|hypercall page|paravirtual(?!: a virtqueue)|\bhvm_|\bvmx_vmexit|\bpv_|grant|event channel|back end|front ?end|BOOST|\bcredit/i.test(
          sentence,
        ),
      );
      expect([...new Set(wrong)]).toEqual([]);
    });

    it('say of Linux’s scheduler, and not of KVM, that it gives processors to threads', () => {
      const isWrong = (sentence: string): boolean =>
        sentence
          .split(/[;:.,]/)
          .some(part => /KVM\b(?!’)[^]*\b(gives?|runs?|takes?) [^]*\b(processor|turn)\b/.test(part));
      expect(isWrong('KVM blocks this vCPU and gives the processor to another one.')).toBe(true);
      expect([...new Set(all('kvm'))].length).toBeGreaterThan(300);
      const wrong = all('kvm').filter(isWrong);
      expect([...new Set(wrong)]).toEqual([]);
      const halted = wayOf({ reason: ExitReason.HLT, qualification: 0 });
      expect(halted.find(([, does]) => /gives the processor/.test(does))?.[0]).toBe('Linux’s scheduler');
      expect(explainExit({ reason: ExitReason.HLT, qualification: 0 }).why.answer).toContain('Linux’s scheduler');
      expect(schedulerWords().hasCredit).toBe(false);
      const picked = { unit: 1, name: 'web', decisions: [], units: [] };
      expect(
        schedulerWhy({ chosen: '', data: picked, choose: () => {}, target: {} } as unknown as Parameters<
          typeof schedulerWhy
        >[0]).source,
      ).toContain('kernel/sched/fair.c');
    });

    it('call a PC of such a host KVM, and one of Xen HVM', () => {
      expect(modeName('hvm')).toBe('KVM');
      on('xen');
      expect(['hvm', 'pvh', 'pv', 'd0'].map(modeName)).toEqual(['HVM', 'PVH', 'PV', 'D0']);
    });

    it('tell a triple fault by KVM_EXIT_SHUTDOWN and QEMU, from the exit to the reset', () => {
      expect(wayOf({ reason: ExitReason.TRIPLE_FAULT, qualification: 0 }).map(([who, , code]) => [who, code])).toEqual([
        ['Processor', undefined],
        ['KVM', 'handle_triple_fault'],
        ['QEMU', 'qemu_system_reset_request'],
        ['QEMU', undefined],
      ]);
      expect(postMortemWords()).toMatchObject({ triple: { code: 'KVM_EXIT_SHUTDOWN' }, shutdown: undefined });
    });

    it('have the interrupt controllers and the 8254 in the kernel, and all other devices in QEMU (KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2)', () => {
      const port = (number: number, isIn = false) => ({
        reason: ExitReason.IO,
        qualification: (number << 16) | (isIn ? 8 : 0),
      });
      expect(
        [port(0x20), port(0xa1, true), port(0x40), port(0x61), port(0x4d0)].map(told => wayOf(told)[3]!.slice(0, 3)),
      ).toEqual([
        ['KVM', 'emulates the first 8259A interrupt controller in the kernel', 'picdev_master_write'],
        ['KVM', 'emulates the second 8259A interrupt controller in the kernel', 'picdev_slave_read'],
        ['KVM', 'emulates the 8254 timer in the kernel', 'pit_ioport_write'],
        ['KVM', 'emulates the speaker and timer 2 in the kernel', 'speaker_ioport_write'],
        ['KVM', 'emulates the edge or level of interrupts in the kernel', 'picdev_elcr_write'],
      ]);
      expect([port(0x70), port(0x1f0), port(0x608), port(0xe9)].map(told => wayOf(told)[4]![0])).toEqual(
        Array(4).fill('QEMU'),
      );
      const at = (detail: number) => ({ reason: ExitReason.EPT_VIOLATION, qualification: 0x182, detail });
      expect([at(0xfee00300), at(0xfec00010), at(0xfed000f0), at(0xb8000)].map(told => answererOf(told).name)).toEqual([
        'KVM’s chip',
        'KVM’s chip',
        'QEMU',
        'QEMU',
      ]);
    });

    it('name a hypercall as include/uapi/linux/kvm_para.h does', () => {
      expect(explainExit({ reason: ExitReason.VMCALL, qualification: 0, detail: 11 }).why.answer).toContain(
        'hypercall 11, KVM_HC_SCHED_YIELD',
      );
      expect(
        aboutOf({ reason: ExitReason.VMCALL, qualification: 0, detail: 5, key: '', domain: 1, vcpu: 0, ip: 0 }),
      ).toBe('KVM_HC_KICK_CPU');
    });
  });

  it('are Xen’s on a host with Xen', () => {
    on('xen');
    expect(wayOf({ reason: ExitReason.HLT, qualification: 0 })[2]).toEqual([
      'Xen',
      'blocks the vCPU until an interrupt',
      'hvm_hlt',
    ]);
    // Virtqueues there are those of guests of KVM.
    expect(all('xen').filter(sentence => /\bKVM|QEMU/.test(sentence) && !/notify register/.test(sentence))).toEqual([]);
  });
});
