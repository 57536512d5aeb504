/**
 * What people get wrong, typed at the shell: each line with the message and the status of the tool on a real host, and the host as it was before. Sources:
 * tools/xl and tools/libs/light of Xen 4.17, xm of Xen 4.1, tools/ of libvirt 9, lvm 2.03.16, sfdisk of util-linux 2.38; sentences behind theirs are ours.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { print, pvhKernel, shutdown, waitForKey } from '../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { testFiles, testHost, until } from '../service/host.test-support.ts';
import type { Host } from '../service/host.ts';
import type { KeptFiles } from '../host/files/index.ts';
import { Storage } from '../host/storage/index.ts';
import { LoggingStore } from '../host/storage/logging-store.test-support.ts';
import type { HostState } from '../host/state/state.ts';
import { Bash } from './bash.ts';
import { shellParts } from './login.ts';

const MIB = 2 ** 20;
const UUID = '11111111-1111-1111-1111-111111111111',
  MAC = '00:16:3e:00:00:01';
const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));

const pvh = (name: string, more = ''): string =>
  `name = "${name}"\ntype = "pvh"\nmemory = 8\nmaxmem = 16\nmaxvcpus = 2\nkernel = "/boot/k"\n${more}`;
const DEFINITIONS: Record<string, string> = {
  x: pvh('x', `uuid = "${UUID}"\ndisk = [ "phy:/dev/vg0/web,xvda,w", "transfer:8M,xvdz,w" ]\nvif = [ "mac=${MAC}" ]\n`),
  h: 'name = "h"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo"\n',
  y: pvh('y'),
  name: pvh('x'),
  uuid: pvh('z', `uuid = "${UUID}"\n`),
  mac: pvh('z', `vif = [ "mac=${MAC}" ]\n`),
  image: pvh('z', 'disk = [ "/root/none.img,raw,xvda,w" ]\n'),
  volume: pvh('z', 'disk = [ "phy:/dev/vg0/free,xvda,w", "phy:/dev/vg0/none,xvdb,w" ]\n'),
  busy: pvh('z', 'disk = [ "phy:/dev/vg0/web,xvda,w" ]\n'),
  own: pvh('z', 'disk = [ "phy:/dev/sda2,xvda,w" ]\n'),
  transfer: pvh('z', 'disk = [ "transfer:9G,xvdz,w" ]\n'),
  kernel: 'name = "z"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/none"\n',
  nameless: 'type = "pvh"\nmemory = 8\nkernel = "/boot/k"\n',
  errors: 'name = "z"\ntype = "pvh"\nmemory = "8x"\nvcpus = "many"\nkernel = "/boot/k"\ndisk = [ "a,b,c" ]\n',
  small: 'name = "z"\ntype = "pvh"\nmemory = 0\nkernel = "/boot/k"\n',
  negative: 'name = "z"\ntype = "pvh"\nmemory = -5\nkernel = "/boot/k"\n',
  huge: 'name = "z"\ntype = "pvh"\nmemory = 99999999999999999999\nkernel = "/boot/k"\n',
  large: 'name = "z"\ntype = "pvh"\nmemory = 200\nkernel = "/boot/k"\n',
  many: 'name = "z"\ntype = "pvh"\nmemory = 8\nvcpus = 99\nkernel = "/boot/k"\n',
  nobody: 'name = "z"\ntype = "pvh"\nmemory = 8\nvcpus = 0\nkernel = "/boot/k"\n',
  maxmem: 'name = "z"\ntype = "pvh"\nmemory = 8\nmaxmem = 4\nkernel = "/boot/k"\n',
};

interface Made {
  host: Host;
  files: KeptFiles;
  storage: Storage;
  store: LoggingStore;
  /** What a line says on standard error, or on standard output where it succeeds, and its status. */
  run(line: string): Promise<{ status: number; said: string }>;
}

