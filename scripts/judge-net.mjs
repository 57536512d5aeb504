/**
 * npm run -s judge:net -- [--type kvm|pc] [--refresh] [--wait S]
 *
 * A whole Debian 12 of 32 bits (mmdebstrap: systemd, ifupdown, sshd, apt), unmodified, on the network of this machine by `--net nat`: this machine's
 * ssh reaches it by a forward, with megabytes each way and several sessions at once, and its apt updates and installs from an archive that this machine
 * serves on loopback. Its disk is made once, in .cache/judge-net (`--refresh`: again). `kvm`: a guest of KVM with disk and card of virtio (unless set
 * otherwise); `pc`: a PC with an IDE disk and a PCnet card. --wait: seconds to wait for its sshd (900).
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { programModule } from './build.mjs';
import { sleep, start, until } from './killable.mjs';
import { at, judgements, say, withSbin } from './lib.mjs';
import { ensurePrograms } from './setup.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

const { values } = parseArgs({
  options: { type: { type: 'string', default: 'kvm' }, refresh: { type: 'boolean' }, wait: { type: 'string' } },
});
const TYPES = {
  kvm: { root: '/dev/vda', card: 'virtio', disk: ',virtio', words: ['--type', 'kvm'] },
  pc: { root: '/dev/sda', card: 'pcnet', disk: '', words: [] },
};
const type = TYPES[values.type];
const waitMs = Number(values.wait ?? 900) * 1000;
if (!type || !(waitMs > 0)) {
  process.stderr.write('judge:net: --type is kvm or pc, --wait a number of seconds\n');
  process.exit(2);
}

const MIB = 2 ** 20;
const DISK_MIB = 1200;
/** Bytes that are sent each way at once, and the number of sessions. */
const BYTES = 4 * MIB,
  SESSIONS = 4;
const PACKAGES = 'systemd-sysv,openssh-server,ifupdown,isc-dhcp-client,iproute2,linux-image-686-pae';
const MIRROR = 'http://deb.debian.org/debian';
/** What a guest calls this machine's loopback by the NAT. */
const HERE = '10.0.2.2';
/** What a package of the archive has. */
const NOTE = 'Fetched by apt through the network of a guest.\n';

const missing = await ensurePrograms({
  mmdebstrap: 'mmdebstrap',
  'arch-test': 'arch-test',
  'dpkg-scanpackages': 'dpkg-dev',
  mke2fs: 'e2fsprogs',
  ssh: 'openssh-client',
});
if (missing) {
  process.stderr.write(`judge:net: ${missing}\n`);
  process.exit(1);
}

