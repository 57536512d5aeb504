import { expect, it } from 'vitest';
import { pair, running, xl } from '../../src/dom0/pool/migration/pair.test-support.ts';
import type { Host } from '../../src/dom0/service/index.ts';
import { testFile, until } from '../../src/dom0/service/host.test-support.ts';
import { virshProgram } from '../../src/dom0/libvirt/virsh/index.ts';
import { FIRST_GFN, writerKernel } from '../../src/workshop/bench-migration/writer.ts';

const ROUND = /Frames iteration \d+: (\d+)\/\1 {2}100%/g;
const NOT_CONVERGED =
  /While (\d+) pages went to \w, web wrote (\d+) \((\d+) pages\/s\): its rounds do not become shorter, .* migrate it with --auto-converge\./;
const FRAMES = 300;

/** Once it has written all of its frames. */
async function writes(host: Host): Promise<void> {
  const { id } = (await host.list())[0]!;
  const { words } = host.machine;
  const at = host.machine.secondStage(host.domains.member(id).record).mfn(FIRST_GFN) << 10;
  const before = words[at]!;
  await until(() => words[at]! > before + 2);
}

it('says of a guest that never converges how fast it writes, and slows it down where it is told to: by xl, by virsh, by the page', async () => {
  const { a, b } = pair();
  await a.create([
    testFile('web.cfg', 'name = "web"\ntype = "hvm"\nmemory = 8\nkernel = "w.elf"\n'),
    testFile('w.elf', writerKernel({ frames: FRAMES, spins: 1 })),
  ]);
  await writes(a);
  const told = NOT_CONVERGED.exec((await xl(a, 'migrate', 'web', 'b')).out)!;
  expect(told.slice(1, 3).every(frames => Number(frames) >= FRAMES)).toBe(true);
  expect(Number(told[3])).toBeGreaterThan(0);
  await writes(b);
  // As the page does, and its task says the same.
  const { notConverged } = await b.migrate((await b.list())[0]!.id, 'a');
  expect(notConverged).toMatch(NOT_CONVERGED);
  expect(b.tasks.list().at(-1)!.message).toContain(notConverged);
  await writes(a);
  const slowed = await xl(a, 'migrate', '--auto-converge', 'web', 'b');
  expect(slowed.out).not.toContain('do not become shorter');
  const rounds = [...slowed.out.matchAll(ROUND)].map(([, frames]) => Number(frames));
  expect([rounds.length > 5, rounds.at(-1)! < FRAMES / 2]).toEqual([true, true]);
  await writes(b);
  const { stdout, stderr } = await virshProgram(b).run(
    ['migrate', 'web', 'xen+pool://a/system', '--live', '--auto-converge', '--verbose'],
    {
      stdin: '',
      directory: '/root',
      readFile: async () => new Uint8Array(),
      writeFile: async () => {},
      signal: new AbortController().signal,
    },
  );
  expect([stdout, stderr]).toEqual(['Migration: [100 %]\n', '']);
  expect(b.tasks.list().at(-1)!.message).toMatch(/, ([6-9]|1\d|20) rounds while it ran/);
  expect(await running(a)).toEqual(['web']);
  // It is as fast there as it was: what was taken from it stays here.
  const unit = a.toolstack.members.values().next().value!.record.index;
  expect(a.queue.shares(unit)?.cap).toBe(0);
}, 60_000);
