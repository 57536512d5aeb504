import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FRAME, FRAME_FLAG } from '../../layout/layout.ts';
import { XEN } from './layout.ts';
import { audit } from '../../memory/audit.ts';
import { createDomain, destroyDomain, domain0 } from '../../memory/domain-table.ts';
import { type DomainRecord, HostError, Machine } from '../../memory/machine.ts';
import { EVTCHNSTAT, HVM_PARAM } from './abi.ts';
import { Dom0 } from './dom0-access.ts';
import { Ports } from './events/ports.ts';
import { XEN_PV, XEN_PVH } from './records.ts';

let machine: Machine, dom0: Dom0, record: DomainRecord, guest: Ports;

beforeEach(() => {
  machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
  dom0 = new Dom0(machine);
  record = createDomain(machine, 1, 256, { guest: XEN_PVH, vcpus: 2 });
  guest = new Ports(machine, record);
});

describe('Domain 0', () => {
  it('has entry 0 of the domain table and id 0, in every worker', () => {
    expect(domain0(machine, XEN_PV)).toMatchObject({ id: 0, index: 0 });
    expect(new Dom0(new Machine(machine.memory)).ports.record.guestOffset).toBe(dom0.ports.record.guestOffset);
    expect(record).toMatchObject({ id: 1, index: 1 });
  });

  it('gives a fresh domain port 1 for the store and port 2 for the console', () => {
    expect([dom0.allocUnboundFor(1), dom0.allocUnboundFor(1)]).toEqual([1, 2]);
    expect(guest.state(1)).toBe(EVTCHNSTAT.UNBOUND);
  });

  it('is told of an event once, however often the guest sends before it looks', () => {
    let events = 0;
    const theirs = dom0.allocUnboundFor(1);
    const port = dom0.bindInterdomain(1, theirs, () => events++);
    // Binding raises it: the guest may have sent before.
    expect(dom0.poll()).toBe(true);
    expect(events).toBe(1);
    const doorbell = machine.words[dom0.doorbell];
    guest.send(theirs);
    guest.send(theirs);
    expect(machine.words[dom0.doorbell]).not.toBe(doorbell);
    expect(dom0.poll()).toBe(true);
    expect(events).toBe(2);
    expect(dom0.poll()).toBe(false);
    dom0.send(port);
    expect(guest.isPending(theirs)).toBe(true);
    expect(guest.upcallPending(0)).toBe(true);
  });

  it('loses no event that comes while its handlers run', () => {
    let sends = 2;
    const theirs = dom0.allocUnboundFor(1);
    let events = 0;
    dom0.bindInterdomain(1, theirs, () => {
      events++;
      if (sends-- > 0) guest.send(theirs);
    });
    dom0.poll();
    expect(events).toBe(3);
  });

  it('has its turn over when guests ring without a pause, and serves each ring in the end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { minLength: 1, maxLength: 3 }), rings => {
        const left = [...rings],
          served = rings.map(() => 0);
        const ports = rings.map((_, i) => {
          const theirs = dom0.allocUnboundFor(1);
          return dom0.bindInterdomain(1, theirs, () => {
            served[i]++;
            if (left[i]-- > 0) guest.send(theirs);
          });
        });
        for (let before = [...served]; dom0.pending; before = [...served]) {
          const doorbell = machine.words[dom0.doorbell];
          dom0.poll();
          served.forEach((count, i) => expect(count - before[i]).toBeLessThanOrEqual(16));
          // Who waits for the doorbell with what it was before this turn is not left asleep.
          if (dom0.pending) expect(machine.words[dom0.doorbell]).not.toBe(doorbell);
        }
        expect(served).toEqual(rings.map(count => count + 1));
        for (const port of ports) dom0.close(port);
      }),
      { numRuns: 30 },
    );
  });

  it('binds no port that does not wait for it', () => {
    expect(() => dom0.bindInterdomain(1, 7, () => {})).toThrow(HostError);
    expect(() => dom0.bindInterdomain(1, 0, () => {})).toThrow(HostError);
    expect(() => dom0.bindInterdomain(5, 1, () => {})).toThrow(HostError);
  });

  it("makes the guest's end wait again when it closes its own", () => {
    const theirs = dom0.allocUnboundFor(1);
    const port = dom0.bindInterdomain(1, theirs, () => {});
    dom0.close(port);
    expect(guest.state(theirs)).toBe(EVTCHNSTAT.UNBOUND);
    expect(dom0.bindInterdomain(1, theirs, () => {})).toBe(port);
  });

  it('keeps a mapped frame from the allocator until it is unmapped, and the domain in the table as long', () => {
    const free = machine.freeFrames;
    const mapping = dom0.mapForeign(1, 5);
    mapping.bytes[7] = 0x42;
    expect(machine.bytes[mapping.mfn * 4096 + 7]).toBe(0x42);
    expect(destroyDomain(machine, record)).toBe(false);
    expect(machine.ownerOf(mapping.mfn)).toBe(1);
    expect(() => dom0.mapForeign(1, 6)).toThrow(HostError);
    mapping.unmap();
    mapping.unmap();
    expect(machine.ownerOf(mapping.mfn)).toBe(-1);
    expect(destroyDomain(machine, record)).toBe(true);
    expect(machine.freeFrames).toBeGreaterThan(free);
  });

  it('holds a frame that it only reads, and is no writer whom code there would have to wait for', () => {
    const mapping = dom0.mapForeign(1, 5, true);
    machine.bytes[mapping.mfn * 4096 + 7] = 0x42;
    const entry = machine.frameEntry(mapping.mfn);
    expect([mapping.bytes[7], machine.words[entry + FRAME.SHARED], audit(machine, dom0.held)]).toEqual([0x42, 0, []]);
    // Again, to write: each goes as it came.
    const other = dom0.mapForeign(1, 5);
    expect([machine.words[entry + FRAME.SHARED], audit(machine, dom0.held)]).toEqual([1, []]);
    mapping.unmap();
    expect([machine.words[entry + FRAME.SHARED], audit(machine, dom0.held)]).toEqual([1, []]);
    other.unmap();
    expect([
      machine.words[entry + FRAME.SHARED],
      dom0.held.frames.size,
      dom0.held.readOnly.size,
      audit(machine, dom0.held),
    ]).toEqual([0, 0, 0, []]);
    expect(() => dom0.mapForeign(1, 256, true)).toThrow(/no memory at guest frame 0x100/);
  });

  it("tells a domain's worker of frames that it keeps something of, and of no others", () => {
    const told = (): number => machine.words[(record.guestOffset >>> 2) + XEN.STALE_WRITTEN];
    const before = told();
    const mapping = dom0.mapForeign(1, 5);
    mapping.written();
    expect(told()).toBe(before);
    const flags = machine.frameEntry(mapping.mfn) + FRAME.FLAGS;
    machine.words[flags] |= FRAME_FLAG.CODE;
    mapping.written();
    machine.words[flags] = (machine.words[flags] & ~FRAME_FLAG.CODE) | FRAME_FLAG.DEVICE;
    mapping.written();
    expect(told()).toBe(before + 2);
    machine.words[flags] &= ~FRAME_FLAG.DEVICE;
    mapping.unmap();
  });

  it('maps nothing where there is no memory', () => {
    expect(() => dom0.mapForeign(1, 256)).toThrow(/no memory at guest frame 0x100/);
    expect(() => dom0.mapForeign(1, -1)).toThrow(HostError);
  });

  it("sets and reads a domain's parameters", () => {
    dom0.setHvmParam(1, HVM_PARAM.STORE_PFN, 0xfeffc);
    expect(dom0.getHvmParam(1, HVM_PARAM.STORE_PFN)).toBe(0xfeffc);
    expect(dom0.shutdownCode(1)).toBe(-1);
  });
});
