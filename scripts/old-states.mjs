/**
 * Makes test/states: states of hosts (`ringside sh --state`) and files of `ringside boot --save` as earlier commits wrote them, which test/old-states.test.ts
 * opens with today's code. Each commit is checked out into a folder of its own and runs there with this repository's node_modules.
 *
 *   node scripts/old-states.mjs [COMMIT…]
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { at, isMain, root, say } from './lib.mjs';

/** Commits, oldest first, and what their hosts have besides volumes, snapshots and saved guests of Xen. */
const COMMITS = [
  { commit: 'eb917b82', has: [] }, // snapshots with disks
  { commit: '85bf4d37', has: ['images'] }, // images of files are volumes
  { commit: 'baea91ad', has: ['images'] },
  { commit: 'cb089c2b', has: ['images'] },
  { commit: '82357941', has: ['images', 'pv', 'tree'] }, // one block device; snapshots are a tree
  { commit: '064b26e9', has: ['images', 'pv', 'tree', 'managed', 'kvm'] }, // rounds of pages, virtio
  { commit: '09afedf4', has: ['images', 'pv', 'tree', 'managed', 'kvm'] }, // snapshots of disks alone
  { commit: 'b5c9ab41', has: ['images', 'pv', 'tree', 'managed', 'kvm'] },
];

/** Longest run of one host, in milliseconds of this machine. */
const PATIENCE_MS = 300_000;

const guest = (name, kind, drive) => `name="${name}"
type="${kind}"
memory=8
kernel="/boot/minipv"
${drive ? `disk=["phy:/dev/vg0/${name},${drive},w"]\n` : ''}`;

/** What Domain 0's shell does there. */
function script(has) {
  const kinds = [
    ['pv', 'xvda'],
    ['pvh', 'xvda'],
    ['hvm', 'hda'],
  ];
  const lines = [
    // A state in which a step failed is no state to test with.
    'set -e',
    'echo written by an older host > /root/note',
    "printf '%s' '# nobody starts it\nmemory=8\n' > /etc/xen/vm/idle",
  ];
  for (const [kind, drive] of kinds)
    lines.push(
      `printf '%s' '${guest(kind, kind, drive)}' > /etc/xen/vm/${kind}`,
      `lvcreate -L 4M -n ${kind} vg0`,
      `dd if=/boot/minipv of=/dev/vg0/${kind}`,
      `xl create /etc/xen/vm/${kind}`,
    );
  lines.push('xl create /etc/xen/vm/demo memory=4');
  if (has.includes('images'))
    lines.push(
      'mkdir -p /var/lib/xen/images',
      'cp /boot/minipv /var/lib/xen/images/kept.img',
      'xl create /etc/xen/vm/pcos memory=4',
    );
  // Until their kernels run.
  lines.push('sleep 10');
  // Its minipv suspends itself as PV, too.
  const saved = kinds.map(([kind]) => kind).filter(kind => kind !== 'pv' || has.includes('pv'));
  for (const kind of saved) lines.push(`xl snapshot ${kind} first`);
  if (has.includes('tree')) lines.push('xl snapshot pvh second');
  for (const kind of saved) lines.push(`xl save ${kind} /root/${kind}.save`);
  lines.push('xl save demo /root/demo.save');
  if (has.includes('images')) lines.push('xl save pcos /root/pcos.save');
  if (has.includes('managed'))
    lines.push(
      `printf '%s' '${guest('managed', 'pvh')}' > /etc/xen/vm/managed`,
      'virsh start managed',
      'sleep 1',
      'virsh managedsave managed',
    );
  lines.push(
    'xl list',
    'lvs',
    `printf '%s' '${guest('auto', 'pvh')}' > /etc/xen/vm/auto`,
    'ln -s ../vm/auto /etc/xen/auto/auto',
    ...kinds.map(([kind]) => `dd if=/dev/vg0/${kind} bs=4096 | sha256sum >> /root/sums`),
  );
  return lines.join('\n');
}

/** Runs a program of the commit. @throws Error with what it printed */
function run(folder, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin', 'ringside.mjs'), ...args], {
    cwd: folder,
    input: '',
    timeout: PATIENCE_MS,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`ringside ${args[0]} ended with ${status}:\n${stdout}\n${stderr}`);
  return `${stdout}${stderr}`;
}

function git(...args) {
  const { status, stderr } = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
}

/** Files one behind the other, each behind a line with its name and length, compressed: test/support/old-states.ts reads it. */
export function pack(files) {
  const pieces = Object.entries(files).flatMap(([name, bytes]) => [Buffer.from(`${name} ${bytes.length}\n`), bytes]);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
  };
  return brotliCompressSync(Buffer.concat(pieces), { params });
}

function make({ commit, has }) {
  const work = mkdtempSync(join(tmpdir(), 'ringside-old-'));
  const folder = join(work, 'tree');
  const target = at('test', 'states', `${commit}.br`);
  try {
    git('worktree', 'add', '--detach', folder, commit);
    if (!existsSync(join(folder, 'node_modules'))) symlinkSync(at('node_modules'), join(folder, 'node_modules'));
    const state = join(work, 'state');
    mkdirSync(state);
    say(`${commit}: a host`);
    process.stderr.write(run(folder, 'sh', '--state', state, '-c', script(has)));
    const kernel = join(folder, 'guests', 'demo', 'demo.elf');
    const boot = ['boot', '--kernel', kernel, '--memory', '4', '--until', 'demo>', '--timeout', '60'];
    say(`${commit}: saved PCs`);
    run(folder, ...boot, '--save', join(work, 'pc.boot'));
    if (has.includes('kvm')) run(folder, ...boot, '--type', 'kvm', '--save', join(work, 'kvm.boot'));
    const files = {};
    for (const name of readdirSync(state).sort()) files[`state/${name}`] = readFileSync(join(state, name));
    for (const name of readdirSync(work).filter(each => each.endsWith('.boot')))
      files[name] = readFileSync(join(work, name));
    const packed = pack(files);
    writeFileSync(target, packed);
    say(`${commit}: ${packed.length} bytes`);
  } finally {
    git('worktree', 'remove', '--force', folder);
    rmSync(work, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  const wanted = process.argv.slice(2);
  for (const each of COMMITS) if (wanted.length === 0 || wanted.includes(each.commit)) make(each);
}
