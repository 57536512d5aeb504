/** Several guests on one thread take turns as their weights and caps say, in virtual time. */
import { describe, expect, it } from 'vitest';
import { program } from '../../hypervisor/domain/program.test-support.ts';
import { type Runstates, SchedulerView } from '../../hypervisor/view/scheduler.ts';
import type { Domain } from '../../hypervisor/domain/domain.ts';
import { Guests, type GuestToRun } from './guests.ts';
import { Runner } from './run.ts';

const MS = 1e6;

function hog(name: string, change: Partial<GuestToRun> = {}): GuestToRun {
  // jmp to itself
  const boot = { kind: 'kernel', kernel: program(['eb fe']), name, cmdline: '' } as const;
  return { name, memoryMiB: 4, vcpus: 1, p2mFrames: 1024, boot, definition: '', onReset: 'end', startEpochMs: 0, ...change };
}

async function runFor(ms: number, guests: GuestToRun[], { pcpus = 1, policy = 'credit' } = {}): Promise<{ share: number; instructions: number }[]> {
  const all = new Guests(guests, { pcpus, scheduler: { policy }, output: () => {}, note: () => {} });
  const view = new SchedulerView(all.machine.memory);
  const runstates = ({ options }: Domain): Runstates => view.runstates(options.record.slot, all.queue?.nowNs());
  const runner = new Runner(all.members, {
    timeoutSeconds: 100,
    idled: ms => all.idled(ms),
    flush: () => {
      const { running, runnable, blocked } = runstates(all.members[0].domain);
      if (running + runnable + blocked > ms * MS) runner.stop();
    },
  });
  await runner.run();
  return all.members.map(({ domain }) => {
    const { running } = runstates(domain);
    return { share: running / (ms * MS), instructions: domain.instructions };
  });
}

describe('guests of one process', () => {
  it('get time by weight, and as many instructions', async () => {
    const [light, heavy] = await runFor(1200, [hog('light', { weight: 256 }), hog('heavy', { weight: 512 })]);
    // Some tens of slices of 30 ms: over fewer, one more or less is what counts.
    expect(heavy.share / light.share).toBeCloseTo(2, 0);
    expect(heavy.instructions / light.instructions).toBeGreaterThan(1.7);
    expect(heavy.instructions / light.instructions).toBeLessThan(2.3);
  });

  it('get the same under round robin, whatever their weights', async () => {
    const [light, heavy] = await runFor(1200, [hog('light', { weight: 256 }), hog('heavy', { weight: 512 })], { policy: 'rr' });
    expect(heavy.share / light.share).toBeCloseTo(1, 0);
    expect(heavy.share / light.share).toBeLessThan(1.2);
  });

  it('keep to the slots of their hard affinity', async () => {
    const [pinned, free] = await runFor(600, [hog('pinned', { hardAffinity: 1 }), hog('free'), hog('other', { hardAffinity: 1 })], { pcpus: 2 });
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
