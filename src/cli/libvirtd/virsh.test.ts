/** Debian's virsh as a client of a host here. */
import { execFile, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { createQcow2, Qcow2Disk, Qcow2Source } from '../../formats/qcow2/index.ts';
import { MemoryFile } from '../../formats/qcow2/growing-file.test-support.ts';
import { openHostState } from '../../dom0/host/state/state.ts';
import { MemoryStore, writerKernel } from '../../dom0/host/storage/index.ts';
import { until } from '../../dom0/service/host.test-support.ts';
import { startKvm } from '../../dom0/service/index.ts';
import { virshProgram } from '../../dom0/libvirt/virsh/index.ts';
import { LibvirtServer } from './server.ts';
import { daemonWithVirsh, VIRSH } from './virsh.test-support.ts';

const UUID = '6b1e0f0a-44c1-4a4f-8c2d-1f0f5c9d7e11';
const DEMO = `<domain type='xen'><name>a</name><uuid>${UUID}</uuid><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`;

describe.skipIf(!VIRSH)('virsh [needs libvirt-clients]', () => {
  it('connects by a socket that its owner alone may open, and lists domains', async () => {
    const { virsh, socket } = await daemonWithVirsh();
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(await virsh('list --all')).toBe(
      ' Id   Name       State\n--------------------------\n 0    Domain-0   running\n\n',
    );
    expect(await virsh('list --inactive --name')).toBe('\n');
    expect(await virsh('version')).toContain('Using API: Xen 9.0.0\nRunning hypervisor: Xen 4.');
    expect(await virsh('domstate nobody')).toBe("1: error: failed to get domain 'nobody'\n");
    expect(await virsh('nodecpustats')).toBe(
      '1: error: Unable to get number of cpu stats\nerror: this function is not supported by the connection driver: virNodeGetCPUStats\n',
    );
  });

  it('defines, starts, pauses, stops and forgets a domain', async () => {
    const { virsh, write } = await daemonWithVirsh();
    write('a.xml', DEMO);
    const lines = [
      'define a.xml',
      'domuuid a',
      'start a --paused',
      'domstate a --reason',
      'resume a',
      'start a',
      'suspend a',
      'domstate a --reason',
      'destroy a',
      'domstate a --reason',
      'destroy a',
      'autostart a',
      'undefine a',
      'list --all --name',
    ];
    const said: string[] = [];
    for (const line of lines) said.push(await virsh(line));
    expect(said).toEqual([
      "Domain 'a' defined from a.xml\n\n",
      `${UUID}\n\n`,
      "Domain 'a' started\n\n",
      'paused (user)\n\n',
      "Domain 'a' resumed\n\n",
      '1: error: Domain is already active\n',
      "Domain 'a' suspended\n\n",
      'paused (user)\n\n',
      "Domain 'a' destroyed\n\n",
      'shut off (destroyed)\n\n',
      "1: error: Failed to destroy domain 'a'\nerror: Requested operation is not valid: domain is not running\n",
      "Domain 'a' marked as autostarted\n\n",
      "Domain 'a' has been undefined\n\n",
      'Domain-0\n\n',
    ]);
    write('bad.xml', DEMO.replace('<memory', '<memry'));
    expect(await virsh('create bad.xml')).toMatch(
      /^1: error: Failed to create domain from bad.xml\nerror: \(domain_definition\):1: Opening and ending tag mismatch: memry line 1 and memory\n/,
    );
    expect(await virsh('list --all --name')).toBe('Domain-0\n\n');
  });

  it('saves a domain where its next start finds it', async () => {
    const { virsh, write } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('define a.xml');
    await virsh('start a');
    expect(await virsh('managedsave a')).toBe("\nDomain 'a' state saved by libvirt\n\n");
    expect(await virsh('list --all')).toContain('a          shut off');
    expect(await virsh('dominfo a')).toContain('Managed save:   yes');
    expect(await virsh('undefine a')).toBe('1: error: Refusing to undefine while domain managed save image exists\n');
    await virsh('start a');
    expect(await virsh('domstate a --reason')).toMatch(/^running \(restored\)\n\n$/);
    expect(await virsh('dominfo a')).toContain('Managed save:   no');
  });

  it('has a console that is typed at, and left', async () => {
    const { uri, virsh, write, directory } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('define a.xml');
    await virsh('start a');
    const terminal = spawn('script', ['-qec', `${VIRSH} -c '${uri}' console a`, '/dev/null'], { cwd: directory });
    let shown = '';
    terminal.stdout.on('data', data => (shown += data));
    await until(() => shown.includes('Escape character is ^] (Ctrl + ])') && /\n[^\n]*> ?$/.test(shown));
    terminal.stdin.write('help\r');
    await until(() => /help\r?\n.+/.test(shown));
    const openConsole = (...words: string[]): ReturnType<typeof spawn> =>
      spawn('script', ['-qec', [VIRSH, '-c', `'${uri}'`, 'console', 'a', ...words].join(' '), '/dev/null']);
    const second = openConsole();
    let refused = '';
    second.stdout!.on('data', data => (refused += data));
    await new Promise(resolve => second.once('close', resolve));
    expect(refused).toContain('operation failed: Active console session exists for this domain');
    const forced = openConsole('--force');
    // Whoever is put out leaves by that.
    await new Promise(resolve => terminal.once('close', resolve));
    forced.stdin!.write('\x1d');
    await new Promise(resolve => forced.once('close', resolve));
    const other = openConsole('--devname', 'nosuch');
    let strange = '';
    other.stdout!.on('data', data => (strange += data));
    await new Promise(resolve => other.once('close', resolve));
    expect(strange).toContain('internal error: cannot find character device nosuch');
    expect(await virsh('domstate a')).toBe('running\n\n');
  });

  it('shows in a console that is opened again what came meanwhile, and not what its first client had', async () => {
    const { uri, virsh, write, directory } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('create a.xml');
    const console = async (typed: string, wanted: RegExp): Promise<string> => {
      const client = spawn('script', ['-qec', `${VIRSH} -c '${uri}' console a`, '/dev/null'], { cwd: directory });
      let shown = '';
      client.stdout.on('data', data => (shown += data));
      await until(() => shown.includes('Escape character is ^] (Ctrl + ])'));
      client.stdin.write(typed);
      await until(() => wanted.test(shown));
      client.stdin.write('\x1d');
      await new Promise(resolve => client.once('close', resolve));
      return shown;
    };
    expect(await console('', /\n[^\n]*> ?$/)).toContain('demo');
    expect(await console('help\r', /help\r?\n.+\n[^\n]*> ?$/s)).toContain('help');
    expect(await console('\r', /> \r?\n[^\n]*> ?$|\n[^\n]*> ?$/)).not.toContain('help');
  });

  it('refuses a document that is none, and one of another driver’s guest, with libvirt’s classes', async () => {
    const { virsh, write } = await daemonWithVirsh();
    write('empty.xml', '');
    write('torn.xml', DEMO.slice(0, 60));
    write('lxc.xml', DEMO.replace("type='xen'", "type='lxc'"));
    for (const how of ['define', 'create']) {
      expect(await virsh(`${how} empty.xml`)).toContain('error: (domain_definition):1: Document is empty');
      expect(await virsh(`${how} torn.xml`)).toMatch(/error: \(domain_definition\):1: /);
      expect(await virsh(`${how} lxc.xml`)).toContain(
        'error: invalid argument: could not find capabilities for domaintype=lxc',
      );
    }
    expect(await virsh('list --all --name')).toBe('Domain-0\n\n');
  });

  it('has a second socket for those who only read, where clients look for it', async () => {
    const { uri, virsh, socket, write, server } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('define a.xml');
    const bare = (line: string): Promise<string> =>
      new Promise(resolve =>
        execFile(VIRSH!, ['-c', `${uri}-ro`, ...line.split(' ')], (error, stdout, stderr) =>
          resolve(error ? `${error.code}: ${stderr}` : stdout),
        ),
      );
    expect(await bare('list --all --name')).toBe('Domain-0\na\n\n');
    expect(await bare('start a')).toContain('read only access prevents virDomainCreate');
    expect(await virsh('domstate a')).toBe('shut off\n\n');
    expect(statSync(`${socket}-ro`).mode & 0o777).toBe(0o600);
    await server.close();
    expect(existsSync(`${socket}-ro`)).toBe(false);
  });

  it('takes no file for a socket that somebody left', async () => {
    const { directory, host, write } = await daemonWithVirsh();
    write('plain', 'precious');
    const path = join(directory, 'plain');
    await expect(LibvirtServer.open(host, path)).rejects.toThrow(`${path} is there and is no socket`);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('has kernels, images and pools of this machine below a folder, one writer each', async () => {
    const machine = mkdtempSync(join(tmpdir(), 'ringside-machine-'));
    onTestFinished(() => rmSync(machine, { recursive: true }));
    const allow = join(machine, 'images'),
      disk = join(allow, 'disk.img');
    mkdirSync(allow);
    writeFileSync(join(allow, 'writer.elf'), writerKernel);
    writeFileSync(disk, new Uint8Array(256 * 512));
    writeFileSync(join(machine, 'secret.img'), new Uint8Array(512));
    symlinkSync('../secret.img', join(allow, 'link.img'));
    const { virsh, write } = await daemonWithVirsh({ allow });
    const define = (name: string, image: string, more = ''): Promise<string> => {
      write(
        `${name}.xml`,
        `<domain type='xen'><name>${name}</name><memory unit='MiB'>4</memory><os><type>hvm</type><kernel>${allow}/writer.elf</kernel></os><devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${image}'/><target dev='hda' bus='ide'/>${more}</disk></devices></domain>`,
      );
      return virsh(`define ${name}.xml`);
    };
    for (const [name, image, more] of [
      ['one', disk],
      ['two', disk],
      ['reader', disk, '<readonly/>'],
      ['out', join(allow, 'link.img')],
      ['dots', `${allow}/../secret.img`],
      ['elsewhere', join(machine, 'secret.img')],
      ['none', join(allow, 'none.img')],
    ])
      expect(await define(name!, image!, more)).toBe(`Domain '${name}' defined from ${name}.xml\n\n`);
    const failed = (name: string, why: string): string => `1: error: Failed to start domain '${name}'\nerror: ${why}\n`;
    const busy = `resource busy: Lockspace resource '${disk}' is locked`;
    expect(await virsh('start one')).toBe("Domain 'one' started\n\n");
    expect(await virsh('start two')).toBe(failed('two', busy));
    // libvirt draws a UUID for a document without one, so that it is another domain of that name.
    expect(await virsh('create two.xml')).toContain("operation failed: domain 'two' already exists with uuid");
    expect(await virsh('start reader')).toBe("Domain 'reader' started\n\n");
    for (const name of ['share', 'too']) await define(name, disk, '<shareable/>');
    expect(await virsh('start share')).toBe(failed('share', busy));
    await virsh('destroy one');
    for (const name of ['share', 'too']) expect(await virsh(`start ${name}`)).toBe(`Domain '${name}' started\n\n`);
    expect(await virsh('dumpxml too')).toContain('<shareable/>');
    await virsh('destroy share');
    expect(await virsh('start one')).toBe(failed('one', busy));
    await virsh('destroy too');
    expect(await virsh('start one')).toBe("Domain 'one' started\n\n");
    for (const [name, image, why] of [
      ['out', 'link.img', 'Permission denied'],
      ['dots', '../secret.img', 'Permission denied'],
      ['none', 'none.img', 'No such file or directory'],
    ])
      expect(await virsh(`start ${name}`)).toBe(
        failed(name!, `Cannot access storage file '${allow}/${image}': ${why}`),
      );
    expect(await virsh('start elsewhere')).toContain(`file '${machine}/secret.img': Permission denied`);
    // What the guest writes is in the file.
    await until(() => readFileSync(disk).some(byte => byte !== 0));
    expect(await virsh('domblkinfo one hda')).toMatch(/^Capacity: +131072\n/);
    await virsh('destroy one');
    expect(await virsh('start two')).toBe("Domain 'two' started\n\n");
    await virsh('destroy two');
    await virsh('destroy reader');
    expect(readFileSync(join(machine, 'secret.img')).every(byte => byte === 0)).toBe(true);

    expect(await virsh(`pool-create-as here dir --target ${allow}`)).toBe('Pool here created\n\n');
    expect(await virsh(`vol-pool ${disk}`)).toBe('here\n\n');
    expect(await virsh('vol-create-as here new.qcow2 1MiB --format qcow2')).toBe('Vol new.qcow2 created\n\n');
    expect(await virsh('vol-dumpxml new.qcow2 here')).toContain("<format type='qcow2'/>");
    expect(await virsh('vol-resize new.qcow2 2MiB --pool here')).toContain('successfully changed to 2MiB');
    expect(await virsh('vol-info new.qcow2 --pool here')).toMatch(/Capacity: +2.00 MiB/);
    write('text', 'from elsewhere');
    await virsh('vol-create-as here up.img 512');
    expect(await virsh('vol-upload up.img text --pool here')).toBe('\n');
    expect(readFileSync(join(allow, 'up.img'), 'utf8').slice(0, 14)).toBe('from elsewhere');
    expect(await virsh('vol-delete new.qcow2 --pool here')).toBe('Vol new.qcow2 deleted\n\n');
    expect(existsSync(join(allow, 'new.qcow2'))).toBe(false);
    expect(await virsh(`pool-create-as there dir --target ${machine}`)).toMatch(
      /cannot open directory '.*': No such file or directory/,
    );
  });

  it('changes nothing where it connects to read', async () => {
    const { virsh, write, host } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('define a.xml');
    expect(await virsh('domstate a', '-r')).toBe('shut off\n\n');
    for (const line of ['start a', 'undefine a', 'define a.xml', 'create a.xml', 'autostart a'])
      expect(await virsh(line, '-r')).toContain('operation forbidden: read only access prevents vir');
    expect((await host.managed!.list()).length).toBe(1);
    expect(host.domains.all()).toEqual([]);
  });

  it('is told what becomes of a domain', async () => {
    const { uri, virsh, write, directory } = await daemonWithVirsh();
    write('a.xml', DEMO);
    const events = spawn(VIRSH!, ['-c', uri, 'event', '--all', '--loop'], { cwd: directory });
    onTestFinished(() => void events.kill());
    let told = '';
    events.stdout.on('data', data => (told += data));
    // It is connected once it has asked for events; until then nothing is told.
    await until(async () => {
      await virsh('define a.xml');
      await virsh('undefine a');
      return told.includes('Undefined Removed');
    });
    told = '';
    for (const line of ['define a.xml', 'start a', 'suspend a', 'resume a', 'destroy a', 'undefine a'])
      await virsh(line);
    await until(() => told.includes('Undefined Removed'));
    const lifecycle = [...told.matchAll(/event 'lifecycle' for domain 'a': (.*)/g)].map(([, what]) => what);
    expect(lifecycle).toEqual([
      'Defined Added',
      'Started Booted',
      'Suspended Paused',
      'Resumed Unpaused',
      'Stopped Destroyed',
      'Undefined Removed',
    ]);
  });

  it('attaches a card to a domain that runs', async () => {
    const { virsh, write } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('define a.xml');
    await virsh('start a');
    expect(await virsh('attach-interface a bridge xenbr0 --mac 00:16:3e:00:00:07')).toBe(
      'Interface attached successfully\n\n',
    );
    expect(await virsh('domiflist a')).toMatch(/ vif1\.0 .* 00:16:3e:00:00:07\n/);
  });

  it('pins a processor where it is asked to, or says that it cannot', async () => {
    const { virsh, write } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('define a.xml');
    await virsh('start a');
    expect(await virsh('vcpupin a 0 0 --live')).toBe('\n');
    expect(await virsh('vcpupin a 0 0 --config')).toMatch(/^1: error: Operation not supported: /);
  });

  it('has a host with KVM say so, and share processor time as cgroups do', async () => {
    const hypervisor = startKvm({ pcpus: 2, memoryMiB: 64, vt: true, diskBytes: 0 }, '');
    const { host, virsh, write } = await daemonWithVirsh({ hypervisor });
    write('a.xml', DEMO.replace("type='xen'", "type='kvm'"));
    expect(await virsh('version')).toContain('Using API: QEMU 9.0.0\nRunning hypervisor: QEMU 7.2.22\n');
    await virsh('create a.xml --paused');
    const rows = (shares: number, quota: number): string =>
      `Scheduler      : posix\ncpu_shares     : ${shares}\nvcpu_period    : 100000\nvcpu_quota     : ${quota}\nglobal_period  : 100000\nglobal_quota   : ${quota}\n\n`;
    expect(await virsh('schedinfo a')).toBe(rows(1024, 17_592_186_044_415));
    expect(await virsh('schedinfo a --set cpu_shares=2048 vcpu_quota=25000')).toBe(rows(2048, 25_000));
    expect(host.queue.shares([...host.toolstack.members.values()][0]!.record.index)).toMatchObject({
      weight: 2048,
      quotaUs: 25_000,
    });
    expect(await virsh('schedinfo a --set vcpu_quota=-1')).toBe(rows(2048, 17_592_186_044_415));
    expect(await virsh('schedinfo a --set cpu_shares=1')).toBe(
      "1: error: invalid argument: value of 'cpu_shares' is out of range [2, 262144]\n",
    );
    expect(await virsh('schedinfo a --set weight=5')).toBe('1: error: invalid scheduler option: weight\n');
  });

  it('has no guest of KVM sleep without an agent, and wakes none that does not', async () => {
    const hypervisor = startKvm({ pcpus: 1, memoryMiB: 64, vt: true, diskBytes: 0 }, '');
    const { virsh, write } = await daemonWithVirsh({ hypervisor });
    write('a.xml', DEMO.replace("type='xen'", "type='kvm'"));
    await virsh('define a.xml');
    const failed = "1: error: Domain 'a' could not be";
    expect(await virsh('dompmsuspend a mem')).toBe(
      `${failed} suspended\nerror: Requested operation is not valid: domain is not running\n`,
    );
    await virsh('start a');
    for (const target of ['mem', 'disk', 'hybrid'])
      expect(await virsh(`dompmsuspend a ${target}`)).toBe(
        `${failed} suspended\nerror: argument unsupported: QEMU guest agent is not configured\n`,
      );
    expect(await virsh('dompmsuspend a mem --duration 5')).toBe(
      `${failed} suspended\nerror: argument unsupported: Duration not supported. Use 0 for now\n`,
    );
    expect(await virsh('dompmwakeup a')).toBe(
      `${failed} woken up\nerror: internal error: unable to execute QEMU command 'system_wakeup': Unable to wake up: guest is not in suspended state\n`,
    );
    // What was saved while it stood still does so again.
    await virsh('suspend a');
    await virsh('managedsave a');
    await virsh('start a');
    expect(await virsh('domstate a')).toBe('paused\n\n');
    await virsh('managedsave a --running');
    await virsh('start a');
    expect(await virsh('domstate a')).not.toContain('paused');
  });

  it('tells what a host of KVM and its guest have used, as Domain 0 does', async () => {
    const hypervisor = startKvm({ pcpus: 1, memoryMiB: 64, vt: true, diskBytes: 0 }, '');
    const { host, virsh, write } = await daemonWithVirsh({ hypervisor });
    const own = virshProgram(host);
    write('a.xml', DEMO.replace("type='xen'", "type='kvm'"));
    await virsh('define a.xml');
    const both = async (line: string): Promise<string> => {
      const said = await virsh(line);
      const { stdout, stderr } = await own.run(line.split(' '), { directory: '/' } as never);
      expect((stdout + stderr).trim()).toBe(said.replace(/^\d+: /, '').trim());
      return said;
    };
    expect(await both('cpu-stats a')).toContain('error: Requested operation is not valid: domain is not running');
    await virsh('start a');
    await until(async () => /cpu_time +\d+\.\d*[1-9]/.test(await virsh('cpu-stats a --total')));
    await virsh('suspend a');
    const cpuNs = await both('cpu-stats a --total');
    expect(cpuNs).toMatch(/^Total:\n\tcpu_time +0\.\d{9} seconds\n/);
    expect(await both('cpu-stats a')).toBe(`${cpuNs.trimEnd().replace('Total', 'CPU0')}\n${cpuNs}`);
    expect(await both('cpu-stats a --start 0 --count 1')).toBe(cpuNs.replace('Total', 'CPU0'));
    for (const [line, why] of [
      ['cpu-stats a --start 9', 'error: Start CPU 9 is out of range (min: 0, max: 0)'],
      ['cpu-stats a --start x', "error: Numeric value 'x' for <start> option is malformed or out of range"],
      ['cpu-stats a --start -1', 'error: Invalid value for start CPU'],
      ['nodememstats --cell 5', 'error: cellNum in virHostMemGetStats must be less than or equal to 0'],
      ['nodememstats --cell x', "error: Numeric value 'x' for <cell> option is malformed or out of range"],
      ['sysinfo', 'error: unsupported configuration: Host SMBIOS information is not available'],
    ] as const)
      expect(await both(line)).toContain(why);
    const { memoryMiB, freeMiB } = await host.summary();
    const row = (word: string, mib: number): string => `${word.padEnd(7)}: ${String(1024 * mib).padStart(20)} KiB\n`;
    expect(await both('nodememstats')).toBe(`${row('total', memoryMiB)}${row('free', freeMiB)}\n`);
    expect(await both('nodememstats --cell 0')).toContain(row('free', freeMiB));
  });

  it('lists domains by whether they have snapshots', async () => {
    const { virsh, write } = await daemonWithVirsh();
    write('a.xml', DEMO);
    await virsh('define a.xml');
    expect(await virsh('list --all --name --without-snapshot')).toBe('Domain-0\na\n\n');
    expect(await virsh('list --all --name --with-snapshot')).toBe('\n');
  });

  it('lists networks, pools and volumes, and what there is none of', async () => {
    const { virsh, files } = await daemonWithVirsh();
    await files.mkdir('/var/lib/xen/images', { recursive: true });
    await files.writeFile('/var/lib/xen/images/a.img', new Uint8Array(1 << 20));
    expect(await virsh('net-list --all')).toBe(
      ' Name      State      Autostart   Persistent\n----------------------------------------------\n default   inactive   no          yes\n xenbr0    active     yes         yes\n\n',
    );
    expect(await virsh('net-dumpxml default')).toContain("<ip address='192.168.122.1' netmask='255.255.255.0'>");
    expect(await virsh('net-info xenbr0')).toContain('Bridge:         xenbr0\n');
    expect(await virsh('pool-list')).toContain(' images   active   yes\n');
    expect(await virsh('vol-list images')).toContain(' a.img   /var/lib/xen/images/a.img\n');
    expect(await virsh('vol-info a.img --pool images')).toBe(
      'Name:           a.img\nType:           file\nCapacity:       1.00 MiB\nAllocation:     1.00 MiB\n\n',
    );
    await files.writeFile('/var/lib/xen/images/r&d.img', new Uint8Array(512));
    expect(await virsh('vol-dumpxml r&d.img images')).toContain(
      '<name>r&amp;d.img</name>\n  <key>/var/lib/xen/images/r&amp;d.img</key>\n',
    );
    for (const list of ['iface-list', 'nodedev-list', 'secret-list', 'nwfilter-list'])
      expect(await virsh(list)).not.toContain('error');
  });

  it('makes qcow2 volumes on others, fills, reads and resizes them as qemu-img reads them', async () => {
    const state = await openHostState(new MemoryStore(), {
      epochMs: () => 0,
      random: below => below >>> 1,
      later: () => () => {},
      diskBytes: 2 ** 28,
    });
    onTestFinished(() => state.close());
    const { storage } = state;
    const { virsh, directory, write } = await daemonWithVirsh({
      files: await state.files(),
      storage: async () => storage,
    });
    const at = '/var/lib/xen/images';
    for (const line of [
      'vol-create-as images base.img 2MiB',
      'vol-create-as images top.qcow2 4MiB --format qcow2 --backing-vol base.img --backing-vol-format raw',
    ])
      expect(await virsh(line)).toMatch(/^Vol .* created/);
    expect(await virsh('vol-dumpxml top.qcow2 images')).toContain(
      `    <format type='qcow2'/>\n    <compat>1.1</compat>\n    <features/>\n  </target>\n  <backingStore>\n    <path>${at}/base.img</path>\n    <format type='raw'/>\n  </backingStore>\n`,
    );
    expect(await virsh('vol-info top.qcow2 --pool images')).toContain('Capacity:       4.00 MiB\n');
    write(
      'x.xml',
      "<volume><name>x.qcow2</name><capacity>1048576</capacity><target><format type='qcow2'/></target><backingStore><path>/nowhere</path></backingStore></volume>",
    );
    expect(await virsh('vol-create images x.xml')).toContain(
      'inaccessible backing store volume /nowhere: No such file or directory',
    );
    expect(await virsh('vol-create-as images x.vdi 1MiB --format vdi')).toMatch(/unsupported configuration: /);
    expect(await virsh('vol-create-as images x 1MiB --format fancy')).toContain('unknown volume format type fancy');
    const guest = storage.open(`${at}/top.qcow2`, 'web', true);
    guest.medium.write(1 << 20, new Uint8Array(4096).fill(7));
    expect(await virsh('vol-resize top.qcow2 8MiB --pool images')).toMatch(/^1: /);
    guest.close();
    expect(await virsh('vol-resize top.qcow2 8MiB --pool images')).toContain('successfully changed to 8MiB');
    expect(await virsh('vol-clone top.qcow2 twin.qcow2 --pool images')).toContain(
      'Vol twin.qcow2 cloned from top.qcow2',
    );
    const file = join(directory, 'top.qcow2');
    const download = async (name: string): Promise<Buffer> => {
      expect(await virsh(`vol-download ${name} ${file} --pool images`)).toBe('\n');
      return readFileSync(file);
    };
    const twin = new Qcow2Source(new MemoryDisk(await download('twin.qcow2')), {
      backing: new MemoryDisk(new Uint8Array(2 << 20)),
    });
    const read = new Uint8Array(8 << 20);
    twin.read(0, read);
    expect(read.every((byte, i) => byte === (i >= 1 << 20 && i < (1 << 20) + 4096 ? 7 : 0))).toBe(true);
    // A client's own image takes its place, whatever length that has.
    const own = new MemoryFile();
    createQcow2(own, { bytes: 16 << 20 });
    const disk = new Qcow2Disk(own);
    disk.write(9 << 20, new Uint8Array(5 << 20).fill(5));
    disk.flush();
    writeFileSync(file, own.data);
    expect(await virsh(`vol-upload top.qcow2 ${file} --pool images`)).toBe('\n');
    expect(await virsh('vol-info top.qcow2 --pool images')).toContain('Capacity:       16.00 MiB\n');
    const one = new Uint8Array(1);
    storage.medium(`${at}/top.qcow2`).read(13 << 20, one);
    expect(one[0]).toBe(5);
    expect(await virsh('vol-delete top.qcow2 --pool images')).toMatch(/^Vol top.qcow2 deleted/);
  });

  it('defines networks, whose guests get what DHCP has for them, and forgets them', async () => {
    const { virsh, write, files, host, uri, directory } = await daemonWithVirsh({ readsWhole: true });
    write('bad.xml', "<network><name>n</name><forward mode='fancy'/></network>");
    write('route.xml', "<network><name>n</name><forward mode='route'/><ip address='10.9.0.1'/></network>");
    write('clash.xml', "<network><name>n</name><ip address='10.0.2.129' prefix='25'/></network>");
    write(
      'n.xml',
      `<network><name>inner</name><domain name='lab'/><ip address='192.168.77.1' netmask='255.255.255.0'><dhcp>
        <range start='192.168.77.100' end='192.168.77.101'/></dhcp></ip></network>`,
    );
    const events = spawn(VIRSH!, ['-c', uri, 'net-event', '--event', 'lifecycle', '--loop'], { cwd: directory });
    onTestFinished(() => void events.kill());
    let told = '';
    events.stdout.on('data', data => (told += data));
    await until(async () => {
      await virsh('net-define n.xml');
      await virsh('net-undefine inner');
      return told.includes('Undefined');
    });
    told = '';
    const lines = [
      'net-define bad.xml',
      'net-define route.xml',
      'net-create clash.xml',
      'net-define n.xml',
      'net-list',
      'net-list --all',
      'net-start inner',
      'net-start inner',
      'net-autostart inner',
      'net-info inner',
    ];
    const said: string[] = [];
    for (const line of lines) said.push(await virsh(line));
    expect(said).toEqual([
      "1: error: Failed to define network from bad.xml\nerror: unsupported configuration: unknown forwarding type 'fancy'\n",
      expect.stringMatching(/^1: error: Failed to define network from route\.xml\nerror: unsupported configuration: /),
      '1: error: Failed to create network from clash.xml\nerror: internal error: Network is already in use by interface xenbr0\n',
      'Network inner defined from n.xml\n\n',
      ' Name     State    Autostart   Persistent\n-------------------------------------------\n xenbr0   active   yes         yes\n\n',
      ' Name      State      Autostart   Persistent\n----------------------------------------------\n default   inactive   no          yes\n inner     inactive   no          yes\n xenbr0    active     yes         yes\n\n',
      'Network inner started\n\n',
      '1: error: Failed to start network inner\nerror: Requested operation is not valid: network is already active\n',
      'Network inner marked as autostarted\n\n',
      expect.stringMatching(/Active: +yes\nPersistent: +yes\nAutostart: +yes\nBridge: +virbr1\n/),
    ]);
    write('host.xml', "<host mac='00:16:3e:00:00:07' name='seven' ip='192.168.77.7'/>");
    // A host that has an address and a name of its own, and one that takes what is next.
    expect(await virsh('net-update inner add ip-dhcp-host host.xml --live --config')).toMatch(
      /persistent config and live state/,
    );
    expect(await virsh('net-dumpxml inner')).toContain(
      "<host mac='00:16:3e:00:00:07' name='seven' ip='192.168.77.7'/>",
    );
    const guest = (name: string, mac: string): string =>
      `<domain type='xen'><name>${name}</name><memory unit='MiB'>8</memory><os><type>linux</type><kernel>/boot/minipv.elf</kernel><cmdline>dhcp</cmdline></os><devices><interface type='network'><source network='inner'/><mac address='${mac}'/></interface></devices></domain>`;
    write('a.xml', guest('a', '00:16:3e:00:00:07'));
    write('b.xml', guest('b', '00:16:3e:00:00:08'));
    for (const name of ['a', 'b']) expect(await virsh(`create ${name}.xml`)).toMatch(/created/);
    let leases = '';
    await until(async () => /\.7\/24[^]*\.10[01]\/24/.test((leases = await virsh('net-dhcp-leases inner'))));
    expect(leases).toMatch(/ 00:16:3e:00:00:07 +ipv4 +192\.168\.77\.7\/24 +seven +-/);
    expect(leases).toMatch(/ 00:16:3e:00:00:08 +ipv4 +192\.168\.77\.100\/24 +- +-/);
    expect(await virsh('net-update inner delete ip-dhcp-host none.xml')).toMatch(/^1: /);
    expect(await virsh('net-destroy inner')).toBe('Network inner destroyed\n\n');
    expect(await virsh('net-dhcp-leases inner')).not.toContain('192.168');
    expect(await virsh('net-undefine inner')).toBe('Network inner has been undefined\n\n');
    expect(await virsh('net-undefine xenbr0')).toMatch(/^1: /);
    expect(host.toolstack.services.network.networkNamed('inner')).toBeUndefined();
    expect(await files.readdir('/etc/libvirt/qemu/networks')).toEqual(['autostart', 'default.xml']);
    await until(() => told.includes('Undefined'));
    expect([...told.matchAll(/event 'lifecycle' for network inner: (\w+)/g)].map(([, what]) => what)).toEqual([
      'Defined',
      'Started',
      'Defined',
      'Stopped',
      'Undefined',
    ]);
  });
});
