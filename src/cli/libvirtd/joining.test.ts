/** Hosts of libvirt's clients in a pool, each a process of its own, and Debian's virsh, which has a guest move between them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { WarmRingside } from '../../../test/support/command-line.ts';
import { file } from '../../../test/support/needs.ts';
import { secretsOf } from '../../dom0/pool/index.ts';
import { testCode } from '../../dom0/pool/rooms.test-support.ts';
import { Hub } from '../pool/hub.ts';
import { VIRSH } from './virsh.test-support.ts';

const KERNEL = `${file('guests/demo/demo.elf')}:/boot/demo.elf`;

async function hubHere(): Promise<string> {
  const server = createServer();
  const { room, classRoom } = await secretsOf(testCode);
  const hub = new Hub(server, { rooms: [room], classes: [classRoom], most: 4, say: () => {} });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    hub.close();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}/#${testCode}`;
}

it.skipIf(!VIRSH)('a guest moves from one daemon to another [needs libvirt-clients]', async () => {
  const address = await hubHere();
  const folder = mkdtempSync(join(tmpdir(), 'ringside-joined-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const daemons: WarmRingside[] = [];
  onTestFinished(async () => void (await Promise.all(daemons.map(each => each.kill()))));
  const begin = async (name: string, ...words: string[]): Promise<WarmRingside> => {
    const state = ['--state', join(folder, name), '--host', 'pcpus=1,memory=64'];
    const begun = new WarmRingside('libvirtd', ...state, '--file', KERNEL, '--hypervisor', 'kvm', ...words);
    daemons.push(begun);
    await begun.expect('manages this host', 30);
    return begun;
  };
  const virsh = (name: string, ...words: string[]): Promise<string> =>
    new Promise(resolve =>
      execFile(
        VIRSH!,
        ['-c', `qemu:///system?socket=${join(folder, name, 'libvirt-sock')}`, ...words],
        { env: { ...process.env, LC_ALL: 'C.UTF-8' } },
        (error, stdout, stderr) => resolve(error ? `${error.code}: ${stderr}` : stdout + stderr),
      ),
    );
  const alfa = await begin('alfa', '--join', address, '--name', 'alfa');
  await begin('bravo', '--join', address, '--name', 'bravo');
  expect(await virsh('bravo', 'hostname')).toBe('bravo\n\n');
  await virsh('alfa', 'define', file('src/cli/libvirtd/fixtures/web.xml'));
  expect(await virsh('alfa', 'start', 'web')).toBe("Domain 'web' started\n\n");
  const move = ['migrate', 'web', 'qemu+pool://bravo/system', '--p2p', '--live', '--persistent', '--undefinesource'];
  expect(await virsh('alfa', ...move)).toBe('\n');
  expect([await virsh('alfa', 'list', '--all', '--name'), await virsh('bravo', 'list', '--all', '--name')]).toEqual([
    '\n',
    'web\n\n',
  ]);
  expect(await virsh('bravo', 'domstate', 'web', '--reason')).toBe('running (migrated)\n\n');
  // A kept state is the same host again, in no pool, too.
  await alfa.kill();
  await begin('alfa');
  expect(await virsh('alfa', 'hostname')).toBe('alfa\n\n');
  expect(await virsh('alfa', 'migrate', 'web', 'qemu+pool://bravo/system', '--p2p')).toMatch(/^1: /);
});

it('is told what is wrong with the pool before anything starts', async () => {
  const asked = async (...words: string[]): Promise<[number, string]> => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-joined-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const daemon = new WarmRingside('libvirtd', '--state', folder, '--host', 'pcpus=1,memory=64', ...words);
    const status = await daemon.end(20);
    return [status, daemon.errors];
  };
  expect(await asked('--name', 'alfa')).toEqual([
    2,
    'ringside libvirtd: --name, --role, --code-file and --leases are for a host of a pool: write --join ADDRESS, too.\n',
  ]);
  expect(await asked('--join', `ws://127.0.0.1:9/#${testCode}`)).toEqual([
    1,
    'ringside libvirtd: it joins no pool: ws://127.0.0.1:9/ does not answer, or is no hub of a pool.\n',
  ]);
});
