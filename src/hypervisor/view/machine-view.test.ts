/** Domain table and frames as readers have them, against what Machine did; and that no garbage in them makes a reader throw. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { P2M_RWX } from '../../cpu/architecture/edge.ts';
import { DOMID_XEN, DOMAIN, DOMAIN_WORDS, FRAME_TYPE, XENHEAP } from '../layout/layout.ts';
import { createDomain, destroyDomain, domain0 } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { workerDied } from '../memory/dead-worker.ts';
import { postMortem } from '../domain/report.ts';
import { Dom0 } from '../interfaces/xen/dom0-access.ts';
import { testGuest } from '../interfaces/xen/pvh-program.test-support.ts';
import { MachineView } from './machine-view.ts';
import { XEN_PV, XEN_PVH } from '../interfaces/xen/records.ts';
import { portsOf } from '../interfaces/xen/view/ports.ts';
import { grantsOf } from '../interfaces/xen/view/grants.ts';
import { ioreqsOf } from '../interfaces/xen/view/ioreqs.ts';
import { consoleRingOf, storeRingOf } from '../interfaces/xen/view/rings.ts';
import { GRANTS_AT } from '../interfaces/xen/layout.ts';
import { hypercallsOf, modelAccount, xenViewOf } from '../interfaces/xen/view/xen-view.ts';

describe('the domain table', () => {
  it('has the domains that were made, as they were made, until they are gone', () => {
    const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
    const view = new MachineView(machine.memory);
    expect([view.isMachine, view.domains(), view.domain(1)]).toEqual([true, [], undefined]);
    domain0(machine, XEN_PV);
    const pc = createDomain(machine, 2, 0x800, { vcpus: 2, onlineVcpus: 1 }),
      pvh = createDomain(machine, 1, 0x400, { guest: XEN_PVH }),
      pv = createDomain(machine, 1, machine.frames, { guest: XEN_PV });
    expect(view.domains().map(each => [each.id, each.index, xenViewOf(each)?.type, each.ramFrames])).toEqual([
      [0, 0, 'pv', 0],
      [1, 1, undefined, 512],
      [2, 2, 'pvh', 256],
      [3, 3, 'pv', 256],
    ]);
    const seen = view.domain(pc.id)!;
    expect([
      seen.vcpus().length,
      seen.entry[DOMAIN.ONLINE_VCPUS],
      seen.secondStage.frames,
      seen.dying,
      seen.gone,
      seen.workerDead,
    ]).toEqual([2, 1, 0x800, false, false, false]);
    // A plain PC has nothing to share.
    expect([
      xenViewOf(seen),
      portsOf(seen),
      grantsOf(seen),
      ioreqsOf(seen),
      storeRingOf(seen),
      consoleRingOf(seen),
    ]).toEqual([undefined, [], undefined, undefined, undefined, undefined]);
    expect(xenViewOf(view.domain(pvh.id))?.reservation.current).toBe(256);
    // Somebody has a frame of it: it stays, dying.
    const held = machine.secondStage(pvh).mfn(3);
    machine.takeReference(held, pvh.id);
    expect(destroyDomain(machine, pvh)).toBe(false);
    expect([view.domain(pvh.id)!.dying, view.domain(pvh.id)!.gone]).toEqual([true, false]);
    machine.dropReference(held);
    const before = view.domain(pvh.id)!;
    expect(destroyDomain(machine, pvh)).toBe(true);
    expect([view.domain(pvh.id), before.gone]).toEqual([undefined, true]);
    workerDied(machine, pv);
    expect(view.domain(pv.id)!.workerDead).toBe(true);
  });

  it('does not show an entry that is being wiped', () => {
    const machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
    const view = new MachineView(machine.memory);
    const entry = machine.domainEntry(createDomain(machine, 1));
    for (let i = DOMAIN_WORDS - 1; i > DOMAIN.VCPUS; i--) machine.words[entry + i] = 0;
    expect(view.domains()).toEqual([]);
  });
});

describe('the frame table', () => {
  it('says whose a frame is, what it is for and who uses it', () => {
    const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
    const view = new MachineView(machine.memory);
    const record = createDomain(machine, 1, 256, { guest: XEN_PVH });
    const mfn = machine.secondStage(record).mfn(7);
    const plain = {
      mfn,
      owner: record.id,
      references: 1,
      allocated: true,
      device: false,
      code: false,
      xen: false,
      type: 'NONE',
      uses: 0,
      pinned: false,
      validated: false,
      writers: 0,
      taker: -1,
      m2p: -1,
    };
    expect(view.frame(mfn)).toEqual(plain);
    const mapping = new Dom0(machine).mapForeign(record.id, 7);
    machine.setDeviceFrame(mfn);
    expect(view.frame(mfn)).toEqual({ ...plain, references: 2, device: true, writers: 1 });
    mapping.unmap();
    expect(view.frame(0)).toMatchObject({ owner: DOMID_XEN, taker: 0 });
    expect([view.frame(machine.frames), view.frame(-1)]).toEqual([undefined, undefined]);
    expect([view.frames, view.freeFrames]).toEqual([machine.frames, machine.freeFrames]);
    const owners = view.framesByOwner();
    expect(owners.get(-1)).toBe(machine.freeFrames);
    expect(owners.get(record.id)).toBe(256);
    expect([...owners.values()].reduce((a, b) => a + b)).toBe(machine.frames);
  });

  it('has PV page types and the frame numbers of their owners', () => {
    const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
    const view = new MachineView(machine.memory);
    const record = createDomain(machine, 1, machine.frames, { guest: XEN_PV });
    const mfn = machine.words.subarray(machine.m2p, machine.m2p + machine.frames).indexOf(9);
    machine.words[machine.frameEntry(mfn) + 2] = ((FRAME_TYPE.L2 << 29) | (1 << 28) | (1 << 27) | 3) >>> 0;
    expect(view.frame(mfn)).toMatchObject({
      owner: record.id,
      type: 'L2',
      pinned: true,
      validated: true,
      uses: 3,
      m2p: 9,
    });
    // A PV domain's second stage is by machine frame.
    expect(view.domain(record.id)!.p2m(mfn)).toEqual({ gfn: mfn, mfn, rights: P2M_RWX });
  });

  it('leads from guest frames to machine frames and back', () => {
    const { machine, domain } = testGuest();
    const { record } = domain.options;
    const seen = new MachineView(machine.memory).domain(record.id)!;
    const mfn = machine.secondStage(record).mfn(0x33);
    expect(seen.p2m(0x33)).toEqual({ gfn: 0x33, mfn, rights: P2M_RWX });
    expect(seen.gfnsOf(mfn)).toEqual([0x33]);
    expect([seen.p2m(0x50000), seen.p2m(-1), seen.p2m(record.p2mFrames)]).toEqual([undefined, undefined, undefined]);
    const pod = createDomain(machine, 4, 0x400, { guest: XEN_PVH, populateMiB: 2 });
    expect(new MachineView(machine.memory).domain(pod.id)!.p2m(0x3f0)).toMatchObject({ mfn: -1, rights: 0 });
  });
});

describe('garbage', () => {
  /** Everything that can be asked. */
  function readAll(memory: ArrayBuffer): void {
    const view = new MachineView(memory);
    view.framesByOwner();
    view.frame(3);
    const { scheduler } = view;
    void [
      scheduler.slots,
      scheduler.units(),
      scheduler.decisions(),
      scheduler.runstates(1, 5),
      scheduler.runstates(-1),
      scheduler.timeNs(5),
    ];
    for (const domain of view.domains()) {
      void [
        domain.counters(),
        domain.exits(),
        portsOf(domain),
        grantsOf(domain),
        ioreqsOf(domain),
        storeRingOf(domain),
        consoleRingOf(domain),
        modelAccount(domain),
        domain.gfnsOf(1),
        xenViewOf(domain)?.type,
        xenViewOf(domain)?.hypercalls,
        xenViewOf(domain)?.reservation,
      ];
      const reader = domain.watch();
      reader.take();
      reader.close();
      for (const vcpu of domain.vcpus()) {
        void [
          vcpu.exits(),
          vcpu.lastExits(),
          xenViewOf(domain)?.runstate(vcpu.id),
          vcpu.look().bytesAt(0xfffffff0, 64),
          vcpu.look().translate(0x12345678, 'write'),
        ];
      }
      expect(postMortem(memory, domain.id, 'It died.', hypercallsOf)).toContain('It died.');
    }
  }

  it('in the records of a domain, or in its table, is shown as what it is', () => {
    const { machine, domain } = testGuest({ vcpus: 2, machine: Machine.create(new SharedArrayBuffer(12 * 2 ** 20)) });
    const { record } = domain.options;
    const first = record.countersOffset >>> 2,
      entry = machine.domainEntry(record);
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.integer()),
        fc.constantFrom('records', 'entry', 'scheduler', 'frames'),
        (numbers, where) => {
          const memory = (machine.memory as SharedArrayBuffer).slice(0) as unknown as ArrayBuffer;
          const words = new Int32Array(memory);
          const next = (): number => numbers.next().value!;
          const spoil = (from: number, to: number, step: number): void => {
            for (let at = from; at < to; at += step) words[at] = next();
          };
          if (where === 'records') spoil(first, (record.p2mOffset >>> 2) + 64, 7);
          if (where === 'records') spoil(record.guestOffset >>> 2, ((record.guestOffset + GRANTS_AT) >>> 2) + 1024, 5);
          if (where === 'entry') spoil(entry + 1, entry + DOMAIN_WORDS, 1);
          if (where === 'scheduler') spoil(words[XENHEAP.SCHEDULER] >>> 2, words[XENHEAP.FRAME_TABLE] >>> 2, 1);
          if (where === 'frames') spoil(words[XENHEAP.FRAME_TABLE] >>> 2, words[XENHEAP.M2P] >>> 2, 3);
          readAll(memory);
        },
      ),
      { numRuns: 24, seed: 11 },
    );
  });

  it('is no machine, and shows no domain', () => {
    for (const memory of [new ArrayBuffer(0), new ArrayBuffer(4096), new Int32Array(4096).fill(-1).buffer]) {
      expect([
        new MachineView(memory).isMachine,
        new MachineView(memory).domains(),
        new MachineView(memory).frames,
      ]).toEqual([false, [], 0]);
      readAll(memory);
    }
    expect(postMortem(new ArrayBuffer(4096), 3, 'It died.')).toBe('It died.');
  });
});
