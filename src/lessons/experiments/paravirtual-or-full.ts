/** Paravirtual against full virtualization: system calls, page tables, boot, disk, network. */
import { type Condition, type Experiment, numberWhere, type Row } from './form.ts';
import { type Counted, guestText, type Lab } from './lab.ts';
import { guestBy, OF_KVM, pairBy, readDisk, stream } from './works.ts';
import { listed, short, times } from './words.ts';

const PV = 'paravirtual',
  FULL = 'full, nested paging',
  KVM = 'KVM, with virtio',
  SHADOW = 'full, shadow page tables';
const CALLS = 4000,
  CHANGES = 200,
  READ_KIB = 512,
  REQUEST_KIB = 64,
  STREAM_KIB = 2048;

/** Of one unit. Ways to Xen of a paravirtual guest are no VM exits, and cost otherwise. */
const rowOf = (work: string, mode: string, counted: readonly Counted[], units: number): Row => {
  const each = (of: (one: Counted) => number): number => counted.reduce((sum, one) => sum + of(one), 0) / units,
    exits = each(one => one.exits);
  return {
    work,
    mode,
    crossings: exits + each(one => one.of('dispatches')),
    exits: mode === PV ? 0 : exits,
    traps: mode === PV ? exits : 0,
    switches: each(one => one.of('dispatches')),
    instructions: each(one => one.of('retired')),
  };
};

const WORK = {
  calls: 'a system call',
  tables: 'a change of a page table',
  boot: 'a boot to the prompt',
  disk: 'disk, 64 KiB read',
  network: 'network, 64 KiB in bulk',
};

type Run = () => Promise<readonly Counted[]>;
const condition = (work: string, mode: string, units: number, prepare: (lab: Lab) => Promise<Run>): Condition => ({
  name: `${work}, ${mode}`,
  prepare: async lab => {
    const run = await prepare(lab);
    return async () => [rowOf(work, mode, await run(), units)];
  },
});

/** A small guest's program calls its kernel. */
const calls = (mode: string, type: 'pv' | 'hvm', kernel: string, more: readonly string[] = []): Condition =>
  condition(WORK.calls, mode, CALLS, async lab => {
    const guest = await lab.boot(guestText('caller', type, { kernel, more }));
    return async () => [await guest.cost(`call ${2 * CALLS}`, `call ${CALLS}`)];
  });

/** `map N` of the small guest changes each of N entries twice. */
const tables = (mode: string, setting: string): Condition =>
  condition(WORK.tables, mode, CHANGES, async lab => {
    const guest = await lab.boot(guestText('tables', 'hvm', { kernel: 'paging.asm', more: [setting] }));
    const line = (entries: number): string => `map ${String(entries).padStart(3, '0')}`;
    return async () => [await guest.cost(line(CHANGES / 2 + 1), line(1))];
  });

/** Each time another guest, of the same name: what ran is destroyed. */
const boot = (mode: string, type: 'pv' | 'hvm', more: readonly string[] = []): Condition =>
  condition(WORK.boot, mode, 1, async lab => async () => {
    const guest = await lab.create(guestText('booted', type, { more })),
      counted = await lab.spending(() => guest.counted(() => guest.prompt()));
    await lab.machine.host.destroy(guest.id);
    return [counted];
  });

const modes = [
  { mode: PV, way: 'pv' },
  { mode: FULL, way: 'emulated' },
  { mode: KVM, way: 'virtio' },
] as const;

const CONDITIONS: readonly Condition[] = [
  calls(PV, 'pv', 'pv-calls.asm'),
  calls(FULL, 'hvm', 'calls.asm'),
  calls(KVM, 'hvm', 'calls.asm', [OF_KVM]),
  condition(WORK.tables, PV, CHANGES, async lab => {
    const guest = await lab.boot(guestText('tables', 'pv'));
    return async () => [await guest.cost(`tables ${CHANGES}`, 'tables 000')];
  }),
  tables(FULL, 'hap = 1'),
  tables(SHADOW, 'hap = 0'),
  tables(KVM, OF_KVM),
  boot(PV, 'pv'),
  boot(FULL, 'hvm'),
  boot(KVM, 'hvm', [OF_KVM]),
  ...modes.map(({ mode, way }) =>
    condition(WORK.disk, mode, READ_KIB / REQUEST_KIB, async lab => {
      const guest = await guestBy(lab, 'reader', way);
      return async () => [await readDisk(guest, way, READ_KIB, REQUEST_KIB)];
    }),
  ),
  ...modes.map(({ mode, way }) =>
    condition(WORK.network, mode, STREAM_KIB / REQUEST_KIB, async lab => {
      const pair = await pairBy(lab, way);
      return () => stream(lab, pair, STREAM_KIB);
    }),
  ),
];

