/**
 * npm run -s soak:install: Debian is installed onto an empty disk by its own tools, from a CD with its packages, and started from that disk by both BIOSes.
 * RINGSIDE_ARCHIVE: a Debian archive (its folder, or its address) instead of this machine's apt.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { type Install, prepareInstall } from '../support/install/debian-install.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-install-'));
afterAll(() => rmSync(folder, { recursive: true }));
const DISK_BYTES = 2 ** 30;
/** While other work runs it takes up to three times as long. */
const PATIENCE_SECONDS = 3600;
const MEMORY_MIB = '512';
const say = (text: string) => process.stdout.write(`install: ${text}\n`);
const minutes = (since: number): string => `${((performance.now() - since) / 60_000).toFixed(1)} minutes`;

/** Debian's kernel with the installer. Says how long each of its steps takes. */
async function runInstaller(install: Install, word: string, last: string): Promise<void> {
  const vm = new Ringside(
    'boot',
    ...[
      '--kernel',
      install.kernel,
      '--initrd',
      install.initrd,
      '--cmdline',
      `console=ttyS0 rdinit=/install cryptomgr.notests quiet ${word}`,
    ],
    ...['--disk', `${install.disk},rw`, '--cdrom', install.cd, '--memory', MEMORY_MIB],
  );
  onTestFinished(() => vm.kill());
  let step = 'the kernel starts',
    since = performance.now();
  const begin = since;
  vm.onLine = line => {
    if (!line.startsWith('STEP ')) return;
    say(`${step}: ${minutes(since)}`);
    step = line.slice('STEP '.length);
    since = performance.now();
  };
  const status = await vm.end(PATIENCE_SECONDS);
  say(`${step}: ${minutes(since)}`);
  if (status !== 0 || !vm.output.includes(last))
    throw new Error(
      `The installer ended in the step ‘${step}’ after ${minutes(begin)}, with status ${status}:\n${vm.output.slice(-3000)}`,
    );
}

/** Through GRUB to a login on the serial line; the installed system says what it is, and is shut down. */
async function runInstalled(install: Install, bios: string): Promise<void> {
  const vm = new Ringside('boot', '--disk', `${install.disk},rw`, '--memory', MEMORY_MIB, '--bios', bios);
  onTestFinished(() => vm.kill());
  const begin = performance.now();
  await vm.expect('GNU GRUB', 300);
  await vm.expect('debian login:', 1200);
  say(`${bios}: from its start to the login prompt in ${minutes(begin)}`);
  vm.send('root\n');
  await vm.expect('Password:', 100);
  vm.send('ringside\n');
  await vm.expect('# ', 100);
  const since = performance.now();
  vm.send("stty -echo; export PS1='ask> '\n");
  await vm.expect('ask> ', 100);
  const ask = async (command: string, answer: string) => {
    vm.send(`${command}\n`);
    await vm.expect(answer, 300);
    await vm.expect('ask> ', 100);
  };
  await ask('cat /etc/debian_version', '12.');
  await ask(
    'echo all: $(dpkg-query -W | wc -l), installed: $(dpkg -l | grep -c ^ii)',
    `all: ${install.packages}, installed: ${install.packages}`,
  );
  await ask('dpkg --audit && echo nothing is half done', 'nothing is half done');
  // The installer writes into files of /etc.
  await ask('echo changed files: $(dpkg --verify | grep -vc " c /etc/")', 'changed files: 0');
  await ask('echo unclean file systems: $(dmesg | grep -c "recovery complete")', 'unclean file systems: 0');
  await ask('echo root is $(findmnt -no SOURCE,OPTIONS /)', 'root is /dev/sda1 rw');
  say(`${bios}: what is asked of it, in ${minutes(since)}`);
  vm.send('poweroff\n');
  expect(await vm.end(600), vm.errors).toBe(0);
}

it('Debian is installed onto an empty disk, and starts from it', { timeout: 4 * 3_600_000 }, async () => {
  say(`at a load of ${loadavg()[0].toFixed(1)}`);
  const begin = performance.now();
  const install = await prepareInstall(folder, DISK_BYTES, say);
  say(`${install.packages} packages are on a CD, after ${minutes(begin)}`);
  await runInstaller(install, 'install', 'INSTALLED');
  for (const bios of ['ringside', 'seabios']) await runInstalled(install, bios);
  await runInstaller(install, 'check', 'CHECKED');
  say(`all of it took ${minutes(begin)}`);
});
