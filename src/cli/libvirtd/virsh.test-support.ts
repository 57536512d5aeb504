/** A host with its daemon, and Debian's virsh at it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { program } from '../../../test/support/needs.ts';
import { testFiles, testHost } from '../../dom0/service/host.test-support.ts';
import { filesBeside } from '../../dom0/host/files/index.ts';
import { driverOf } from '../../dom0/libvirt/index.ts';
import { NodeAllowedFiles } from '../allowed/allowed-files.ts';
import { LibvirtServer } from './server.ts';

export const VIRSH = program('virsh');

const guest = (path: string): Uint8Array => readFileSync(new URL(`../../../guests/${path}`, import.meta.url));

/** A host that has the demo guest and minipv as files, and listens. `allow`: a folder of this machine that it may have. */
export async function daemon({ allow, ...parts }: Parameters<typeof testHost>[0] & { allow?: string } = {}) {
  const own = parts.files ?? (await testFiles());
  const allowed = allow === undefined ? undefined : new NodeAllowedFiles([allow]);
  const files = allowed ? filesBeside(own, allowed) : own;
  await files.writeFile('/boot/demo.elf', guest('demo/demo.elf'));
  await files.writeFile('/boot/minipv.elf', guest('minipv/minipv.elf'));
  const host = testHost({ ...parts, files, allowed });
  const directory = mkdtempSync(join(tmpdir(), 'ringside-libvirt-'));
  const socket = join(directory, 'sock');
  const server = await LibvirtServer.open(host, socket);
  onTestFinished(async () => {
    await server.close();
    host.toolstack.close();
    rmSync(directory, { recursive: true });
  });
  return { host, files, server, socket, directory };
}

/** The same with virsh: what it prints, behind its status where it fails. */
export async function daemonWithVirsh(parts: Parameters<typeof daemon>[0] = {}) {
  const here = await daemon(parts);
  const uri = `${driverOf(here.host).uri}?socket=${here.socket}`;
  const virsh = (line: string, ...before: string[]): Promise<string> =>
    new Promise(resolve => {
      const words = [...before, '-c', uri, ...line.split(' ')];
      const env = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
      execFile(VIRSH!, words, { cwd: here.directory, env }, (error, stdout, stderr) =>
        resolve(error ? `${error.code}: ${stderr}` : stdout + stderr),
      );
    });
  const write = (name: string, text: string): void => writeFileSync(join(here.directory, name), text);
  return { ...here, uri, virsh, write };
}