export const paravirtualOrFull: Experiment = {
  id: 'paravirtual-or-full',
  title: 'Paravirtual against full virtualization',
  claim:
    'A paravirtual guest is faster than a fully virtual one, since it asks the hypervisor instead of being trapped.',
  how: [
    'Five pieces of work, each by a paravirtual guest (PV: no VT-x, its kernel at level 1) and by a fully virtual one (HVM) whose kernel knows nothing of Xen. System calls: a program at level 3 calls its kernel by INT 0x80. Page tables: minipv’s kernel asks Xen for each change; the small guest paging changes its own tables, under nested paging and under shadow page tables. Boot, disk and network: minipv, by rings or by an IDE disk and a PCnet card that a device model in Domain 0 emulates.',
    'A guest of KVM does them as well, by the same kernels with nested paging, and disk and network by virtio: it tells the host of new requests by a write to a port, an exit, and QEMU’s device answers in the thread that was left. It has KVM’s clock, and is interrupted for an answer that it waits for. Most of its exits at the boot are its console’s, a serial port: two for each character that it prints; the others find its devices on the PCI bus.',
    'Counted are a guest’s ways to Xen (VM exits, or its gates where it is paravirtual), and how often it got the processor back after somebody else had it. Both together are its crossings. What an empty run costs is taken off.',
  ],
  columns: [
    { id: 'work', name: 'what is done, once' },
    { id: 'mode', name: 'virtualization' },
    { id: 'crossings', name: 'crossings' },
    { id: 'exits', name: 'VM exits', cost: 'exit' },
    { id: 'traps', name: 'gates to Xen', cost: 'trap' },
    { id: 'switches', name: 'switches to others and back', cost: 'switch' },
    { id: 'instructions', name: 'guest instructions', cost: 'instruction' },
  ],
  drawing: { kind: 'bars', group: 'work', series: 'mode', value: 'crossings', isLog: true },
  mayBeTimed: true,
  conditions: () => CONDITIONS,
  verdict: rows => {
    const of = (work: string, mode: string): number => numberWhere(rows, { work, mode }, 'crossings'),
      all = Object.values(WORK).map(work => ({ work, pv: of(work, PV), full: of(work, FULL) })),
      wins = all.filter(({ pv, full }) => pv < full),
      loses = all.filter(({ pv, full }) => pv > full),
      shadow = of(WORK.tables, SHADOW);
    const kvm = (work: string): string => `${short(of(work, KVM))} (${work})`;
    const won = listed(wins.map(({ work, pv, full }) => `${work} (${times(full, pv)})`)),
      lost = listed(loses.map(({ work }) => work));
    return {
      held: loses.length === 0 ? 'yes' : wins.length > 0 ? 'partly' : 'no',
      text: `The paravirtual guest crosses less for ${won}, and more for ${lost}. For these a guest with VT-x and nested paging does not leave its own processor at all, while Xen must check each change of a paravirtual guest’s tables, and on 64-bit Xen passes each INT 0x80 on. Before nested paging it was otherwise: shadow page tables cost ${times(shadow, of(WORK.tables, PV))} what the paravirtual guest’s hypercalls do, and that is the time the claim is from (Xen, 2003). Real paravirtual kernels put several changes into one hypercall, and on 32-bit Xen a system call’s gate led straight to the guest’s kernel; both would lower the paravirtual bars. Today both ideas go together: a guest of KVM computes and changes its tables as a fully virtual one, and reaches disk and network as a paravirtual one, with ${kvm(WORK.disk)} and ${kvm(WORK.network)} crossings.`,
    };
  },
};
