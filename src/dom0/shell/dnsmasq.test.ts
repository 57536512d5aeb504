/** dnsmasq: what the network gives out of Domain 0's files. That guests boot from it: test/guests/network-boot.guest.ts. */
import { describe, expect, it } from 'vitest';
import type { GivenOut } from '../../devices/net/index.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { dnsmasqProgram } from './dnsmasq.ts';

async function make() {
  const files = await testFiles();
  await files.writeFile('/srv/tftp/boot.ipxe', '#!ipxe\n');
  await files.writeFile('/srv/tftp/below/kernel', 'kernel');
  await files.writeFile('/etc/passwd', 'root');
  await files.symlink('/etc/passwd', '/srv/tftp/out');
  const host = testHost({ files, epochMs: () => 0 });
  let given: GivenOut = {};
  host.toolstack.services.network.giveOut = what => {
    given = what;
  };
  const around = {
    stdin: '',
    directory: '/srv',
    readFile: (path: string) => files.readFileBuffer(path),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: new AbortController().signal,
  };
  const run = (words: string) => dnsmasqProgram(host).run(words.split(' ').filter(Boolean), around);
  const get = async (path: string) => {
    const bytes = await given.files!.get(path);
    return bytes && new TextDecoder().decode(bytes);
  };
  return { files, run, get, given: () => given };
}

describe('dnsmasq', () => {
  it('gives out the files of a folder, read when they are asked for, and nothing beyond it', async () => {
    const { files, run, get, given } = await make();
    expect(await run('--enable-tftp --tftp-root=tftp --dhcp-boot=boot.ipxe')).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
    });
    expect(given().bootFile).toBe('boot.ipxe');
    expect([await get('boot.ipxe'), await get('below/kernel')]).toEqual(['#!ipxe\n', 'kernel']);
    expect([await get('none'), await get('below'), await get('../../etc/passwd'), await get('out')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    await files.writeFile('/srv/tftp/boot.ipxe', '#!ipxe\nshell\n');
    expect(await get('boot.ipxe')).toBe('#!ipxe\nshell\n');
    expect(await run('')).toEqual({ stdout: '', stderr: '', status: 0 });
    expect(given()).toEqual({});
  });

  it('says what is wrong with its words, and then changes nothing', async () => {
    const { run, given } = await make();
    await run('--tftp-root=/srv/tftp');
    for (const [words, status, sentence] of [
      ['--tftp-root=/nowhere', 3, 'dnsmasq: TFTP directory /nowhere inaccessible: No such file or directory\n'],
      ['--tftp-root=/etc/passwd', 3, 'dnsmasq: TFTP directory /etc/passwd inaccessible: Not a directory\n'],
      ['--enable-tftp', 1, 'dnsmasq: it says what to give out by --tftp-root=DIR: try --help\n'],
      ['--tftp-root', 1, 'dnsmasq: bad command line options: --tftp-root: try --help\n'],
      ['now', 1, 'dnsmasq: bad command line options: now: try --help\n'],
    ] as const)
      expect(await run(words), words).toEqual({ stdout: '', stderr: sentence, status });
    expect(given().files).toBeDefined();
    expect(await run('--tftp-root=/srv/tftp --dhcp-boot=none')).toMatchObject({
      stderr: 'dnsmasq: /srv/tftp/none is not there: guests find nothing to boot until it is.\n',
      status: 0,
    });
  });
});
