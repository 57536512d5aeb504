/** Who holds frames of domains, and memory that asks: a device that reaches a page of a domain's, as a driver of Domain 0 lets it. */
import { describe, expect, it } from 'vitest';
import { DOMAIN } from '../layout/layout.ts';
import { audit } from './audit.ts';
import { workerDied } from './dead-worker.ts';
import { createDomain, destroyDomain } from './domain-table.ts';
import { type FrameHolder, type GuestRecords, hold } from './frame-holder.ts';
import { type DomainRecord, Machine } from './machine.ts';

/** A domain of 1 MiB, and a device that reaches its guest frame 3 from `start` to `stop`, or to its domain's death where it `stopsWith` that. */
function scene({ stopsWith = true } = {}) {
  const machine = Machine.create(new SharedArrayBuffer(4 * 2 ** 20));
  const free = machine.freeFrames;
  const record = createDomain(machine, 1);
  const mfn = machine.secondStage(record).mfn(3);
  let reaches = false;
  const repaired: number[] = [];
  const stop = (): void => {
    if (reaches) machine.dropReference(mfn);
    reaches = false;
  };
  hold(machine, {
    detach: () => stopsWith && stop(),
    close: () => !reaches,
    repair: (_machine, dead) => void repaired.push(dead.id),
    count: (_machine, _record, add, then) => {
      if (reaches) add(mfn, 1);
      then();
    },
    audit: tally => reaches && tally.write(mfn),
  });
  return {
    machine,
    record,
    free,
    stop,
    start: () => (reaches = machine.takeReference(mfn, record.id)),
    repaired,
  };
}

describe('a holder of frames', () => {
  it('is counted by the audit, which finds a reference of nobody', () => {
    const { machine, record, start } = scene();
    start();
    expect(audit(machine)).toEqual([]);
    machine.takeReference(machine.secondStage(record).mfn(4), record.id);
    expect(audit(machine)).toEqual([expect.stringMatching(/has 2 references, counted 1/)]);
  });

  it('learns that a domain dies, so that all comes back', () => {
    const { machine, record, free, start } = scene();
    start();
    expect(destroyDomain(machine, record)).toBe(true);
    expect(machine.freeFrames).toBe(free);
  });

  it('keeps a domain dying while it still holds a frame', () => {
    const { machine, record, free, start, stop } = scene({ stopsWith: false });
    start();
    expect([destroyDomain(machine, record), machine.find(record.id, true)?.id]).toEqual([false, record.id]);
    stop();
    expect([destroyDomain(machine, record), machine.freeFrames]).toEqual([true, free]);
  });

  it('is asked what it holds where a dead worker leaves references behind, and to repair what that one left', () => {
    const { machine, record, free, start, stop, repaired } = scene({ stopsWith: false });
    start();
    machine.takeReference(machine.secondStage(record).mfn(5), record.id);
    workerDied(machine, record);
    expect(repaired).toEqual([record.id]);
    expect(destroyDomain(machine, record)).toBe(false);
    stop();
    expect([destroyDomain(machine, record), machine.freeFrames]).toEqual([true, free]);
  });
});

it('does not touch domains whose interface nobody has registered here: what they hold would be lost', () => {
  const { machine, record } = scene();
  machine.words[machine.domainEntry(record) + DOMAIN.INTERFACE] = 7;
  expect(() => destroyDomain(machine, record)).toThrow(/are of interface 7, which is not known here/);
});

it('is asked of domains of its own interface alone, where it is one’s', () => {
  const machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
  const asked: [string, ...number[]][] = [];
  const interfaceOf = (number: number): GuestRecords => {
    const tell = (what: string, ...ids: number[]): void => void asked.push([`${number} ${what}`, ...ids]);
    const ids = (domains: readonly DomainRecord[]): number[] => domains.map(({ id }) => id);
    const holder: FrameHolder = {
      detach: (_machine, { id }) => tell('detach', id),
      release: (_machine, { id }) => tell('release', id),
      close: (_machine, { id }) => (tell('close', id), true),
      count: (_machine, { id }, _add, then) => (tell('count', id), then()),
      repair: (_machine, { id }, domains) => tell('repair', id, ...ids(domains)),
      audit: (_tally, domains) => tell('audit', ...ids(domains)),
    };
    return {
      number,
      ram: 'pc',
      holders: [holder],
      bytes: () => 0,
      place() {},
      populated() {},
      populateOnDemand: () => false,
    };
  };
  const [first, second] = [7, 8].map(number => createDomain(machine, 1, 0, { guest: interfaceOf(number) }));
  expect(audit(machine)).toEqual([]);
  workerDied(machine, first!);
  expect(asked.splice(0)).toEqual([
    ['7 audit', 1],
    ['8 audit', 2],
    ['7 repair', 1, 1],
    ['8 repair', 1, 2],
  ]);
  expect([destroyDomain(machine, first!), destroyDomain(machine, second!)]).toEqual([true, true]);
  expect(asked).toEqual([
    ['7 detach', 1],
    ['7 release', 1],
    ['7 count', 1],
    ['7 close', 1],
    ['8 detach', 2],
    ['8 release', 2],
    ['8 close', 2],
  ]);
});
