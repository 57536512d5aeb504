/**
 * A host without Xen, at its shell: guests are processes of QEMU. What is asked of its programs is what Debian's have (xen-utils 4.17 without a hypervisor,
 * procps 4.0, libvirt-clients 9.0, QEMU 7.2).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KVM_BLOCK } from '../../hypervisor/interfaces/kvm/layout.ts';
import { framesWord } from '../../hypervisor/interfaces/kvm/index.ts';
import { openHostState, startKvm } from '../service/index.ts';
import { testFile, testFiles, testHost, until } from '../service/host.test-support.ts';
import { MemoryStore } from '../host/storage/index.ts';
import { domain0Log } from '../toolstack/boot/index.ts';
import { runNsOf } from '../toolstack/index.ts';
import { processesOf } from '../toolstack/qemu/index.ts';
import { shellParts } from './login.ts';
import { runLine } from './run-line.ts';

const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
const UUID = '3d1c1aa0-0c3a-4d0e-9d84-51c0b1f0a0b1';
const xml = (type: string): string =>
  `<domain type='${type}'><name>web</name><uuid>${UUID}</uuid><memory unit='MiB'>16</memory><vcpu>2</vcpu><os><type machine='pc'>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`;

async function make(vt = true) {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', demo);
  await files.writeFile('/root/web.xml', xml('kvm'));
  await files.writeFile('/root/hvm.xml', xml('xen'));
  await files.writeFile('/root/pv.cfg', 'name = "pv"\ntype = "pv"\nmemory = 8\nkernel = "/boot/demo.elf"\n');
  const state = await openHostState(new MemoryStore(), {
    diskBytes: 2 ** 30,
    guests: [],
    epochMs: () => 0,
    random: () => 0,
    later: () => () => {},
  });
  const host = testHost({
    files,
    storage: async () => state.storage,
    epochMs: () => 0,
    hypervisor: startKvm({ pcpus: 2, memoryMiB: 64, vt, diskBytes: 0 }, 'root=/dev/sda2'),
  });
  const { programs } = await shellParts(
    host,
    state,
    async () => {},
    async () => {},
    [],
  );
  const around = {
    stdin: '',
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(path.startsWith('/') ? path : `/root/${path}`),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: new AbortController().signal,
  };
  /** Words, of which those in single quotes are one. */
  const run = async (line: string): Promise<string> => {
    const [name, ...words] = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
    const program = programs.find(each => each.name === name)!;
    const { stdout, stderr, status } = await program.run(words, around);
    return status === 0 ? stdout + stderr : `${status}: ${stdout}${stderr}`;
  };
  return { host, files, state, run };
}

