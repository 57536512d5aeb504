/** Several guests on one thread take turns as their weights and caps say, in virtual time. */
import { describe, expect, it } from 'vitest';
import { newDefinition } from '../../dom0/definitions/config/definition.ts';
import type { Blueprint } from '../../dom0/toolstack/running-domain.ts';
import { program } from '../../hypervisor/domain/program.test-support.ts';
import type { Shares } from '../../hypervisor/scheduler/shares.ts';
import { type Runstates, SchedulerView } from '../../hypervisor/view/scheduler.ts';
import { type Guest, Session } from './session.ts';

const MS = 1e6;

function hog(name: string, change: Shares = {}): Blueprint {
  // jmp to itself
  const boot = { kind: 'kernel', kernel: program(['jmp $']), name, cmdline: '' } as const;
  return {
    definition: { ...newDefinition(), name, kind: 'pc', memoryMiB: 4, onReboot: 'destroy', ...change },
    boot,
    text: '',
    startEpochMs: 0,
  };
}

async function runFor(
  ms: number,
  guests: Blueprint[],
  { pcpus = 1, policy = 'credit' } = {},
): Promise<{ share: number; instructions: number }[]> {
  const all = new Session(guests, {
    virtualTime: true,
    inWorkers: false,
    pcpus,
    xen: `sched=${policy}`,
    seed: 0,
    output: () => {},
    note: () => {},
    flush: () => {
      const { running, runnable, blocked } = runstates(all.guests[0]);
      if (running + runnable + blocked > ms * MS) all.stop();
    },
  });
  const view = new SchedulerView(all.toolstack.machine.memory);
  const runstates = ({ member }: Guest): Runstates => view.runstates(member.record.index, all.toolstack.queue.nowNs());
  await all.start();
  await all.over;
  return all.guests.map(guest => {
    const { running } = runstates(guest);
    return { share: running / (ms * MS), instructions: all.stats(guest).instructions };
  });
}

describe('guests of one process', () => {
  it('get time by weight, and as many instructions', async () => {
    const [light, heavy] = await runFor(720, [hog('light', { weight: 256 }), hog('heavy', { weight: 512 })]);
    // Two dozen slices of 30 ms: over fewer, one more or less is what counts.
    expect(heavy.share / light.share).toBeCloseTo(2, 0);
    expect(heavy.instructions / light.instructions).toBeGreaterThan(1.7);
    expect(heavy.instructions / light.instructions).toBeLessThan(2.3);
  });

  it('get the same under round robin, whatever their weights', async () => {
    const [light, heavy] = await runFor(600, [hog('light', { weight: 256 }), hog('heavy', { weight: 512 })], {
      policy: 'rr',
    });
    expect(heavy.share / light.share).toBeCloseTo(1, 0);
    expect(heavy.share / light.share).toBeLessThan(1.2);
  });

  it('keep to the slots of their hard affinity', async () => {
    const [pinned, free] = await runFor(
      600,
      [hog('pinned', { hardAffinity: 1 }), hog('free'), hog('other', { hardAffinity: 1 })],
      { pcpus: 2 },
    );
    expect(pinned.share).toBeLessThan(0.6);
    expect(free.share).toBeGreaterThan(pinned.share);
  });

  it('keep to a cap, though nobody else wants to run', async () => {
    const [capped] = await runFor(600, [hog('capped', { cap: 25 })]);
    expect(capped.share).toBeCloseTo(0.25, 1);
  });

  it('repeat themselves in virtual time', async () => {
    const once = await runFor(200, [hog('one'), hog('two', { cap: 25 })]);
    expect(await runFor(200, [hog('one'), hog('two', { cap: 25 })])).toEqual(once);
  });
});
