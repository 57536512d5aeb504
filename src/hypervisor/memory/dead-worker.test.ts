/** A worker dies at every step of what it may be doing with tables that others use, too: they hold together afterwards, and all that it had comes back. */
import { describe, expect, it } from 'vitest';
import { audit } from './audit.ts';
import { workerDied } from './dead-worker.ts';
import { DOMID_XEN } from '../layout/layout.ts';
import { KICK, PORT, XEN, XEN_VCPU } from '../interfaces/xen/layout.ts';
import { createDomain, destroyDomain } from './domain-table.ts';
import { type DomainRecord, FRAME_BYTES, FRAME_SHIFT, Machine } from './machine.ts';
import { postMortem } from '../domain/report.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { EVTCHNSTAT } from '../interfaces/xen/abi.ts';
import { Dom0 } from '../interfaces/xen/dom0-access.ts';
import { GNTMAP, GrantTable } from '../interfaces/xen/grants/grants.ts';
import { Ports } from '../interfaces/xen/events/ports.ts';
import { XEN_PVH } from '../interfaces/xen/records.ts';
import { VCPU_INFO } from '../interfaces/xen/shared.ts';

class Killed extends Error {}

const REF = 8,
  GFN = 0x40,
  PORT_FOR_VICTIM = 1;

/** A host with a neighbour, which grants frames to the victim and has a port for it, and the victim, whose worker will die. */
class Host {
  readonly machine = Machine.create(new SharedArrayBuffer(6 * 2 ** 20));
  readonly dom0 = new Dom0(this.machine);
  readonly neighbour: DomainRecord;
  readonly freeBefore: number;
  readonly victim: DomainRecord;
  /** Machine memory as the victim's worker sees it. */
  readonly theirs: Machine;
  private left = Infinity;
  steps = 0;

  constructor() {
    const { machine } = this;
    this.neighbour = createDomain(machine, 1, 256, { guest: XEN_PVH });
    const table = this.tableOf(machine, this.neighbour);
    table.grow(1);
    this.freeBefore = machine.freeFrames;
    this.victim = createDomain(machine, 1, 256, { guest: XEN_PVH });
    this.tableOf(machine, this.victim).grow(1);
    for (let i = 0; i < 4; i++) table.grant(REF + i, this.victim.id, GFN + i);
    const ports = new Ports(machine, this.neighbour);
    ports.locked(() => ports.allocate(EVTCHNSTAT.UNBOUND, this.victim.id, 0, 0));
    this.theirs = new Machine(machine.memory, this.victim.index, () => {
      this.steps++;
      if (--this.left < 0) throw new Killed();
    });
  }

  tableOf(machine: Machine, record: DomainRecord): GrantTable {
    return new GrantTable(new Ports(machine, record));
  }

  /** True: it was killed at that step; false: it came to its end before. */
  kill(step: number, work: () => void): boolean {
    this.left = step;
    try {
      work();
      return false;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      return true;
    } finally {
      this.left = Infinity;
    }
  }
}

interface Work {
  name: string;
  before?(host: Host): void;
  work(host: Host): void;
}

const ports = (host: Host): [mine: Ports, neighbours: Ports] => [
  new Ports(host.theirs, host.victim),
  new Ports(host.theirs, host.neighbour),
];
const bind = (host: Host): number => {
  const [mine, neighbours] = ports(host);
  return mine.bindInterdomain(neighbours, PORT_FOR_VICTIM);
};
/** The neighbour uses FIFO events, and its page of event words is there. */
const useFifo = ({ machine, neighbour }: Host): void => {
  const other = new Ports(machine, neighbour);
  const stage = machine.secondStage(neighbour);
  const [control, events] = [stage.mfn(0x50), stage.mfn(0x51)];
  for (const mfn of [control, events]) machine.takeReference(mfn, neighbour.id);
  machine.words[other.vcpu(0) + XEN_VCPU.FIFO_CONTROL] = control * FRAME_BYTES;
  machine.words[other.xenBlock + XEN.FIFO_FRAMES] = events;
  machine.words[other.xenBlock + XEN.FIFO_PAGES] = 1;
  machine.words[other.xenBlock + XEN.EVENT_ABI] = 1;
};
const map = (host: Host, readonly: boolean): GrantTable => {
  const mine = host.tableOf(host.theirs, host.victim);
  const granter = mine.of(host.neighbour.id);
  const flags = GNTMAP.HOST | GNTMAP.DEVICE | (readonly ? GNTMAP.READONLY : 0);
  for (let part = 0; part < 2; part++) granter?.acquire(REF, host.victim.id, readonly, true);
  mine.track(flags, REF, host.neighbour.id, 0);
  return mine;
};

