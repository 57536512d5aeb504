/**
 * Clients of libvirt that nobody here wrote, at a daemon of this process: Debian's virt-install, virt-clone, virt-xml and the Python binding. Each part is a few
 * calls with what must come of them; a part whose programs are not here says which package has them.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { screenText } from '../../hypervisor/view/index.ts';
import type { NodeHost } from '../../cli/node-host.ts';
import { repository } from '../../cli/repository.ts';
import { LibvirtServer } from '../../cli/libvirtd/server.ts';
import { onSmallHost } from '../small-host.ts';
import { LIFE } from './life.ts';

/** Something that is not as it must be: which call, and what it said. */
export interface Problem {
  call: string;
  text: string;
}

export interface Part {
  name: string;
  /** Files that it cannot do without, and where each comes from. */
  needs: readonly (readonly [path: string, from: string])[];
  run(clients: Clients): Promise<void>;
}

/** Debian's: another one may not see Debian's modules. */
const PYTHON = '/usr/bin/python3';
const PYTHON_LIBVIRT = ['/usr/lib/python3/dist-packages/libvirt.py', 'apt-get install python3-libvirt'] as const;
const VIRT_INSTALL = ['/usr/bin/virt-install', 'apt-get install virtinst'] as const;
const QEMU_IMG = ['/usr/bin/qemu-img', 'apt-get install qemu-utils'] as const;
const VIRT_MANAGER = ['/usr/bin/virt-manager', 'apt-get install virt-manager'] as const;
const VIRT_VIEWER = ['/usr/bin/virt-viewer', 'apt-get install virt-viewer'] as const;
/** What programs with windows need where there is no screen. */
const SCREEN = [
  ['/usr/bin/Xvfb', 'apt-get install xvfb'],
  ['/usr/bin/xdotool', 'apt-get install xdotool'],
  ['/usr/bin/dbus-run-session', 'apt-get install dbus'],
] as const;
const WINDOW_SECONDS = 60;
const guest = (path: string): string => join(repository(), '.cache/guests', path);
const GUESTS = 'npm run guests';
const DISK = [guest('disks/debian-disk.img'), GUESTS] as const;
const HOST_MIB = 512;
/** Debian is at its prompt long before. */
const PROMPT_SECONDS = 600;

/** What the parts do at the daemon. */
export class Clients {
  readonly uri: string;
  readonly directory: string;
  /** A folder of this machine that the host may have. */
  readonly machine: string;
  readonly host: NodeHost;
  readonly problems: Problem[] = [];
  private displays = 0;

  constructor(host: NodeHost, directory: string, socket: string) {
    this.host = host;
    this.directory = directory;
    this.machine = join(directory, 'machine');
    this.uri = `xen:///system?socket=${socket}`;
  }

  /** Runs a program to its end; what it prints. It must end well, or (`fails`) must not. */
  run(program: string, words: readonly string[], fails = false): Promise<string> {
    const env = {
      ...process.env,
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      HOME: this.directory,
      VIRSH_DEFAULT_CONNECT_URI: this.uri,
    };
    return new Promise(resolve =>
      execFile(program, words, { cwd: this.directory, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
        const text = stdout + stderr;
        if ((error !== null) !== fails) this.problem([program, ...words], text);
        resolve(text);
      }),
    );
  }

  virsh(line: string): Promise<string> {
    return this.run('virsh', line.split(' '));
  }

  /** virt-install and its like, at the daemon. */
  virt(program: string, words: string): Promise<string> {
    return this.run(`/usr/bin/${program}`, ['--connect', this.uri, ...words.split(' ')]);
  }

  python(script: string, ...words: string[]): Promise<string> {
    return this.run(PYTHON, [join(repository(), 'src/workshop/libvirt', script), this.uri, ...words]);
  }

