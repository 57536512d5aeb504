import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Ringside } from '../../../test/support/command-line.ts';

const place = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const demo = ['--file', `${place('guests/demo/demo.cfg')}:/etc/xen/vm/demo`, '--file', `${place('guests/demo/demo.elf')}:/root/demo.elf`];

const sh = (...args: string[]): Promise<{ status: number; out: string; err: string }> =>
  new Promise(resolve => {
    const child = execFile(process.execPath, [place('bin/ringside.mjs'), 'sh', ...args], (_error, out, err) => resolve({ status: child.exitCode ?? -1, out, err }));
  });

describe('ringside sh', () => {
  it('creates, lists, pauses and destroys a domain with the files that its definition names', async () => {
    const { out, err, status } = await sh(...demo, '-c', 'xl create /etc/xen/vm/demo; xl list | grep demo; xl pause demo; xl list demo | tail -1; xl destroy demo; xl list | wc -l');
    expect(err).toBe('');
    const lines = out.trim().split('\n');
    expect(lines[0]).toBe('Parsing config from /etc/xen/vm/demo');
    expect(lines[1]).toMatch(/^demo +1 +16 +1 +[rb-]{2}----/);
    expect(lines[2]).toMatch(/^demo +1 +16 +1 +--p---/);
    expect(lines[3]).toBe('2');
    expect(status).toBe(0);
  });

  it("refuses in xl's words, with the last command's status", async () => {
    const { err, status } = await sh('-c', 'xl create missing.cfg; xl nonsense; xl console web1 | cat; xl destroy web1');
    expect(err.split('\n')).toEqual(['missing.cfg: No such file or directory', 'command not implemented', 'xl: console needs the terminal: give it a line of its own, without pipes.',
      'web1 is an invalid domain identifier (rc=-6)', '']);
    expect(status).toBe(1);
    expect(await sh('-c', 'echo "open')).toMatchObject({ status: 2, err: expect.stringContaining('not whole') });
    expect(await sh('--file', 'x')).toMatchObject({ status: 2, err: expect.stringContaining('write SOURCE:PATH') });
    expect(await sh('--pcpus', '99', '-c', 'true')).toMatchObject({ status: 2, err: expect.stringContaining('whole number from 1 to 32') });
  });

  it('keeps files and volumes with --state, and shows what xenstored has', async () => {
    const state = mkdtempSync(join(tmpdir(), 'ringside-sh-'));
    try {
      expect(await sh('--state', state, '-c', 'echo memory=8 > /etc/xen/vm/a; lvcreate -L 8 -n web vg0')).toMatchObject({ status: 0, err: '' });
      const { out, err } = await sh('--state', state, '-c', 'cat /etc/xen/vm/a; lvs | grep web; xenstore-read /local/domain/0/name; echo x > /dev/null; xenstore-read /no');
      expect(out).toMatch(/^memory=8\n {2}web +vg0 .*\nDomain-0\n$/);
      expect(err).toBe("xenstore-read: couldn't read path /no\n");
    } finally {
      rmSync(state, { recursive: true });
    }
  });

  it('keeps what it manages, and starts what is to start with it', async () => {
    const state = mkdtempSync(join(tmpdir(), 'ringside-sh-'));
    try {
      const line = "sed -i s,demo.elf,/root/demo.elf, /etc/xen/vm/demo; xm new /etc/xen/vm/demo; ln -s /etc/xen/vm/demo /etc/xen/auto/demo; xm list | tail -1; xl list | wc -l";
      const first = await sh('--state', state, ...demo, '-c', line);
      expect(first).toMatchObject({ status: 0, err: '' });
      expect(first.out).toMatch(/^Using config file .*\ndemo {46}16 {5}1 {17}0\.0\n2\n$/);
      const { out, err } = await sh('--state', state, '-c', 'xm list | tail -1; xm delete demo; xl destroy demo; xm delete demo; ls /etc/xen/vm /etc/xen/auto');
      expect(out).toMatch(/^demo +1 +16 +1 +[rb-]{6} +\d+\.\d\n\/etc\/xen\/vm:\n\n\/etc\/xen\/auto:\n$/);
      expect(err).toBe('Error: Domain is not halted.\n');
    } finally {
      rmSync(state, { recursive: true });
    }
  });

  it("gives the terminal to a guest's console and takes it back at Ctrl-]", async () => {
    const guest = new Ringside('sh', '--pcpus', '2', ...demo);
    await guest.expect('# ', 30);
    guest.send('xl create /etc/xen/vm/demo\r');
    await guest.expect('Parsing config', 30);
    guest.send('xl console demo\r');
    await guest.expect('demo> ', 30);
    guest.send('echo over the console\r');
    await guest.expect('over the console\r\n', 30);
    guest.send('\x1d');
    await guest.expect('# ', 30);
    guest.send('xl list | wc -l\r');
    await guest.expect('3\r\n', 30);
    // A guest that powers off is gone, and its console with it.
    guest.send('xl console demo\r');
    await guest.expect('over the console\r\n', 30);
    guest.send('poweroff\r');
    await guest.expect('# ', 30);
    guest.send('xl list | wc -l\r');
    await guest.expect('2\r\n', 30);
    guest.send('exit 7\r');
    expect(await guest.end(20)).toBe(7);
  });
});