const WORKS: Work[] = [
  { name: 'binds a port to one that waits for it', work: bind },
  { name: 'closes a bound port', before: bind, work: host => ports(host)[0].close(1) },
  { name: 'closes all ports', before: bind, work: host => ports(host)[0].closeAll(true) },
  { name: 'takes ports for VIRQs', work: host => [0, 11].forEach(virq => ports(host)[0].allocateVirq(virq, 0)) },
  {
    name: 'sends an event to FIFO queues',
    before: host => {
      useFifo(host);
      bind(host);
    },
    work: host => ports(host)[0].send(1),
  },
  { name: 'sends an event', before: bind, work: host => ports(host)[0].send(1) },
  { name: 'maps a grant', work: host => map(host, false) },
  {
    name: 'unmaps a grant',
    before: host => map(host, true),
    work: host => {
      const table = host.tableOf(host.theirs, host.victim);
      for (const part of [GNTMAP.HOST, GNTMAP.DEVICE]) table.untrack(table.mapped(0)!, part);
    },
  },
  {
    name: 'copies from one grant to another',
    work: host => {
      const granter = host.tableOf(host.theirs, host.victim).of(host.neighbour.id)!;
      const uses = [
        granter.acquire(REF, host.victim.id, true, false),
        granter.acquire(REF + 1, host.victim.id, false, false),
      ];
      for (const use of uses) if (typeof use !== 'number') use.release();
    },
  },
  { name: 'makes its grant table larger', work: host => host.tableOf(host.theirs, host.victim).grow(3) },
  {
    name: 'changes the version of its grant table, there and back',
    work: host => [2, 1].forEach(version => host.tableOf(host.theirs, host.victim).setVersion(version)),
  },
  {
    name: 'takes frames and gives some back',
    work: ({ theirs, victim }) => {
      const own = theirs.allocate(3, victim.id)!;
      theirs.allocate(2, DOMID_XEN);
      theirs.release(own[1]);
    },
  },
  {
    name: 'holds a reference on a frame of its own',
    work: ({ theirs, victim }) => {
      const mfn = theirs.secondStage(victim).mfn(5);
      theirs.takeReference(mfn, victim.id);
      theirs.release(theirs.allocate(1, victim.id)![0]);
      theirs.dropReference(mfn);
    },
  },
];

describe('when a worker dies while it', () => {
  it.each(WORKS)('$name', ({ before, work }) => {
    let killed = true,
      step = 0;
    for (; killed; step++) {
      const host = new Host();
      const { machine, victim, neighbour, dom0 } = host;
      before?.(host);
      // Domain 0 has one of its frames mapped, the neighbour's port and grant are in use by nobody else.
      const mapping = dom0.mapForeign(victim.id, 7);
      killed = host.kill(step, () => work(host));
      workerDied(machine, victim);
      expect(destroyDomain(machine, victim, dom0.held.frames), `step ${step}: Domain 0 has a frame mapped`).toBe(false);
      mapping.unmap();
      expect(destroyDomain(machine, victim, dom0.held.frames), `step ${step}: nobody holds anything`).toBe(true);
      expect(audit(machine, dom0.held), `step ${step}`).toEqual([]);
      expect(machine.freeFrames, `step ${step}`).toBe(host.freeBefore);
      // The neighbour's table is of use to the next one.
      const table = host.tableOf(machine, neighbour);
      expect([...table.uses()], `step ${step}`).toEqual([]);
      const other = new Ports(machine, neighbour);
      expect(machine.words[other.entry(PORT_FOR_VICTIM) + PORT.STATE], `step ${step}`).toBe(EVTCHNSTAT.UNBOUND);
    }
    expect(step).toBeGreaterThan(2);
  });
});

