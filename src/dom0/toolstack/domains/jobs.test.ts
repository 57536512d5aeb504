import { expect, it } from 'vitest';
import { Jobs } from './jobs.ts';
import { startPostcopy } from './postcopy.ts';

function make() {
  let nowMs = 0;
  const timers: { ms: number; callback: () => void }[] = [];
  const jobs = new Jobs(
    {
      epochMs: () => nowMs,
      later: (ms, callback) => {
        timers.push({ ms, callback });
        return () => {};
      },
    },
    () => {},
  );
  return { jobs, timers, pass: (ms: number) => (nowMs += ms) };
}

it('tells what is done with a domain, and afterwards how that went', async () => {
  const { jobs, pass } = make();
  let finish = (): void => {};
  const done = jobs.run('a', 'Save', async job => {
    job.wrote(0, 4096);
    await new Promise<void>(resolve => (finish = resolve));
    job.wrote(4096, 4096);
    return 7;
  });
  await Promise.resolve();
  pass(20);
  const dataBytes = { processed: 0, total: 4096 };
  expect(jobs.of('a')).toEqual({ type: 'Unbounded', operation: 'Save', elapsedMs: 20, dataBytes });
  expect([jobs.of('b'), jobs.completed('a')]).toEqual([undefined, undefined]);
  finish();
  expect([await done, jobs.of('a')]).toEqual([7, undefined]);
  expect(jobs.completed('a')).toMatchObject({ type: 'Completed', dataBytes: { processed: 4096 } });
  await expect(jobs.run('a', 'Dump', () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  expect(jobs.completed('a')).toMatchObject({ type: 'Failed', operation: 'Dump' });
});

it('lets the next begin when the one before has ended, or gives up after half a minute', async () => {
  const { jobs, timers } = make();
  let finish = (): void => {};
  const said: string[] = [];
  const first = jobs.run('a', 'Save', () => new Promise<void>(resolve => (finish = resolve)));
  const second = jobs.run('a', 'Snapshot', async () => void said.push('second'));
  const late = jobs.run('a', 'Dump', async () => void said.push('late'));
  await jobs.run('b', 'Save', async () => void said.push('another'));
  expect([said, timers.map(({ ms }) => ms)]).toEqual([['another'], [30_000, 30_000]]);
  timers[1]!.callback();
  await expect(late).rejects.toThrow('Timed out during operation: cannot acquire state change lock');
  finish();
  await Promise.all([first, second]);
  expect(said).toEqual(['another', 'second']);
});

it('waits half a minute in all, however many jobs come before', async () => {
  const { jobs, timers } = make();
  const finish: (() => void)[] = [];
  const work = () => new Promise<void>(resolve => void finish.push(resolve));
  const [first, second, third] = (['Save', 'Snapshot', 'Dump'] as const).map(what => jobs.run('a', what, work));
  finish[0]!();
  await first;
  await expect.poll(() => finish.length).toBe(2);
  expect(timers).toHaveLength(2);
  timers[1]!.callback();
  await expect(third).rejects.toThrow('Timed out during operation: cannot acquire state change lock');
  finish[1]!();
  await second;
});

it('is aborted in libvirt’s words, as long as it can be', async () => {
  const { jobs } = make();
  const waits = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  expect(() => jobs.abort('a')).toThrow('Requested operation is not valid: no job is active on the domain');
  const aborted = jobs.run('a', 'Save', ({ signal }) => waits(signal));
  await Promise.resolve();
  jobs.abort('a');
  await expect(aborted).rejects.toThrow('operation aborted: domain save job: canceled by client');
  expect(jobs.completed('a')?.type).toBe('Cancelled');
  let finish = (): void => {};
  const ends = jobs.run('a', 'Snapshot', async job => {
    job.commit();
    await new Promise<void>(resolve => (finish = resolve));
  });
  await Promise.resolve();
  expect(() => jobs.abort('a')).toThrow('cannot abort the snapshot job: it is about to end');
  finish();
  await ends;
});

it('becomes post-copy in libvirt’s words, where the migration was begun so, and cannot be aborted then', async () => {
  const { jobs } = make();
  const invalid = (why: string): string => `Requested operation is not valid: ${why}`;
  expect(() => startPostcopy(jobs, 'a')).toThrow(
    invalid('post-copy can only be started while outgoing migration is in progress'),
  );
  let begun = 0;
  const done = jobs.run('a', 'Outgoing migration', async job => {
    expect(() => startPostcopy(jobs, 'a')).toThrow(
      invalid('switching to post-copy requires migration to be started with VIR_MIGRATE_POSTCOPY flag'),
    );
    job.beginPostcopy = () => begun++;
    startPostcopy(jobs, 'a');
    job.isPostcopy = true;
    startPostcopy(jobs, 'a');
    expect(() => jobs.abort('a')).toThrow(invalid('cannot abort migration in post-copy mode'));
  });
  await done;
  expect(begun).toBe(1);
});