/** The disk with its kernel and the key that root lets in, as a person who installs a server would make them. */
function install(folder) {
  const made = mkdtempSync(join(tmpdir(), 'ringside-debian-'));
  const [tree, key] = [join(made, 'root'), join(made, 'key')];
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    say('mmdebstrap');
    execFileSync(
      'mmdebstrap',
      ['--quiet', '--architectures=i386', '--variant=apt', `--include=${PACKAGES}`, 'bookworm', tree, MIRROR],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    mkdirSync(join(tree, 'root/.ssh'), { recursive: true, mode: 0o700 });
    const put = (path, text) => writeFileSync(join(tree, path), text);
    put('root/.ssh/authorized_keys', readFileSync(`${key}.pub`));
    put('etc/network/interfaces', 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n');
    put('etc/hostname', 'web\n');
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, join(made, 'disk.img'), `${DISK_MIB}M`], { env: withSbin });
    for (const name of ['vmlinuz', 'initrd.img']) writeFileSync(join(made, name), readFileSync(join(tree, name)));
    rmSync(tree, { recursive: true });
    mkdirSync(join(folder, '..'), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    execFileSync('cp', ['-a', '--sparse=always', made, `${folder}.new`]);
    renameSync(`${folder}.new`, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** An archive with one package, as dpkg-deb and dpkg-scanpackages make them; resolves with its port. */
async function serveArchive(folder) {
  const source = join(folder, 'source');
  mkdirSync(join(source, 'DEBIAN'), { recursive: true });
  chmodSync(join(source, 'DEBIAN'), 0o755);
  mkdirSync(join(source, 'usr/share/judged'), { recursive: true });
  writeFileSync(join(source, 'usr/share/judged/note'), NOTE);
  writeFileSync(
    join(source, 'DEBIAN/control'),
    'Package: judged\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\nDescription: one file\n',
  );
  const archive = join(folder, 'archive');
  mkdirSync(archive);
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', source, archive], { stdio: 'ignore' });
  const packages = execFileSync('dpkg-scanpackages', ['.'], { cwd: archive, stdio: ['ignore', 'pipe', 'ignore'] });
  writeFileSync(join(archive, 'Packages'), packages);
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    const path = join(archive, normalize(decodeURIComponent(request.url)));
    if (!existsSync(path) || path.endsWith('/')) return response.writeHead(404).end();
    response.end(readFileSync(path));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { port: server.address().port, asked };
}

const sum = bytes => createHash('sha256').update(bytes).digest('hex');
const { judge, end } = judgements();

const cache = at('.cache', 'judge-net', 'debian-12-i386');
if (values.refresh || !existsSync(cache)) install(cache);
await programModule('ringside');
const folder = mkdtempSync(join(tmpdir(), 'ringside-judge-net-'));
const { port: archivePort, asked } = await serveArchive(folder);
const vm = start(
  'boot',
  ...type.words,
  ...['--kernel', join(cache, 'vmlinuz'), '--initrd', join(cache, 'initrd.img'), '--memory', '256'],
  ...['--cmdline', `root=${type.root} rw net.ifnames=0 console=ttyS0,115200`],
  ...['--disk', `${join(cache, 'disk.img')}${type.disk}`],
  ...['--nic', type.card, '--net', 'nat', '--forward', 'tcp:0-:22'],
);
process.on('exit', () => vm.child.kill('SIGKILL'));
const told = () => `${vm.seen.out.slice(-3000)}${vm.seen.err}`;

try {
  await until(() => /127\.0\.0\.1:\d+ \(tcp\) leads/.test(vm.seen.err), told);
  const port = /127\.0\.0\.1:(\d+) \(tcp\)/.exec(vm.seen.err)[1];
  const SSH = [
    ...['-p', port, '-i', join(cache, 'key'), '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
    ...['-o', `UserKnownHostsFile=${join(folder, 'known')}`, '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=60'],
    'root@127.0.0.1',
  ];
  /** A command of the guest's root: its output and status, and what it is given at its standard input. */
  const inside = (command, input = '') =>
    new Promise(resolve => {
      const child = spawn('ssh', [...SSH, command], { stdio: 'pipe' });
      const out = [];
      let err = '';
      child.stdout.on('data', data => out.push(data));
      child.stderr.on('data', data => (err += data));
      child.stdin.on('error', () => {});
      child.stdin.end(input);
      child.on('close', status =>
        resolve({ status, bytes: Buffer.concat(out), text: String(Buffer.concat(out)), err }),
      );
    });

  const beganMs = performance.now();
  let first = { status: 255, err: '' };
  while (first.status !== 0 && performance.now() - beganMs < waitMs) {
    await sleep(2000);
    first = await inside('uname -sm; cat /etc/debian_version');
  }
  judge(
    `ssh is let in by a key ${((performance.now() - beganMs) / 1000).toFixed(0)} s after the start`,
    first.status === 0 && /^Linux i686\n12\./.test(first.text),
    `${first.text}${first.err}\n${told()}`,
  );
  if (first.status !== 0) throw new Error('Nobody is let in: the rest is not tried.');

  const found = await inside('systemd-detect-virt; ip -4 -o addr show eth0');
  judge(
    `systemd finds itself under ${values.type === 'kvm' ? 'kvm' : 'no hypervisor'}, and eth0 has its address by DHCP`,
    found.text.startsWith(values.type === 'kvm' ? 'kvm\n' : 'none\n') && found.text.includes('10.0.2.15/24'),
    found.text,
  );
  const units = await inside('systemctl is-system-running --wait; systemctl --failed --no-legend --plain');
  judge('no unit of systemd has failed', units.text.startsWith('running'), units.text);

  const bytes = randomBytes(BYTES);
  judge(`${BYTES / MIB} MiB go there`, (await inside('sha256sum', bytes)).text.startsWith(sum(bytes)));
  const back = await inside(`head -c ${BYTES} /dev/urandom | tee /tmp/sent`);
  judge(`${BYTES / MIB} MiB come back`, (await inside('sha256sum < /tmp/sent')).text.startsWith(sum(back.bytes)));
  const many = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, i) => {
      const part = bytes.subarray(i * 1000, i * 1000 + MIB / 2);
      return (await inside('cat', part)).bytes.equals(part);
    }),
  );
  judge(`${SESSIONS} sessions at once have each what is theirs`, many.every(Boolean));
  judge('a status comes back', (await inside('exit 37')).status === 37);

  const list = `deb [trusted=yes] http://${HERE}:${archivePort}/ ./\n`;
  await inside('rm -f /etc/apt/sources.list.d/*; cat > /etc/apt/sources.list', list);
  const update = await inside('apt-get update');
  judge('apt updates from an archive of this machine', update.status === 0, update.text + update.err);
  const installed = await inside('apt-get install -y judged && cat /usr/share/judged/note');
  judge(
    'apt installs from it',
    installed.status === 0 && installed.text.endsWith(NOTE) && asked.some(path => path.endsWith('.deb')),
    installed.text + installed.err,
  );
  const closed = await inside(`apt-get -o Acquire::Retries=0 download absent`);
  judge('apt is told what is not there', closed.status === 100, closed.text + closed.err);

  await inside('systemctl poweroff');
  const ended = await Promise.race([vm.ended, sleep(300_000).then(() => 'nothing within five minutes')]);
  judge('it powers off, and the host ends', ended === 0, `${ended}: ${told()}`);
} catch (error) {
  judge('the judge comes to its end', false, error.message);
}
rmSync(folder, { recursive: true, force: true });
const fsck = spawnSync('e2fsck', ['-fn', join(cache, 'disk.img')], { env: withSbin });
judge('the image is as it was: what the guest wrote was kept in memory', fsck.status === 0, String(fsck.stdout));
end();