it('an event that was half told through the bitmaps is told again', () => {
  for (let step = 0, killed = true; killed; step++) {
    const host = new Host();
    const { machine } = host;
    bind(host);
    const other = new Ports(machine, host.neighbour);
    killed = host.kill(step, () => ports(host)[0].send(1));
    machine.words[other.vcpu(0) + XEN_VCPU.KICK] = 0;
    workerDied(machine, host.victim);
    if (!other.isPending(PORT_FOR_VICTIM)) continue;
    expect(other.upcallPending(0), `step ${step}: told`).toBe(true);
    expect(machine.words[other.vcpu(0) + XEN_VCPU.KICK] & KICK.UPCALL, `step ${step}: kicked`).not.toBe(0);
    expect(
      machine.words[(machine.words[other.vcpu(0) + XEN_VCPU.INFO] + VCPU_INFO[64].evtchn_pending_sel) >>> 2],
      `step ${step}: selected`,
    ).toBe(1);
  }
});

it('an event that was half told through FIFO queues is told again', () => {
  for (let step = 0, killed = true; killed; step++) {
    const host = new Host();
    useFifo(host);
    bind(host);
    const other = new Ports(host.machine, host.neighbour);
    killed = host.kill(step, () => ports(host)[0].send(1));
    workerDied(host.machine, host.victim);
    const events = host.machine.words[other.xenBlock + XEN.FIFO_FRAMES] << (FRAME_SHIFT - 2);
    const word = host.machine.words[events + PORT_FOR_VICTIM];
    // Not pending at all, or linked, ready and told.
    if (word >= 0) continue;
    const control = host.machine.words[other.vcpu(0) + XEN_VCPU.FIFO_CONTROL] >>> 2;
    expect(word & (1 << 29), `step ${step}: linked`).not.toBe(0);
    expect(host.machine.words[control] & (1 << 7), `step ${step}: ready`).not.toBe(0);
    expect(host.machine.words[control + 2 + 7], `step ${step}: at the head`).toBe(PORT_FOR_VICTIM);
    expect(other.upcallPending(0), `step ${step}: told`).toBe(true);
  }
});

describe('when a worker dies while it has the run queue', () => {
  type Unit = Pick<DomainRecord, 'index'>;
  const works: [string, (theirs: Scheduler, victim: Unit, other: Unit) => void][] = [
    ['and wakes', (queue, { index }) => queue.wake(index)],
    ['and wakes another', (queue, _victim, { index }) => queue.wake(index)],
    [
      'and gives its slot up',
      (queue, { index }) => {
        queue.wake(index);
        queue.block(index);
      },
    ],
    [
      'and loses its slot to another',
      (queue, { index }, other) => {
        queue.wake(index);
        queue.wake(other.index);
        queue.yield(index);
      },
    ],
  ];

  it.each(works)('%s, slots and units agree, and the others run', (_name, work) => {
    let killed = true;
    for (let step = 0; killed; step++) {
      const host = new Host();
      const { machine, victim, neighbour } = host;
      let now = 0;
      const clock = (): number => (now += 1e6);
      const mine = new Scheduler(machine, clock),
        theirs = new Scheduler(host.theirs, clock, victim.index);
      mine.configure({ pcpus: 1 });
      for (const record of [victim, neighbour]) mine.add(record, { doorbell: record.mailboxOffset >>> 2 });
      killed = host.kill(step, () => work(theirs, victim, neighbour));
      workerDied(machine, victim);
      // The lock is taken from it by whoever comes next: here the neighbour, which has something to do.
      mine.wake(neighbour.index);
      expect([0, 1, 2].filter(unit => mine.runs(unit)).length, `step ${step}: one has the slot`).toBe(1);
      mine.remove(victim.index);
      expect(mine.runs(neighbour.index), `step ${step}`).toBe(true);
      mine.block(neighbour.index);
      expect(mine.runs(neighbour.index), `step ${step}`).toBe(false);
      expect(
        audit(machine).filter(problem => problem.includes('lock')),
        `step ${step}`,
      ).toEqual([]);
    }
  });
});

it('a report of a dead worker names registers and last exits', () => {
  const { machine, victim } = new Host();
  const state = victim.liveOffset >>> 2;
  machine.words[state] = 0x1234abcd;
  const report = postMortem(machine.memory, victim.id, 'Its worker died.');
  expect(report).toMatch(/^Its worker died\.\n\n {2}eax 1234abcd/);
  expect(report).toContain('last exits');
  expect(machine.words[state]).toBe(0x1234abcd);
});
