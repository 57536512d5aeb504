/** What a move may take, by Domain 0's virsh. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { testFiles, until } from '../../service/host.test-support.ts';
import { virshProgram } from '../../libvirt/virsh/index.ts';
import { pair, running } from './pair.test-support.ts';

async function hosts() {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url)));
  await files.writeFile('/etc/xen/vm/web', 'name = "web"\ntype = "hvm"\nmemory = 40\nkernel = "/boot/demo.elf"\n');
  const { a, b } = pair({ files });
  const virsh = virshProgram(a);
  const run = async (line: string): Promise<string> => {
    const { stdout, stderr } = await virsh.run(line.split(' '), { directory: '/' } as never);
    return stdout + stderr;
  };
  await run('start web');
  await until(async () => (await running(a)).includes('web'));
  return { a, b, run };
}

it('has a domain stand still that takes longer than it may', async () => {
  const { b, run } = await hosts();
  // Its memory alone would take most of a minute.
  await run('migrate-setspeed web 1');
  expect(await run('migrate web xen+pool://b/system --live --timeout 1')).toBe('\n');
  expect(await running(b)).toEqual(['web']);
});

it('ends the rounds once what is left takes no longer than the domain may stand still', async () => {
  const { a, run } = await hosts();
  await run('migrate-setmaxdowntime web 60000');
  expect(await run('migrate-getmaxdowntime web')).toBe('60000\n');
  expect(await run('migrate web xen+pool://b/system --live')).toBe('\n');
  expect(a.toolstack.jobs.completed('web')?.memory?.rounds).toHaveLength(1);
});

it('refuses what is no limit, and changes nothing', async () => {
  const { run } = await hosts();
  for (const [line, why] of [
    ['migrate-setspeed web 8796093022208', 'numerical overflow: bandwidth must be less than 8796093022208'],
    ['migrate-setspeed web -1', 'numerical overflow: bandwidth must be less than 8796093022208'],
    ['migrate-setspeed web 10 --postcopy', 'unsupported flags (0x1) in function qemuDomainMigrateSetMaxSpeed'],
    ['migrate-setmaxdowntime web 0', 'migrate: Invalid downtime'],
    ['migrate-setmaxdowntime web 2000001', "Parameter 'downtime_limit' expects an integer in the range of 0 to"],
    ['migrate web xen+pool://b/system --timeout 5', 'migrate: Unexpected timeout for offline migration'],
    ['migrate web xen+pool://b/system --live --dname a/b', "a domain cannot be called 'a/b'"],
  ] as const)
    expect(await run(line)).toContain(`error: ${why}`.replace(/error: (?=Param|a domain)/, ''));
  expect(await run('migrate-getspeed web')).toBe('8796093022207\n');
  expect(await run('migrate-getmaxdowntime web')).toBe('300\n');
});