/** x runs with a volume, a transfer disk and a card, h is a plain PC, y is defined. */
async function make(): Promise<Made> {
  const store = new LoggingStore();
  const files = await testFiles(store);
  const storage = await Storage.open({ store, epochMs: () => 0, random: below => below >>> 1, diskBytes: 192 * MIB });
  const host = testHost({ files, storage: async () => storage, readsWhole: true, buriesStopped: true });
  const state: HostState = { storage, files: async () => files, close: () => {} };
  const bash = new Bash(
    await shellParts(
      host,
      state,
      ms => new Promise(resolve => setTimeout(resolve, ms)),
      async () => {},
      [],
    ),
  );
  await files.writeFile('/boot/k', pvhKernel([...print('up..'), ...waitForKey(), ...shutdown(0)]));
  await files.writeFile('/boot/demo', demo);
  for (const [name, text] of Object.entries(DEFINITIONS)) await files.writeFile(`/root/${name}.cfg`, text);
  await files.writeFile('/root/plain', 'nothing');
  await files.writeFile(
    '/root/name.xml',
    "<domain type='xen'><name>x</name><memory unit='MiB'>8</memory><os><type>hvm</type><kernel>/boot/demo</kernel></os></domain>",
  );
  const run = async (line: string): Promise<{ status: number; said: string }> => {
    const ran = await bash.run(line);
    return { status: ran!.status, said: ran!.stderr === '' ? ran!.stdout : ran!.stderr };
  };
  for (const line of [
    'lvcreate -L 16M -n web vg0',
    'lvcreate -L 8M -n free vg0',
    'xl create x.cfg',
    'xl create h.cfg',
    'xm new y.cfg',
    'xl save -c x x.save',
    'head -c 100 x.save > cut; head -c 3000 x.save > cut2; : > empty',
  ]) {
    const { status, said } = await run(line);
    if (status !== 0) throw new Error(`${line}: ${said}`);
  }
  await until(() => Buffer.from(host.domains.member(1).console.shown).includes('up'));
  return { host, files, storage, store, run };
}

/** All that a refused line must leave as it was. */
async function stateOf({ host, files, storage }: Made): Promise<object> {
  const client = host.toolstack.services.client;
  const tree = (path: string): string[] =>
    client
      .directory(path)
      .flatMap(name => [`${path}/${name}=${client.read(`${path}/${name}`)}`, ...tree(`${path}/${name}`)]);
  const { members } = host.toolstack;
  return {
    domains: [...members.values()].map(({ record, name, uuid, paused, ending, memoryMiB, blueprint, attachments }) => ({
      id: record.id,
      name,
      uuid,
      paused,
      ending,
      memoryMiB,
      definition: blueprint.definition,
      devices: attachments.devices.map(({ path }) => path),
      shares: host.queue.shares(record.index),
    })),
    parameters: host.queue.parameters,
    managed: (await host.managed!.list()).map(({ path, text }) => [path, text]),
    volumes: storage.volumes,
    partitions: storage.partitions,
    xenstore: ['/local', '/vm', '/libxl', '/tool'].flatMap(tree),
    freeFrames: host.machine.freeFrames,
    files: files
      .getAllPaths()
      .filter(path => !path.startsWith('/var/log/'))
      .sort(),
  };
}

const AT = (file: string, place: string): string => `/root/${file}.cfg:${place}: `;
const NOT_MADE = 'libxl: error: initiate_domain_create: cannot make domain: -6';
const script = (sentence: string): string => `libxl: error: device_hotplug_child_death_cb: script: ${sentence}`;
const NO_DISKS = 'libxl: error: domcreate_launch_dm: unable to add disk devices';
const NOT_BUILT = 'libxl: error: domcreate_rebuild_done: cannot (re-)build domain: -3';
const HAS_WEB =
  'Device /dev/vg0/web is mounted read-write in x, and so cannot be mounted now. Stop it, or take another device.';
const DOMAIN_0 = 'Domain 0 is the host itself, and no guest: reboot and poweroff in its shell end it.';
const unknown = (word: string, rc = -6): string => `${word} is an invalid domain identifier (rc=${rc})`;
const parsing = (why: string): string => `${why}\n  Error during parsing of command line.`;
const seeHelp = (why: string): string => `  ${why}\n  Run \`lvcreate --help' for more information.`;
const noGroup = '  Volume group "vg9" not found\n  Cannot process volume group vg9';
const noSyntax = (name: string): string =>
  `  No command with matching syntax recognised.  Run '${name} --help' for more information.`;
const libvirt = (verb: string, name: string, why: string): string =>
  `error: Failed to ${verb} domain '${name}'\nerror: ${why}`;
const NOT_RUNNING = 'Requested operation is not valid: domain is not running';
const noDomain = (name: string): string => `error: failed to get domain '${name}'`;