describe('a host with KVM', () => {
  it('has no Xen: its programs find none, and no domain is the host’s own', async () => {
    const { host, state, run } = await make();
    for (const line of ['xl list', 'xl info', 'xm list'])
      expect(
        await run(line),
      ).toBe(`1: xencall: error: Could not obtain handle on privileged command interface: No such file or directory
libxl: error: libxl.c:102:libxl_ctx_alloc: cannot open libxc handle: No such file or directory
cannot init xl context
`);
    expect(await run('xenstore-ls /')).toBe('1: xenstore-ls: xs_open: No such file or directory\n');
    expect(await run('virsh uri')).toBe('qemu:///system\n\n');
    expect(await run('virsh version')).toContain('Using API: QEMU 9.0.0\nRunning hypervisor: QEMU 7.2.22\n');
    expect(await run('virsh list --all')).not.toContain('Domain-0');
    const log = (await domain0Log(host, state, { dom0CommandLine: 'root=/dev/sda2' })).join('\n');
    expect(log).toContain('/dev/kvm');
    // The page shows what is there before the disk.
    const first = await host.dmesg();
    expect(first).toMatch(/\/dev\/kvm[\s\S]*eth0 is up/);
    expect(log.startsWith(first.trimEnd())).toBe(true);
    expect(log.replaceAll('xenbr0', '')).not.toMatch(/xen|Domain 0/i);
    expect(host.queue.policy.name).toBe('fair');
  });

  it('keeps definitions where libvirt does, and takes guests of KVM alone', async () => {
    const { host, files, run } = await make();
    expect(await run('virsh define web.xml')).toBe("Domain 'web' defined from web.xml\n\n");
    await run('virsh autostart web');
    expect(await files.readdir('/etc/libvirt/qemu')).toEqual(['autostart', 'web.xml']);
    expect(await run('virsh dumpxml web')).toMatch(/^<domain type='kvm'>/);
    for (const line of ['virsh define hvm.xml', 'virsh create hvm.xml'])
      expect(await run(line)).toMatch(
        /^1: error: .*\nerror: invalid argument: could not find capabilities for domaintype=xen: this host has no Xen\. Write <domain type='kvm'>/,
      );
    expect(await files.readdir('/etc/xen/vm')).not.toContain('web');
    const text = 'name = "a"\ntype = "hvm"\nmemory = 8\nkernel = "demo.elf"\n';
    const { errors } = await host.files.plan([testFile('a.cfg', text), testFile('demo.elf', demo)]);
    expect(errors.map(({ short }) => short)).toContain('needs Xen');
    const withoutVt = await make(false);
    expect(await run('virsh capabilities')).toContain("<domain type='kvm'/>");
    expect(await withoutVt.run('virsh capabilities')).not.toContain('<guest>');
    expect(await withoutVt.run('virsh create web.xml')).toContain('is VT/AMD-V supported by your CPU');
  });

  it('answers as hand-outs ask whether KVM is there, and which exits its guests have', async () => {
    const { host, files, state, run } = await make();
    const parts = await shellParts(
      host,
      state,
      async () => {},
      async () => {},
      [],
    );
    const typed = (line: string) => runLine(parts, line);
    expect(
      await typed("egrep -c '(vmx|svm)' /proc/cpuinfo; ls -l /dev/kvm; cat /sys/module/kvm_intel/parameters/nested"),
    ).toMatchObject({
      stdout: expect.stringMatching(/^2\n\S+ .* \/dev\/kvm\nN\n$/),
      stderr: '',
    });
    expect((await typed('grep ^flags /proc/cpuinfo | head -1')).stdout).toMatch(/\bfpu\b.*\bpni\b.*\bvmx\n$/);
    expect(await run('kvm-ok')).toBe('INFO: /dev/kvm exists\nKVM acceleration can be used\n');
    expect(await run('lsmod')).toMatch(
      /^Module +Size +Used by\nlsmod: kvm and kvm_intel are no modules here, they are built in/,
    );
    expect(await run('virt-host-validate')).toMatch(/^ {2}QEMU: Checking for hardware virtualization +: PASS\n/);
    expect(await run('perf kvm stat live')).toContain('kvm_stat -1 -f kvm_exit');
    expect(await run('kvm_stat')).toContain('write kvm_stat -1');
    expect(await run('kvm_stat -1 -f [')).toMatch(/^2: kvm_stat: error: argument -f/);
    await files.writeFile('/root/web.xml', xml('kvm'));
    await run('virsh create web.xml');
    await until(
      () =>
        host.toolstack.view.at(host.toolstack.member(host.domains.all()[0]!.id).record.index)!.exits().domain.IO! > 0,
    );
    const total = Number(/^kvm_exit +(\d+) +\d+\n$/.exec(await run('kvm_stat -1'))![1]);
    const byReason = await run('kvm_stat -1 -f kvm_exit');
    expect(byReason).toMatch(/^kvm_exit\(IO\) +\d+ +\d+$/m);
    expect(Number(/^kvm_exit +(\d+)/m.exec(byReason)![1])).toBeGreaterThanOrEqual(total);
    const without = await make(false);
    expect(await without.run('kvm-ok')).toBe(
      '1: INFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used\n',
    );
    expect(await without.run('kvm_stat -1')).toContain('this computer has no VT');
  });

  it('asks a guest’s balloon of virtio, and tells of its memory', async () => {
    const { host, files, run } = await make();
    const devices = "<devices><memballoon model='virtio'><stats period='2'/></memballoon></devices></domain>";
    await files.writeFile('/root/balloon.xml', xml('kvm').replace('</domain>', devices));
    await run('virsh create balloon.xml');
    // What a PC's adapter takes of the first MiB is none of it.
    const residentKiB = 16 * 1024 - 128;
    expect(await run('virsh dommemstat web')).toBe(`actual 16384\nlast_update 0\nrss ${residentKiB}\n\n`);
    expect(await run('virsh dommemstat web --period 5')).toBe('\n');
    expect(await run('virsh dommemstat web --period x')).toBe(
      "1: error: Numeric value 'x' for <period> option is malformed or out of range\n",
    );
    expect(await run('virsh setmem web 20M')).toContain('cannot set memory higher than max memory');
    expect(await run('virsh setmem web 12M')).toBe('\n');
    const { id } = host.domains.all()[0]!;
    await until(() => host.tasks.list().some(({ message }) => /drives its balloon of virtio/.test(message ?? '')));
    expect((await host.inspect('guest', id)).mostMiB).toBe(16);
    // A driver that tells of more than the guest has: a frame more, and as much as the field holds.
    const block = framesWord(host.toolstack.member(id).record) - KVM_BLOCK.CURRENT_FRAMES;
    host.machine.words[block + KVM_BLOCK.BALLOON_DRIVEN] = 1;
    for (const [pages, leftKiB] of [
      [1024, 12 * 1024],
      [4097, 0],
      [0xffff_ffff, 0],
    ] as const) {
      host.machine.words[block + KVM_BLOCK.BALLOON_PAGES] = pages;
      expect(await run('virsh dominfo web')).toContain(`Used memory:    ${leftKiB} KiB\n`);
    }
    expect(await run('ps -eL')).toContain('qemu');
    await run('virsh destroy web');
    await files.writeFile('/root/web.xml', xml('kvm'));
    await run('virsh create web.xml');
    expect(await run('virsh dommemstat web')).toBe(`actual 16384\nrss ${residentKiB}\n\n`);
    expect(await run('virsh dommemstat web --period 5')).toContain(
      'Memory balloon model must be virtio to set the collection period',
    );
    expect(await run('virsh setmem web 12M')).toContain('has no balloon of virtio: its memory does not change');
  });

  it('shows each guest as a process with a thread for each vCPU, whose times are what these have run', async () => {
    const { host, run } = await make();
    await run('virsh create web.xml');
    const { id } = host.domains.all()[0]!;
    await until(() => runNsOf(host.toolstack, host.toolstack.member(id).record.index) > 0);
    const rows = (await run('ps -eL')).split('\n').filter(line => line.includes('KVM') || line.includes('qemu'));
    expect(rows.map(row => row.trim().split(/\s+/).slice(4).join(' '))).toEqual([
      'qemu-system-x86',
      'CPU 0/KVM',
      'CPU 1/KVM',
    ]);
    const [line] = (await run('ps -ef')).split('\n').filter(each => each.startsWith('libvirt+'));
    expect(line).toMatch(
      / \/usr\/bin\/qemu-system-x86_64 -name guest=web,debug-threads=on -S .* -accel kvm .* -smp 2,/,
    );
    const { seconds, threads } = (await processesOf(host)).find(({ guest }) => guest === id)!;
    expect(seconds).toBeGreaterThan(0);
    expect(threads.reduce((sum, thread) => sum + thread.seconds, 0)).toBeCloseTo(seconds, 9);
    const pid = rows[0]!.trim().split(/\s+/)[0]!;
    expect((await run(`ps -p ${pid}`)).split('\n')[1]).toContain('qemu-system-x86');
    expect(await run('ps -p 99999')).toMatch(/^1: +PID/);
    expect(await run('ps -Q')).toMatch(/^1: error: unsupported SysV option/);
    const top = await run('top -b -H -n 1');
    expect(top).toMatch(/^top - /);
    expect(top).toMatch(/CPU 0\/KVM$/m);
    await run('virsh destroy web');
    expect(await run('ps -ef')).not.toContain('qemu-system');
  });

  it('answers for the monitor of a guest’s QEMU as QEMU does', async () => {
    const { run } = await make();
    await run('virsh create web.xml');
    const ask = async (text: string): Promise<Record<string, unknown>> =>
      JSON.parse(await run(`virsh qemu-monitor-command web '${text}'`));
    expect(await ask('{"execute":"query-status"}')).toMatchObject({
      return: { status: 'running', singlestep: false, running: true },
    });
    expect(await ask('{"execute":"stop"}')).toMatchObject({ return: {} });
    expect(await run('virsh domstate web --reason')).toBe('paused (user)\n\n');
    expect(await ask('{"execute":"query-status"}')).toMatchObject({ return: { status: 'paused', running: false } });
    expect(await run("virsh qemu-monitor-command web --hmp 'info status'")).toBe('VM status: paused\r\n\n');
    const registers = await run("virsh qemu-monitor-command web --hmp 'info registers -a'");
    expect(registers.match(/^CPU#\d/gm)).toEqual(['CPU#0', 'CPU#1']);
    expect(registers).toMatch(/^EIP=[0-9a-f]{8} EFL=[0-9a-f]{8} \[[DOSZAPC-]{7}\] CPL=0 II=0 A20=1 SMM=0 HLT=[01]\r$/m);
    expect(registers).toMatch(/^CS =0008 00000000 ffffffff 00c09b00 DPL=0 CS32 \[-RA\]\r$/m);
    expect(await ask('{"execute":"human-monitor-command","arguments":{"command-line":"cont"}}')).toMatchObject({
      return: '',
    });
    expect(await run('virsh domstate web')).toBe('running\n\n');
    for (const [text, error] of [
      ['{"execute":"foo"}', 'The command foo has not been found'],
      ['{"exec":"foo"}', "QMP input member 'exec' is unexpected"],
      ['{"execute":"stop","arguments":{"a":1}}', "Parameter 'a' is unexpected"],
      ['{"execute":"human-monitor-command"}', "Parameter 'command-line' is missing"],
    ] as const)
      expect(await ask(text)).toMatchObject({ error: { desc: error } });
    expect(await ask('foo')).toMatchObject({ error: { class: 'GenericError' } });
    expect(await run("virsh qemu-monitor-command web --hmp 'info frob'")).toBe("unknown command: 'info frob'\r\n\n");
  });

  it('saves a guest, restores it and goes back to a snapshot as with Xen', async () => {
    const { run } = await make();
    await run('virsh define web.xml');
    await run('virsh start web');
    expect(await run('virsh save web /root/web.save')).toBe("\nDomain 'web' saved to /root/web.save\n\n");
    expect(await run('ps -ef')).not.toContain('qemu-system');
    expect(await run('virsh restore /root/web.save')).toBe('Domain restored from /root/web.save\n\n');
    expect(await run('virsh snapshot-create-as web one')).toBe('Domain snapshot one created\n');
    expect(await run('virsh snapshot-revert web one')).toContain('reverted');
    expect(await run('virsh domstate web --reason')).toBe('running (from snapshot)\n\n');
    expect(await run('ps -ef')).toMatch(/libvirt\+ .* -name guest=web,/);
  });

  it('shares processor time as cgroups do', async () => {
    const { host, run } = await make();
    await run('virsh create web.xml');
    expect(await run('virsh schedinfo web')).toBe(
      'Scheduler      : posix\ncpu_shares     : 1024\nvcpu_period    : 100000\nvcpu_quota     : 17592186044415\nglobal_period  : 100000\nglobal_quota   : 17592186044415\n\n',
    );
    expect(await run('virsh schedinfo web --set cpu_shares=2048,vcpu_quota=25000')).toMatch(
      /cpu_shares {5}: 2048\n.*\nvcpu_quota {5}: 25000\n/,
    );
    const { index } = [...host.toolstack.members.values()][0]!.record;
    expect(host.queue.shares(index)).toMatchObject({ weight: 2048, quotaUs: 25_000, periodUs: 100_000 });
    expect(await run('virsh schedinfo web --set vcpu_quota=-1')).toContain('vcpu_quota     : 17592186044415');
    for (const [change, why] of [
      ['vcpu_period=5', "value of 'vcpu_period' is out of range [1000, 1000000]"],
      ['cpu_shares=1', "value of 'cpu_shares' is out of range [2, 262144]"],
      ['weight=5', 'invalid scheduler option: weight'],
    ] as const)
      expect(await run(`virsh schedinfo web --set ${change}`)).toContain(why);
    expect(host.queue.shares(index)).toMatchObject({ weight: 2048, quotaUs: 0, periodUs: 100_000 });
  });
});