  /** A text that must be there. */
  expect(call: string, text: string, wanted: string | RegExp): void {
    if (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)) return;
    this.problem([call], `${text.trimEnd()}\n(wanted: ${String(wanted)})`);
  }

  /** A domain's screen shows a text by and by. */
  async screenShows(name: string, wanted: RegExp): Promise<void> {
    const end = Date.now() + PROMPT_SECONDS * 1000;
    let text = '';
    do {
      await new Promise(resolve => setTimeout(resolve, 200));
      text = this.screenOf(name);
    } while (!wanted.test(text) && Date.now() < end);
    this.expect(`screen of ${name}`, text, wanted);
  }

  /** A program shows the domain web in a window, and what is typed there arrives. */
  async typesAt(program: string, words: readonly string[], title: string): Promise<void> {
    const display = `:${90 + this.displays++}`;
    const env = { ...process.env, LC_ALL: 'C.UTF-8', HOME: this.directory, DISPLAY: display };
    const started: ChildProcess[] = [];
    const start = (name: string, given: readonly string[]): void =>
      void started.push(spawn(name, given, { env, stdio: 'ignore', detached: true }));
    const xdotool = (...given: string[]): Promise<boolean> =>
      new Promise(resolve => execFile('xdotool', given, { env }, error => resolve(error === null)));
    try {
      start('Xvfb', [display, '-screen', '0', '1100x800x24']);
      start('dbus-run-session', ['--', program, '--connect', this.uri, ...words]);
      const end = Date.now() + WINDOW_SECONDS * 1000;
      while (!(await xdotool('search', '--onlyvisible', '--name', title)) && Date.now() < end)
        await new Promise(resolve => setTimeout(resolve, 500));
      const said = `typed at ${program}`,
        shown = new RegExp(`^${said}`, 'm');
      // The window is there before its picture: what is typed too early goes nowhere.
      for (let tries = 0; tries < 10 && !shown.test(this.screenOf('web')); tries++) {
        await xdotool('mousemove', '500', '400', 'click', '1');
        await xdotool('type', '--delay', '50', `echo ${said}`);
        await xdotool('key', 'Return');
        await new Promise(resolve => setTimeout(resolve, 3000));
      }
      this.expect(program, this.screenOf('web'), shown);
    } finally {
      for (const { pid } of started.reverse()) if (pid !== undefined) process.kill(-pid);
    }
  }

  private screenOf(name: string): string {
    const member = [...this.host.toolstack.members.values()].find(each => each.name === name);
    return member ? screenText(this.host.toolstack.machine.memory, member.record.screenOffset) : '';
  }

  private problem(words: readonly string[], text: string): void {
    this.problems.push({ call: words.join(' '), text });
  }
}

/** The file of a document of another domain that is like one, and has its disks. */
function twinOf({ directory }: Clients, xml: string): string {
  const path = join(directory, 'twin.xml');
  writeFileSync(
    path,
    xml
      .replace(/<name>.*<\/name>/, '<name>twin</name>')
      .replace(/<uuid>.*<\/uuid>/, '')
      .replace(/<mac address=.*>/, ''),
  );
  return path;
}