const DONE = { status: 0, said: '' };
type Row = [line: string, status: number, said: string | RegExp];
const TABLE: Record<string, Row[]> = {
  'a definition': [
    ['xl create', 6, 'Config file not specified and none in save file'],
    ['xl create none.cfg', 3, 'Failed to read config file: none.cfg: No such file or directory'],
    ['xl create -z y.cfg', 2, "option `z' not supported."],
    [
      'xl create /root/errors.cfg',
      1,
      `${AT('errors', '3:10')}memory = '8x': xl takes MiB as a number. Write for example 256.\n${AT('errors', '4:9')}vcpus = 'many': xl takes a number here.\n${AT('errors', '6:10')}disk = 'a,b,c': ‘b’ is no format. Write raw.`,
    ],
    [
      'xl create /root/nameless.cfg',
      1,
      `${AT('nameless', '1:1')}The definition has no name. Write a line like name = "web1".`,
    ],
    [
      'xl create /root/name.cfg',
      3,
      `libxl: error: libxl__domain_rename: Domain with name "x" already exists.\n${NOT_MADE}\n${AT('name', '1:1')}There is a domain called x already. Destroy it, or give this one another name.`,
    ],
    [
      'xl create /root/uuid.cfg',
      3,
      `${NOT_MADE}\n${AT('uuid', '7:1')}x has the UUID ${UUID} already. Write another one, or leave uuid out: then one is drawn.`,
    ],
    [
      'xl create /root/mac.cfg',
      1,
      `${AT('mac', '7:10')}x has the station address ${MAC} already. Write another one, or leave mac out: then one is drawn.`,
    ],
    [
      'xl create /root/kernel.cfg',
      3,
      `${NOT_BUILT}\n${AT('kernel', '4:10')}kernel = '/boot/none': there is no such file. Write the path of one.`,
    ],
    [
      'xl create /root/image.cfg',
      6,
      `libxl: error: libxl__device_disk_set_backend: Disk vdev=xvda failed to stat: /root/none.img: No such file or directory\nlibxl: error: initiate_domain_create: Unable to set disk defaults for disk 0\n${AT('image', '7:10')}disk = '/root/none.img': there is no such file. Write the path of one.`,
    ],
    [
      'xl create /root/volume.cfg',
      6,
      /Disk vdev=xvdb failed to stat: \/dev\/vg0\/none: No such file or directory\n.*: Unable to set disk defaults for disk 1\n.*: there is no such device/,
    ],
    ['xl create /root/busy.cfg', 3, `${script(HAS_WEB)}\n${NO_DISKS}`],
    [
      'xl create /root/own.cfg',
      3,
      `${script('Device /dev/sda2 is in use by Domain-0, and so cannot be given to a guest. Take /dev/sda3, or a volume that lvcreate makes.')}\n${NO_DISKS}`,
    ],
    [
      'xl create /root/transfer.cfg',
      3,
      `${script('Volume group "vg0" has insufficient free space (26 extents): 2304 required.')}\n${NO_DISKS}`,
    ],
    ['xl create /root/small.cfg', 1, `${AT('small', '3:10')}memory = 0: a guest needs at least 1 MiB.`],
    [
      'xl create /root/negative.cfg',
      1,
      `${AT('negative', '3:10')}-5 has a sign, and xl's numbers have none. Write digits only.`,
    ],
    [
      'xl create /root/huge.cfg',
      1,
      `${AT('huge', '3:10')}memory = 99999999999999999999: this host gives a guest at most 2047 MiB.`,
    ],
    [
      'xl create /root/large.cfg',
      3,
      /^failed to free memory for the domain\n\/root\/large\.cfg:3:1: The guest wants 200 MiB and the host can give it \d+\./,
    ],
    ['xl create /root/many.cfg', 1, `${AT('many', '4:9')}vcpus = 99: this host gives a guest at most 8 processors.`],
    ['xl create /root/nobody.cfg', 1, `${AT('nobody', '4:9')}vcpus = 0: a guest needs at least one processor.`],
    [
      'xl create /root/maxmem.cfg',
      1,
      `${AT('maxmem', '4:10')}maxmem = 4: memory is 8 MiB, and a guest cannot have more than maxmem. Write 8 or more.`,
    ],
    ['xl create /root/y.cfg memory=lots', 1, `${AT('y', '7:8')}lots is text and needs quotes: memory = "lots".`],
    ['xl config-update x none.cfg', 3, 'Failed to read config file: none.cfg: No such file or directory'],
    ['xl config-update x /root/errors.cfg', 1, /memory = '8x'.*\n.*many.*\n.*no format/],
    ['xm new none.cfg', 1, 'Error: none.cfg: No such file or directory'],
    ['xm new /root/errors.cfg', 1, /^Error: \/root\/errors\.cfg:3:10: memory = '8x'.*\n.*many.*\n.*no format/],
    ['xm create none.cfg', 1, 'Error: Unable to open config file: none.cfg'],
    [`xm new /root/y.cfg 'uuid="${UUID}"'`, 1, "Error: VM name 'y' already exists"],
    ['virsh define none.xml', 1, "error: Failed to open file 'none.xml': No such file or directory"],
    [
      'virsh define /root/errors.cfg',
      1,
      /^error: Failed to define domain from \/root\/errors\.cfg\nerror: \(domain_definition\):1: Start tag expected, '<' not found\n/,
    ],
    [
      'virsh create /root/name.xml',
      1,
      /^error: Failed to create domain from \/root\/name\.xml\nerror: operation failed: domain 'x' already exists with uuid /,
    ],
  ],
  'a domain that is not there, or not as the command needs it': [
    ['xl bogus', 1, 'command not implemented'],
    ['xl migrate x nowhere', 1, /^This host knows no other to which a domain could go\./],
    ['xl new y.cfg', 1, 'command not implemented'],
    ...[
      'pause',
      'unpause',
      'destroy',
      'shutdown',
      'reboot',
      'list',
      'vcpu-list',
      'uptime',
      'network-list',
      'block-list',
      'vncviewer',
      'snapshot',
    ].map((name): Row => [`xl ${name} nobody`, 1, unknown('nobody')]),
    ['xl list 77', 1, unknown('77', -21)],
    ['xl domid nobody', 1, "Can't get domid of domain name 'nobody', maybe this domain does not exist."],
    ['xl domname 77', 1, "Can't get domain name of domain id '77', maybe this domain does not exist."],
    ['xl domname x', 1, 'Invalid domain id.'],
    ...['pause', 'unpause', 'shutdown', 'reboot'].map((name): Row => [`xl ${name} 0`, 1, DOMAIN_0]),
    ['xl destroy 0', 1, 'Cannot destroy privileged domain 0.'],
    ['xl shutdown', 1, 'You must specify -a or a domain id.'],
    [
      'xl shutdown h',
      1,
      'PV control interface not available: external graceful shutdown not possible.\nUse "-F" to fallback to ACPI power event.\nshutdown failed (rc=-10)',
    ],
    [
      'xl reboot h',
      1,
      'PV control interface not available: external graceful reboot not possible.\nUse "-F" to fallback to ACPI reset event.\nreboot failed (rc=-10)',
    ],
    ['xl pause', 2, "'xl pause' requires at least 1 argument."],
    ['xl trigger x', 2, "'xl trigger' requires at least 2 arguments."],
    ['xl trigger x kick', 1, 'Invalid trigger "kick"'],
    ['xl trigger x nmi 9', 1, "libxl_send_trigger: Domain 1:Send trigger 'nmi' failed: No such process"],
    [
      'xl rename x y',
      1,
      "libxl: error: libxl__domain_rename: Domain with name \"y\" already exists.\nCan't rename domain 'x'.",
    ],
    [
      'xl rename x a/b',
      1,
      "A name has 1 to 1000 characters, none of them / or a control character.\nCan't rename domain 'x'.",
    ],
    [
      "xl rename x $'a\\x1bb'",
      1,
      "A name has 1 to 1000 characters, none of them / or a control character.\nCan't rename domain 'x'.",
    ],
    ['xl rename 0 z', 1, "Domain 0 is the host itself, and keeps its name.\nCan't rename domain 'Domain-0'."],
    ['xl sysrq x hello', 1, 'Invalid sysrq.'],
    ['xl send-key x KEY_FOO', 1, "invalid keycode: 'KEY_FOO'. Did you mean KEY_DOT?"],
    ['xl debug-keys Z', 1, "cannot send debug keys: Z: Xen has no handler for 'Z' here; it has e g h q r."],
    ['xl clone x y', 1, "VM name 'y' already exists"],
    ['xl clone x a/b', 1, 'a/b is no name for a clone: take up to 64 letters, digits and . _ + -.'],
    ['xl revert x none', 1, "Domain 'x' has no snapshot none. xl snapshot-list x lists those that it has."],
    ['xl snapshot x a/b', 1, 'a/b is no name for a snapshot: take up to 64 letters, digits and . _ + -.'],
    ['xm pause nobody', 1, "Error: Domain 'nobody' does not exist."],
    ['xm start nobody', 1, "Error: Domain 'nobody' does not exist."],
    ['xm delete nobody', 1, "Error: Domain 'nobody' does not exist."],
    ['virsh start nobody', 1, noDomain('nobody')],
    ['virsh start x', 1, 'error: Domain is already active'],
    ['virsh destroy y', 1, libvirt('destroy', 'y', NOT_RUNNING)],
    ['virsh suspend y', 1, libvirt('suspend', 'y', NOT_RUNNING)],
    ['virsh destroy', 1, "error: command 'destroy' requires <domain> option"],
    ['virsh list nobody', 1, "error: unexpected data 'nobody'"],
    ['virsh start y --fast', 1, "error: command 'start' doesn't support option --fast"],
    ['virsh bogus', 1, "error: unknown command: 'bogus'"],
    [
      'virsh autostart x',
      1,
      /^error: Failed to mark domain 'x' as autostarted\nerror: Requested operation is not valid: cannot set autostart for transient domain/,
    ],
  ],
  'a saved state': [
    ['xl save x', 2, "'xl save' requires at least 2 arguments."],
    ['xl save 0 f', 1, DOMAIN_0],
    ['xl save x /none/f', 1, 'Failed to open temp file /none/f for writing\n/none/f: No such file or directory'],
    ['xl save x /root', 1, 'Failed to open temp file /root for writing\n/root: Is a directory'],
    ['xl save -c x plain/f', 1, 'Failed to open temp file plain/f for writing\nplain/f: Not a directory'],
    ['xl restore none', 1, "Can't open restore file: No such file or directory"],
    [
      'xl restore empty',
      1,
      'libxl: error: libxl_read_exactly: file/stream truncated reading header from empty\nempty is cut short. Copy it again.',
    ],
    [
      'xl restore /boot/demo',
      1,
      'File has wrong magic number - corrupt or for a different tool?\n/boot/demo is no saved domain.',
    ],
    [
      'xl restore cut',
      1,
      'libxl: error: libxl_read_exactly: file/stream truncated reading optdata from cut\ncut is cut short. Copy it again.',
    ],
    [
      'xl restore cut2',
      1,
      /^libxl: error: domcreate_rebuild_done: cannot \(re-\)build domain: -3\ncut2 is cut short: record PAGE_DATA at byte \d+ wants \d+ bytes and \d+ are there\. Copy it again\.$/,
    ],
    [
      'xl restore x.save',
      1,
      `libxl: error: libxl__domain_rename: Domain with name "x" already exists.\n${NOT_MADE}\nThere is a domain called x already. Destroy it, and restore this one again.`,
    ],
    ['xl dump-core 0 f', 1, 'Domain 0 cannot be dumped.'],
    [
      'xl dump-core x /none/f',
      1,
      'libxl: error: libxl_domain_core_dump: core dumping domain to /none/f: No such file or directory\ncore dump failed (rc=-3)',
    ],
  ],
  'memory and processors': [
    ['xl mem-set x', 2, "'xl mem-set' requires at least 2 arguments."],
    ['xl mem-set x lots', 1, 'invalid memory size: lots'],
    ['xl mem-set x 8MB', 1, 'invalid memory size: 8MB'],
    ['xl mem-set x -5', 2, "option `5' not supported."],
    [
      'xl mem-set x 0',
      1,
      'The guest can have between 1 and 16 MiB (its maxmem), not 0.\ncannot set domid 1 dynamic max memory to : 0',
    ],
    ...['17', '999999999999999999999'].map(
      (size): Row => [
        `xl mem-set x ${size}`,
        1,
        `libxl: error: libxl_set_memory_target: memory_dynamic_max must be less than or equal to memory_static_max\nThe guest can have up to 16 MiB, its maxmem.\ncannot set domid 1 dynamic max memory to : ${size}`,
      ],
    ),
    ['xl mem-set 0 64', 1, `${DOMAIN_0}\ncannot set domid 0 dynamic max memory to : 64`],
    [
      'xl mem-max x 4',
      1,
      'libxl: error: libxl_domain_setmaxmem: memory_static_max must be greater than or or equal to memory_dynamic_max\ncannot set domid 1 static max memory to : 4',
    ],
    [
      'xl vcpu-set x 0',
      1,
      'Requested 0 VCPUs, however maxcpus is 2!\nlibxl_set_vcpuonline failed domid=1 max_vcpus=0, rc: -6',
    ],
    [
      'xl vcpu-set x 99',
      1,
      'You are overcommmitting! You have 1 physical CPUs and want 99 vCPUs! Aborting, use --ignore-host to continue',
    ],
    [
      'xl vcpu-set -i x 99',
      1,
      'Requested 99 VCPUs, however maxcpus is 2!\nlibxl_set_vcpuonline failed domid=1 max_vcpus=99, rc: -6',
    ],
    ['xl vcpu-set x two', 1, 'Error: Invalid argument.'],
    ['xl vcpu-pin x 5 0', 1, "Could not set affinity for vcpu `5'.\nDomain 1 has no such vCPU: its vCPUs are 0 to 1."],
    ['xl vcpu-pin x one 0', 1, 'Error: Invalid argument one as VCPU.'],
    ['xl vcpu-pin x 0 7', 1, /^this host has one processor, 0, and 7 names none of them/],
    ...['0', '-5', '99999'].map(
      (weight): Row => [
        `xl sched-credit -d x -w ${weight}`,
        1,
        'Cpu weight out of range, valid values are within range from 1 to 65535.',
      ],
    ),
    [
      'xl sched-credit -d x -c 999',
      1,
      'Cpu cap out of range, valid range is from 0 to 200 for specified number of vcpus.',
    ],
    ['xl sched-credit -w 5', 1, 'Must specify a domain.'],
    ['xl sched-credit -s -t 0', 1, 'The time slice is out of range: a time slice is 1 to 1000 ms.'],
    ['xl host-set pcpus=99', 1, 'pcpus=99: write a whole number from 1 to 32.'],
  ],
  'devices of a guest': [
    ['xl block-attach x', 2, "'xl block-attach' requires at least 2 arguments."],
    ['xl block-attach 0 phy:/dev/vg0/free,xvdb,w', 1, 'Domain 0 has its disks from the host.'],
    [
      'xl block-attach x phy:/dev/vg0/none,xvdb,w',
      1,
      '/dev/vg0/none: there is no such device. lvs lists the volumes, sfdisk -l the partitions.\nlibxl_device_disk_add failed.',
    ],
    ['xl block-attach x phy:/dev/vg0/web,xvdb,w', 1, `${HAS_WEB}\nlibxl_device_disk_add failed.`],
    [
      'xl block-attach x phy:/dev/vg0/free,xvda,w',
      1,
      'The guest has a disk xvda already.\nlibxl_device_disk_add failed.',
    ],
    ['xl block-attach x none.img,raw,xvdb,w', 1, 'none.img: No such file or directory\nlibxl_device_disk_add failed.'],
    ['xl block-attach x phy:/dev/vg0/free,xvdb,z', 1, 'Unable to parse disk: ‘z’ is no access. Write rw or ro.'],
    ['xl block-attach x phy:/dev/sda,xvdb,w', 1, /^Device \/dev\/sda is in use by Domain-0/],
    [
      'xl block-attach x transfer:16M,xvdy,w',
      1,
      'transfer:16M: the transfer disk of x is there, and has 8 MiB. Write transfer:8M, or remove it with what is in it: lvremove vg0/transfer-x.\nlibxl_device_disk_add failed.',
    ],
    [
      'xl block-attach h transfer:1K,xvdy,w',
      1,
      'transfer:1K: a transfer disk has 4M to 64G. Write for example transfer:64M.\nlibxl_device_disk_add failed.',
    ],
    ['xl block-detach x xvdq', 1, 'Error: Device xvdq not connected.'],
    ['xl block-detach 0 xvda', 1, 'Error: Device xvda not connected.'],
    ['xl cd-insert x hdc none.iso', 1, 'Cannot stat file: none.iso'],
    [
      'xl cd-insert x hdc y.cfg',
      1,
      'y.cfg is no CD image: there is no ISO 9660 volume in it. Name an .iso file, or write files:y.cfg to have it on a CD.',
    ],
    ['xl cd-eject x hdc', 1, 'libxl_cdrom_insert: Domain 1:Virtual device not found'],
    [
      'xl network-attach x bridge=br9',
      1,
      `${script('Could not find bridge device br9')}\nlibxl_device_nic_add failed.`,
    ],
    [`xl network-attach x mac=${MAC}`, 1, `x has the station address ${MAC} already.\nlibxl_device_nic_add failed.`],
    ['xl network-attach x mac=zz', 1, /^‘zz’ is no station address: .*\nlibxl_device_nic_add failed\.$/],
    ['xl network-attach x rate=fast', 1, /^‘fast’ is no rate\. .*\nlibxl_device_nic_add failed\.$/],
    ['xl network-detach x 9', 1, 'Unknown device 9.'],
    [
      'xl transfer ls h',
      1,
      'h has no transfer disk. Give it one: xl block-attach h transfer:64M,xvdz,w, or name it in disk.',
    ],
    ['xl transfer ls x /none', 1, '/none: No such file or directory'],
    ['xl disk-path x xvdq 1', 1, 'x has no disk xvdq. It has xvda, xvdz.'],
    ['xl disk-path x xvda 99999999999', 1, 'xvda of x has the sectors 0 to 32767, and no 99999999999.'],
  ],
  'volumes and files': [
    ['lvcreate -L 99G -n q vg0', 5, '  Volume group "vg0" has insufficient free space (26 extents): 25344 required.'],
    ['lvcreate -L -5M -n q vg0', 3, parsing('  Size may not be negative.\n  Invalid argument for --size: -5M')],
    ['lvcreate -L lots -n q vg0', 3, parsing('  Size requires number argument.\n  Invalid argument for --size: lots')],
    [
      'lvcreate -L 99999999999999999999G -n q vg0',
      3,
      parsing('  Size is too big (>=16EiB).\n  Invalid argument for --size: 99999999999999999999G'),
    ],
    ['lvcreate -l -5 -n q vg0', 3, parsing('  Extents may not be negative.\n  Invalid argument for --extents: -5')],
    ['lvcreate -L 0 -n q vg0', 3, seeHelp('--size may not be zero.')],
    ['lvcreate -l 0 -n q vg0', 3, seeHelp('--extents may not be zero.')],
    ['lvcreate -L 8M -n web vg0', 5, '  Logical Volume "web" already exists in volume group "vg0"'],
    ['lvcreate -L 8M -n a/b vg0', 3, seeHelp('Inconsistent volume group names given: "a" and "vg0"')],
    ['lvcreate -L 8M -n .. vg0', 3, seeHelp('Logical volume name ".." is invalid.')],
    [
      'lvcreate -L 8M -n snapshot1 vg0',
      3,
      seeHelp('Names starting "snapshot" are reserved. Please choose a different LV name.'),
    ],
    ['lvcreate -L 8M -n q vg9', 5, noGroup],
    ['lvcreate -n q vg0', 3, noSyntax('lvcreate')],
    ['lvcreate -L', 3, parsing("lvcreate: option requires an argument -- 'L'")],
    ['lvcreate --fast', 3, parsing("lvcreate: unrecognized option '--fast'")],
    ['lvremove vg0/web', 5, '  Logical volume vg0/web in use.\n  x has it open.'],
    ['lvremove vg0/none', 5, '  Failed to find logical volume "vg0/none"'],
    ['lvremove vg9/web', 5, noGroup],
    ['lvremove a/b/c', 5, '  "a/b/c": Invalid path for Logical Volume.'],
    ['lvremove', 3, noSyntax('lvremove')],
    ['lvextend -L 4M vg0/web', 5, '  New size given (1 extents) not larger than existing size (4 extents)'],
    ['lvextend -L 99G vg0/web', 5, '  Volume group "vg0" has insufficient free space (26 extents): 25340 required.'],
    ['lvcreate -l 1%FREE -n q vg0', 5, '  Calculated size of logical volume is 0 extents. Needs to be larger.'],
    ['lvextend -l +200%FREE vg0/web', 5, '  Volume group "vg0" has insufficient free space (26 extents): 52 required.'],
    ['lvextend -L 8M web', 3, "  Please specify a logical volume path.\n  Run `lvextend --help' for more information."],
    ['lvs vg0/none', 5, '  Failed to find logical volume "vg0/none"'],
    ['vgs vg9', 5, noGroup],
    ['pvs /dev/sdb1', 5, '  Failed to find physical volume "/dev/sdb1".'],
    [
      'qemu-img info none.img',
      1,
      "qemu-img: Could not open 'none.img': Could not open 'none.img': No such file or directory",
    ],
    ['qemu-img create a.img lots', 1, /^qemu-img: Invalid image size specified\. You may use k, M, G or T suffixes/],
    ['qemu-img bogus', 1, 'qemu-img: Command not found: bogus'],
    ['dd if=none of=a', 1, 'dd: none: No such file or directory'],
    ['dd if=/dev/zero of=/dev/vg0/web bs=1M count=1', 1, `dd: ${HAS_WEB}`],
    [
      'dd if=/dev/zero of=/dev/vg0/free bs=1M count=99',
      1,
      "dd: error writing '/dev/vg0/free': No space left on device",
    ],
    ['dd if=/dev/zero of=/none/a count=1', 1, 'dd: /none/a: No such file or directory'],
    ['ip link set xenbr0 down', 2, /^RTNETLINK answers: Operation not supported\n/],
    ['ip link show nodev', 1, 'Device "nodev" does not exist.'],
    ['ip bogus', 255, 'Object "bogus" is unknown, try "ip link".'],
    ['brctl showmacs nobr', 1, 'read of forward table failed: No such device'],
    ['xenstore-read /none', 1, "xenstore-read: couldn't read path /none"],
    ['xenstore-ls /none', 1, 'xenstore-ls: xs_directory (/none): No such file or directory'],
    // What a guest wrote there does not reach a terminal as it is.
    ["xenstore-write /escape 'a\\x1b[2Jb\\x9b'", 0, ''],
    ['xenstore-read /escape', 0, 'a\\x1b[2Jb\\x9b'],
    ['xenstore-write a//b x', 1, 'xenstore-write: could not write path a//b'],
  ],
};

