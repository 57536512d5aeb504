/** Debian's virsh has guests move within a pool, by the daemon of the host that they leave. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Pair, pair, running } from '../../dom0/pool/migration/pair.test-support.ts';
import { testFiles, until } from '../../dom0/service/host.test-support.ts';
import { LibvirtServer } from './server.ts';
import { VIRSH } from './virsh.test-support.ts';

const UUID = '00000000-0000-4000-8000-000000000001';
const cfg = (name: string): string =>
  `name = "${name}"\nuuid = "${UUID}"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo.elf"\n`;

async function hosts(): Promise<Pair & { virsh(line: string): Promise<string> }> {
  const [files, there] = [await testFiles(), await testFiles()];
  await files.writeFile('/boot/demo.elf', readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url)));
  await files.writeFile('/etc/xen/vm/web', cfg('web'));
  const both = pair({}, 64, [{ files }, { files: there }]);
  const directory = mkdtempSync(join(tmpdir(), 'ringside-moves-'));
  const socket = join(directory, 'sock');
  const server = await LibvirtServer.open(both.a, socket);
  onTestFinished(async () => {
    await server.close();
    for (const host of [both.a, both.b]) host.toolstack.close();
    rmSync(directory, { recursive: true });
  });
  const virsh = (line: string): Promise<string> =>
    new Promise(resolve =>
      execFile(
        VIRSH!,
        ['-c', `xen:///system?socket=${socket}`, ...line.split(' ')],
        { env: { ...process.env, LC_ALL: 'C.UTF-8' } },
        (error, stdout, stderr) => resolve(error ? `${error.code}: ${stderr}` : stdout + stderr),
      ),
    );
  return { ...both, virsh };
}

describe.skipIf(!VIRSH)('moves by virsh [needs libvirt-clients]', () => {
  it('is defined on the other host, where it is called otherwise', async () => {
    const { a, b, virsh } = await hosts();
    expect(await virsh('start web')).toContain('started');
    expect(
      await virsh('migrate web xen+pool://b/system --p2p --live --persistent --undefinesource --dname there'),
    ).toBe('\n');
    expect(await running(b)).toEqual(['there']);
    await until(async () => (await b.managed!.list()).length > 0);
    expect((await b.managed!.list()).map(({ name, definition }) => [name, definition.uuid])).toEqual([['there', UUID]]);
    expect(await a.managed!.list()).toEqual([]);
    expect(await virsh('list --all --name')).toBe('Domain-0\n\n');
  });

  it('stays where it cannot be there', async () => {
    const { a, b, virsh } = await hosts();
    await b.managed!.define('web', cfg('web').replace(UUID, UUID.replace('1', '2')));
    await virsh('start web');
    const move = 'migrate web xen+pool://b/system --p2p --live';
    expect(await virsh(`${move} --persistent`)).toContain("domain 'web' is already defined with uuid");
    expect(await virsh(`${move} --dname a/b`)).toContain("invalid argument: a domain cannot be called 'a/b'");
    expect(await virsh('migrate web xen+pool://nobody/system --p2p --live')).toMatch(/^1: error: /);
    expect(await virsh(`${move} --copy-storage-all --copy-storage-inc`)).toContain('are mutually exclusive');
    expect(await virsh(`${move} --parallel --parallel-connections 2`)).toMatch(/^1: error: /);
    expect(await running(a)).toEqual(['web']);
    expect(await running(b)).toEqual([]);
  });

  it('goes as slowly as it may, until it is to stand still', async () => {
    const { a, b, virsh } = await hosts();
    await virsh('start web');
    expect(await virsh('migrate-getspeed web')).toBe('8796093022207\n\n');
    expect(await virsh('migrate-setspeed web 1')).toBe('\n');
    expect(await virsh('migrate-postcopy web')).toContain(
      'post-copy can only be started while outgoing migration is in progress',
    );
    let isThere = false;
    const move = virsh('migrate web xen+pool://b/system --p2p --live').then(said => ((isThere = true), said));
    await until(async () => (await virsh('domjobinfo web')).includes('Outgoing migration'));
    expect(isThere).toBe(false);
    // From now on as fast as it goes.
    await virsh('migrate-setspeed web 0');
    expect(await move).toBe('\n');
    expect(await running(b)).toEqual(['web']);
    expect(a.toolstack.jobs.completed('web')).toMatchObject({ type: 'Completed', operation: 'Outgoing migration' });
  });
});