export const PARTS: readonly Part[] = [
  {
    name: 'python3-libvirt: a life seen by events, pools and volumes by streams',
    needs: [PYTHON_LIBVIRT],
    run: async clients => {
      const text = await clients.python('life.py', '/boot/minipv.elf');
      if (text !== LIFE) clients.expect('life.py', text, LIFE);
    },
  },
  {
    name: 'virt-install --import: a disk of a pool, to its prompt',
    needs: [VIRT_INSTALL, PYTHON_LIBVIRT, DISK],
    run: async clients => {
      await clients.virsh(`vol-create-as images web.img ${statSync(DISK[0]).size}`);
      await clients.run('virsh', ['vol-upload', 'web.img', DISK[0], '--pool', 'images']);
      await clients.virt(
        'virt-install',
        '--name web --memory 128 --import --disk vol=images/web.img --osinfo detect=off,require=off --hvm --graphics vnc --noautoconsole',
      );
      await clients.screenShows('web', /\/ # |login:/);
      const xml = await clients.virsh('dumpxml web');
      for (const wanted of [
        '<emulator>/usr/lib/xen/bin/qemu-system-i386</emulator>',
        "<input type='tablet' bus='usb'/>",
        "<interface type='network'>",
        /<graphics type='vnc' port='59\d\d'/,
      ])
        clients.expect('virsh dumpxml web', xml, wanted);
    },
  },
  {
    name: 'virt-manager: lists, opens the console, takes keys',
    needs: [VIRT_MANAGER, ...SCREEN, DISK],
    run: clients => clients.typesAt('virt-manager', ['--no-fork', '--show-domain-console', 'web'], 'web on'),
  },
  {
    name: 'virt-viewer: opens the screen, takes keys',
    needs: [VIRT_VIEWER, ...SCREEN, DISK],
    run: clients => clients.typesAt('virt-viewer', ['web'], 'web .*Viewer'),
  },
  {
    name: 'virt-install --location: a kernel through a stream, a new disk',
    needs: [VIRT_INSTALL, PYTHON_LIBVIRT, [guest('debian-686/vmlinuz'), GUESTS]],
    run: async clients => {
      const tree = join(clients.directory, 'tree');
      mkdirSync(tree);
      for (const name of ['vmlinuz', 'initrd']) copyFileSync(guest(`debian-686/${name}`), join(tree, name));
      await clients.run('/usr/bin/virt-install', [
        ...['--connect', clients.uri],
        ...`--name tree --memory 128 --location ${tree},kernel=vmlinuz,initrd=initrd --disk size=0.05`.split(' '),
        ...'--osinfo detect=off,require=off --hvm --graphics none --noautoconsole --extra-args'.split(' '),
        'console=ttyS0,115200 cryptomgr.notests',
      ]);
      await clients.python('console.py', 'tree', '/ # ', String(PROMPT_SECONDS));
      await clients.virsh('destroy tree');
      clients.expect('virsh dumpxml tree', await clients.virsh('dumpxml tree'), "<boot dev='hd'/>");
      await clients.virsh('undefine tree --remove-all-storage');
      clients.expect('virsh vol-list default', await clients.virsh('vol-list default'), /^(?![^]*tree)/);
    },
  },
  {
    name: 'virt-install --cdrom: a CD that boots',
    needs: [VIRT_INSTALL, [guest('cds/grub-rescue-cdrom.iso'), GUESTS]],
    run: async clients => {
      const iso = guest('cds/grub-rescue-cdrom.iso');
      await clients.virsh(`vol-create-as images grub.iso ${statSync(iso).size}`);
      await clients.run('virsh', ['vol-upload', 'grub.iso', iso, '--pool', 'images']);
      await clients.virt(
        'virt-install',
        '--name cd --memory 64 --cdrom /var/lib/xen/images/grub.iso --disk none --osinfo detect=off,require=off --hvm --graphics vnc --noautoconsole',
      );
      await clients.screenShows('cd', /grub|GRUB/);
      await clients.virsh('destroy cd');
      await clients.virsh('undefine cd');
    },
  },
  {
    name: 'virt-install by paths of this machine: a CD that boots, a disk that is made next to it',
    needs: [VIRT_INSTALL, [guest('cds/grub-rescue-cdrom.iso'), GUESTS]],
    run: async clients => {
      const { machine } = clients;
      copyFileSync(guest('cds/grub-rescue-cdrom.iso'), join(machine, 'grub.iso'));
      await clients.virt(
        'virt-install',
        `--name here --memory 64 --cdrom ${machine}/grub.iso --disk ${machine}/here.img,size=0.01 --osinfo detect=off,require=off --hvm --graphics vnc --noautoconsole`,
      );
      await clients.screenShows('here', /grub|GRUB/);
      // virt-install has made a pool of the folder, and the disk in it.
      clients.expect('virsh vol-pool', await clients.virsh(`vol-pool ${machine}/here.img`), 'machine');
      clients.expect('here.img', String(statSync(join(machine, 'here.img')).size), '10737418');
      const twin = twinOf(clients, await clients.virsh('dumpxml here'));
      clients.expect(
        'virsh create twin.xml',
        await clients.run('virsh', ['create', twin], true),
        `resource busy: Lockspace resource '${machine}/here.img' is locked`,
      );
      await clients.virsh('destroy here');
      await clients.virsh('undefine here --remove-all-storage');
      clients.expect('here.img', String(existsSync(join(machine, 'here.img'))), 'false');
    },
  },
  {
    name: 'virt-clone and virt-xml --edit',
    needs: [VIRT_INSTALL, DISK],
    run: async clients => {
      await clients.virsh('destroy web');
      await clients.virt('virt-clone', '--original web --auto-clone');
      clients.expect('virsh vol-list images', await clients.virsh('vol-list images'), 'web-clone.img');
      clients.expect(
        'virsh dumpxml web-clone',
        await clients.virsh('dumpxml web-clone'),
        '/var/lib/xen/images/web-clone.img',
      );
      await clients.virt('virt-xml', 'web-clone --edit --memory currentMemory=96,memory=160');
      await clients.virt('virt-xml', 'web-clone --edit --vcpus 2');
      await clients.virt('virt-xml', 'web-clone --edit --metadata title=Twin');
      await clients.virt('virt-xml', 'web-clone --edit --boot menu=on');
      await clients.virt('virt-xml', 'web-clone --add-device --rng /dev/urandom');
      await clients.virt('virt-xml', 'web-clone --remove-device --graphics all');
      const xml = await clients.virsh('dumpxml web-clone');
      for (const wanted of [
        "<currentMemory unit='KiB'>98304</currentMemory>",
        "<memory unit='KiB'>163840</memory>",
        "<vcpu placement='static'>2</vcpu>",
        '<title>Twin</title>',
        "<bootmenu enable='yes'/>",
        "<rng model='virtio'>",
        /^(?![^]*<graphics)/,
      ])
        clients.expect('virsh dumpxml web-clone', xml, wanted);
      await clients.virsh('undefine web-clone --remove-all-storage');
    },
  },
  {
    name: 'a guest from a qcow2 image on another, as qemu-img finds it afterwards',
    needs: [VIRT_INSTALL, QEMU_IMG, DISK],
    run: async clients => {
      const [image, base, after] = ['over.qcow2', 'base.img', 'after.img'].map(name => join(clients.directory, name));
      await clients.run('virsh', ['vol-download', 'web.img', base, '--pool', 'images']);
      await clients.virsh(
        `vol-create-as images over.qcow2 ${statSync(DISK[0]).size} --format qcow2 --backing-vol web.img --backing-vol-format raw`,
      );
      await clients.virt(
        'virt-install',
        '--name over --memory 128 --import --disk vol=images/over.qcow2 --osinfo detect=off,require=off --hvm --graphics vnc --noautoconsole',
      );
      await clients.screenShows('over', /\/ # |login:/);
      await clients.virsh('destroy over');
      await clients.run('virsh', ['vol-download', 'over.qcow2', image, '--pool', 'images']);
      await clients.run('virsh', ['vol-download', 'web.img', after, '--pool', 'images']);
      await clients.run('qemu-img', ['rebase', '-u', '-b', base, '-F', 'raw', image]);
      clients.expect('qemu-img check', await clients.run('qemu-img', ['check', image]), 'No errors were found');
      await clients.run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', base, after]);
      await clients.virsh('undefine over --remove-all-storage');
    },
  },
];

/** Each part that is named so, with what went wrong, or with what is missing. */
export async function judgeClients(
  named: string,
  report: (part: Part, result: { problems: readonly Problem[] } | { missing: readonly string[] }) => void,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ringside-clients-'));
  const machine = join(directory, 'machine');
  mkdirSync(machine);
  try {
    await onSmallHost(
      {},
      async host => {
        const socket = join(directory, 'sock');
        const server = await LibvirtServer.open(host, socket);
        for (const part of PARTS.filter(({ name }) => name.includes(named))) {
          const missing = part.needs.filter(([path]) => !existsSync(path));
          if (missing.length > 0) {
            report(part, { missing: missing.map(([path, from]) => `${path} (${from})`) });
            continue;
          }
          const clients = new Clients(host, directory, socket);
          await part.run(clients);
          report(part, clients);
        }
        await server.close();
      },
      { memoryMiB: HOST_MIB, allow: [machine] },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}