describe('bad input is refused as on a real host, and changes nothing:', () => {
  let made: Made, before: object;
  beforeAll(async () => {
    made = await make();
    // They take turns with this thread.
    for (const name of ['x', 'h']) expect(await made.run(`xl pause ${name}`)).toEqual(DONE);
    before = await stateOf(made);
  }, 60_000);

  for (const [family, rows] of Object.entries(TABLE))
    it(family, async () => {
      for (const [line, status, said] of rows) {
        const ran = await made.run(line);
        expect([line, ran.status], ran.said).toEqual([line, status]);
        if (typeof said === 'string') expect([line, ran.said.replace(/\n$/, '')]).toEqual([line, said]);
        else expect(ran.said.replace(/\n$/, ''), line).toMatch(said);
        expect(await stateOf(made), line).toEqual(before);
      }
    }, 60_000);

  // The last: it lets x run.
  it('a full disk keeps no definition, no volume and no state that was not written, and the guest goes on', async () => {
    const { host, store, run } = made;
    // To unpause one that runs changes nothing, and libxl_domain_unpause() has nothing against it.
    for (let i = 0; i < 2; i++) expect(await run('xl unpause x')).toEqual(DONE);
    await made.files.writeFile('/root/long.cfg', `${DEFINITIONS.large}${'# a long line\n'.repeat(1000)}`);
    for (const room of [0, 4000]) {
      store.roomLeft = room;
      expect(await run('xm new /root/long.cfg')).toEqual({
        status: 1,
        said: expect.stringMatching(/^Error: .*[Nn]o space left on device/),
      });
      expect((await host.managed!.list()).map(({ name }) => name)).toEqual(['y']);
    }
    store.roomLeft = 0;
    expect(await run('xl save x f')).toEqual({
      status: 1,
      said: expect.stringMatching(/^Failed to save domain, resuming domain\nf: No space left on device/),
    });
    expect(await stateOf(made)).toMatchObject({
      managed: (before as { managed: unknown }).managed,
      volumes: (before as { volumes: unknown }).volumes,
    });
    expect(host.domains.all()).toMatchObject([{ name: 'x', state: expect.stringMatching(/[rb]/) }, { name: 'h' }]);
    store.roomLeft = Infinity;
    expect(await run('xm new /root/large.cfg memory=9')).toEqual({
      status: 0,
      said: 'Using config file "/root/large.cfg".\n',
    });
  }, 60_000);
});
