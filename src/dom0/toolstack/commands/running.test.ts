/** Commands for a domain that runs: output in xl's columns, refusals in its words, and what the guest finds of them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { print, pvhKernel, shutdown, waitForKey } from '../../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { testFiles, testHost, until } from '../../service/host.test-support.ts';
import { typedTerminal } from '../terminal/terminal.test-support.ts';
import { askedPort, attachXl, COMMANDS, runXl } from './index.ts';
import { xenViewOf } from '../../../hypervisor/interfaces/xen/view/index.ts';

/** A PVH guest that prints, waits for a key, and powers off. */
async function make(more = '', parts: Parameters<typeof testHost>[0] = {}) {
  const files = await testFiles();
  await files.writeFile('/boot/k', pvhKernel([...print('up..'), ...waitForKey(), ...shutdown(0)]));
  await files.writeFile(
    '/root/x.cfg',
    `name = "x"\ntype = "pvh"\nmemory = 8\nmaxmem = 16\nvcpus = 1\nmaxvcpus = 2\nkernel = "/boot/k"\n${more}`,
  );
  const host = testHost({ files, buriesStopped: true, epochMs: () => 0, ...parts });
  const call = (words: string[]) => ({
    host,
    words,
    read: async (path: string) => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
    write: (path: string, data: Blob) => data.arrayBuffer().then(bytes => files.writeFile(path, new Uint8Array(bytes))),
  });
  const xl = (line: string): Promise<string> =>
    runXl(COMMANDS, call(line.split(' ').filter(Boolean))).catch(
      (error: Error & { status?: number }) => `${error.status ?? 1}: ${error.message}`,
    );
  const store = (path: string): string | undefined => host.toolstack.services.client.read(`/local/domain/1/${path}`);
  expect(await xl('create /root/x.cfg')).toBe('Parsing config from /root/x.cfg\n');
  return { host, files, call, xl, store };
}

describe('processors', () => {
  it('are listed one by one, with what they may use', async () => {
    const { xl } = await make();
    await xl('pause x');
    const rows = (await xl('vcpu-list x')).split('\n');
    expect(rows[0]).toBe('Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)');
    expect(rows[1]).toMatch(/^x {31} {5}1 {5}0 {4}0 {3}[-r][-b]- {7}\d\.\d {2}all \/ all$/);
    expect(rows[2]).toMatch(/^x {31} {5}1 {5}1 {4}- {3}--p {7}0\.0 {2}all \/ all$/);
    expect((await xl('vcpu-list')).split('\n')[1]).toMatch(
      /^Domain-0 {24} {5}0 {5}0 {4}0 {3}r-- {6,7}\d+\.\d {2}all \/ all$/,
    );
    // xl list counts those that are online.
    expect(await xl('list x')).toMatch(/^x {39} {5}1 {4,5}\d+ {5}1 /m);
    expect(await xl('vcpu-list y')).toBe('1: y is an invalid domain identifier (rc=-6)');
  });

  it('are listed with pool, node and label where that is asked for, and the host with its nodes', async () => {
    const { xl } = await make();
    await xl('pause x');
    const [head, , row] = (await xl('list -c -n')).split('\n');
    expect([head.endsWith('Time(s)         Cpupool NODE Affinity'), row.endsWith('          Pool-0 all')]).toEqual([
      true,
      true,
    ]);
    expect((await xl('list -Z')).split('\n')[0]).toMatch(/Time\(s\) {3}Security Label$/);
    expect(await xl('info -n')).toContain(
      'cpu_topology           :\ncpu:    core    socket     node\n  0:       0        0        0\n',
    );
  });

  it('are pinned one by one, hard and soft', async () => {
    const { xl } = await make();
    const affinities = async (): Promise<string[]> =>
      (await xl('vcpu-list x'))
        .split('\n')
        .slice(1, 3)
        .map(row => row.slice(67));
    expect([await xl('vcpu-pin x 1 0 -'), await affinities()]).toEqual(['', ['all / all', '0 / all']]);
    expect([await xl('vcpu-pin x 0 - 0'), await affinities()]).toEqual(['', ['all / 0', '0 / all']]);
    expect([await xl('vcpu-pin x all all all'), await affinities()]).toEqual(['', ['all / all', 'all / all']]);
    expect(await xl('vcpu-pin x 2 0')).toBe(
      "1: Could not set affinity for vcpu `2'.\nDomain 1 has no such vCPU: its vCPUs are 0 to 1.",
    );
    expect(await xl('vcpu-pin x one 0')).toBe('1: Error: Invalid argument one as VCPU.');
    expect(await xl('vcpu-pin x 0 7')).toMatch(/^1: this host has one processor, 0, and 7 names none of them/);
  });

  it('take triggers as Xen has them', async () => {
    const { host, xl } = await make();
    expect(await xl('trigger x nmi 1')).toBe('');
    expect(await xl('trigger x nmi 2')).toBe(
      "1: libxl_send_trigger: Domain 1:Send trigger 'nmi' failed: No such process",
    );
    expect(await xl('trigger x init')).toBe(
      "1: libxl_send_trigger: Domain 1:Send trigger 'init' failed: Function not implemented",
    );
    // A PVH guest has no power button.
    expect(await xl('trigger x power')).toBe(
      "1: libxl_send_trigger: Domain 1:Send trigger 'power' failed: Invalid argument",
    );
    expect([await xl('trigger x kick'), await xl('trigger x nmi none')]).toEqual([
      '1: Invalid trigger "kick"',
      '1: Invalid VCPU parameter: "none"',
    ]);
    // Of that kernel's interrupt table nothing is there: an NMI is a triple fault, and that a reboot.
    expect(await xl('trigger x nmi')).toBe('');
    await until(() => host.domains.all()[0]?.id === 2);
  });

  it('are asked to come and go through the store, up to maxvcpus and what the host has', async () => {
    const { xl, store } = await make();
    expect(await xl('vcpu-set x 2')).toBe(
      '1: You are overcommmitting! You have 1 physical CPUs and want 2 vCPUs! Aborting, use --ignore-host to continue',
    );
    expect([store('cpu/1/availability'), await xl('vcpu-set -i x 2'), store('cpu/1/availability')]).toEqual([
      'offline',
      '',
      'online',
    ]);
    expect([await xl('vcpu-set x 1'), store('cpu/0/availability'), store('cpu/1/availability')]).toEqual([
      '',
      'online',
      'offline',
    ]);
    expect(await xl('vcpu-set -i x 3')).toBe(
      '1: Requested 3 VCPUs, however maxcpus is 2!\nlibxl_set_vcpuonline failed domid=1 max_vcpus=3, rc: -6',
    );
    expect(await xl('vcpu-set x two')).toBe('1: Error: Invalid argument.');
  });
});

describe('settings', () => {
  it('change the name everywhere, also in a saved state', async () => {
    const { host, files, xl, store } = await make();
    expect(await xl('rename x web')).toBe('');
    expect([store('name'), host.domains.all()[0]!.name, await xl('domname 1'), await xl('domid x')]).toEqual([
      'web',
      'web',
      'web\n',
      "1: Can't get domid of domain name 'x', maybe this domain does not exist.",
    ]);
    expect([await xl('rename web Domain-0'), await xl('rename web a/b'), await xl('rename 0 y')]).toEqual([
      expect.stringMatching(/^1: libxl: error: .*"Domain-0" already exists\.\nCan't rename domain 'web'\.$/),
      expect.stringMatching(/^1: A name has .*\nCan't rename domain 'web'\.$/),
      expect.stringMatching(/^1: Domain 0 .*\nCan't rename domain 'Domain-0'\.$/),
    ]);
    expect(await xl('save web /root/web.save')).toMatch(/^Saving to \/root\/web\.save new xl format/);
    expect([host.domains.all(), await xl('restore -p /root/web.save'), host.domains.all()[0]!.name]).toEqual([
      [],
      expect.stringMatching(
        /^Loading new save file \/root\/web\.save \(new xl fmt info 0x3\/0x0\/\d+\)\n Savefile contains xl domain config in JSON format\nParsing config from <saved>\n$/,
      ),
      'web',
    ]);
    await files.rm('/root/web.save');
  });

  it('choose what exits, and say what is no control', async () => {
    const { xl } = await make();
    expect(await xl('exit-controls x rdtsc=1 hlt=0 exceptions=6,14 msr-read=0,0x277')).toBe('');
    expect((await xl('exit-controls x')).split('\n')).toEqual([
      'hlt=0',
      'invlpg=0',
      'rdtsc=1',
      'cr3-load=0',
      'cr3-store=0',
      'pause=1',
      'pause-loop=0',
      'exceptions=6,14',
      'msr-read=0x0,0x277',
      'msr-write=',
      'ple-gap=128',
      'ple-window=4096',
      '',
    ]);
    expect([await xl('exit-controls -d x'), (await xl('exit-controls x')).slice(0, 5)]).toEqual(['', 'hlt=1']);
    expect(await xl('exit-controls x cpuid=1')).toMatch(/^1: cpuid=1 is no control\. There are hlt, invlpg/);
    expect(await xl('exit-controls x hlt=yes')).toBe('1: hlt=yes: write hlt=1 for an exit, or hlt=0 for none.');
    expect(await xl('exit-controls x exceptions=2')).toMatch(/^1: 0x4: an exception has one of the vectors 0, 1, 3/);
    expect(await xl('exit-controls x exceptions=40')).toMatch(/^1: 40: an exception has one of the vectors/);
    expect(await xl('exit-controls x msr-write=0x40000000')).toMatch(/^1: 0x40000000: an MSR bitmap has bits for/);
    expect(await xl('exit-controls x ple-window=0')).toMatch(/^1: 0: gap and window are clocks of the TSC/);
    expect(await xl('exit-controls Domain-0 hlt=0')).toMatch(/^1: Domain 0 is not a guest/);
  });

  it('set how far the hypervisor lets a guest grow, not below what it has', async () => {
    const { host, xl } = await make();
    const most = (): number => xenViewOf(host.toolstack.view.at(host.domains.living(1).record.index))!.reservation.most;
    expect([await xl('mem-max x 12'), most()]).toEqual(['', 13 * 256]);
    // A new target is a limit, too (libxl_set_memory_target with enforce).
    expect([await xl('mem-set x 6'), most()]).toEqual(['', 7 * 256]);
    expect(await xl('mem-max x 4')).toBe(
      '1: libxl: error: libxl_domain_setmaxmem: memory_static_max must be greater than or or equal to memory_dynamic_max\ncannot set domid 1 static max memory to : 4',
    );
    expect(await xl('mem-max x lots')).toBe('1: invalid memory size: lots');
    // As in Xen, what is larger than the counter is as far as that goes.
    expect([await xl('mem-max x 99999999'), most()]).toEqual(['', 2 ** 31 - 1]);
  });

  it('keep a definition for the next start', async () => {
    const { host, files, xl } = await make('on_poweroff = "restart"\n');
    await files.writeFile(
      '/root/y.cfg',
      'name = "y"\ntype = "pvh"\nmemory = 12\nkernel = "/boot/k"\non_poweroff = "destroy"\n',
    );
    expect(await xl('config-update x /root/y.cfg memory="3x"')).toMatch(
      /^1: \/root\/y\.cfg:6:8: memory = '3x': xl takes MiB/,
    );
    expect(await xl('config-update x /root/y.cfg memory=10')).toBe(
      'Parsing config from /root/y.cfg\nsetting dom1 configuration\n',
    );
    expect(host.domains.all()).toMatchObject([{ id: 1, memoryMiB: 8 }]);
    expect(await xl('reboot x')).toBe('');
    await host.trigger(1, 'reset');
    expect(host.domains.all()).toMatchObject([{ id: 2, name: 'x', memoryMiB: 10 }]);
    expect(JSON.parse(await xl('list -l x'))[0].config.on_poweroff).toBe('destroy');
  });

  it('copy the state of a domain into a file', async () => {
    const { files, xl } = await make();
    expect([await xl('dump-core x /tmp/x'), (await files.readFile('/tmp/x', 'binary')).slice(1, 4)]).toEqual([
      '',
      'ELF',
    ]);
    expect(await xl('dump-core x')).toBe("2: 'xl dump-core' requires at least 2 arguments.");
    expect(await xl('dump-core 0 /tmp/y')).toBe('1: Domain 0 cannot be dumped.');
  });
});

describe('options of xl(1)', () => {
  it('shutdown -w comes back when the domain has ended, and says so as xl does', async () => {
    const { host, xl } = await make();
    const waited = xl('shutdown -Fw x');
    host.toolstack.inputs.type(host.domains.living(1), Uint8Array.of(32));
    expect(await waited).toBe('Waiting for 1 domains\nDomain 1 has been shut down, reason code 0\n');
    await xl('create /root/x.cfg');
    const destroyed = xl('shutdown --wait x');
    await host.destroy(2);
    expect(await destroyed).toBe('Waiting for 1 domains\nDomain 2 has been destroyed\n');
  });

  it('save -p leaves the domain, paused; destroy -f is destroy, but for domain 0', async () => {
    const { host, xl } = await make();
    expect(await xl('save -p x /root/x.save')).toMatch(/^Saving to/);
    expect(host.domains.all()).toMatchObject([{ name: 'x', state: 'p' }]);
    expect(await xl('destroy -f 0')).toMatch(/^1: destroy failed/);
    expect([await xl('destroy -f x'), host.domains.all()]).toEqual(['', []]);
    expect(await xl('restore -e /root/x.save')).toMatch(/^Loading new save file/);
  });
});

describe('a saved state', () => {
  it('is written while the domain stands still, and its disks with it, which goes on where it cannot be written', async () => {
    const { host, call, xl } = await make();
    const { record } = host.domains.living(1);
    const retired = (): number => host.toolstack.view.at(record.index)!.counters().retired;
    const passes = async (): Promise<boolean> => {
      const before = retired();
      await new Promise(resolve => setTimeout(resolve, 50));
      return retired() > before;
    };
    await until(passes);
    const seen: boolean[] = [];
    const write = async (): Promise<void> => {
      seen.push(await passes());
      throw new Error('the disk is full');
    };
    await expect(runXl(COMMANDS, { ...call(['save', 'x', '/root/x.save']), write })).rejects.toThrow(
      'the disk is full',
    );
    expect([seen, await passes(), host.domains.all().map(({ name }) => name)]).toEqual([[false], true, ['x']]);
    await xl('pause x');
    await expect(runXl(COMMANDS, { ...call(['save', 'x', '/root/x.save']), write })).rejects.toThrow(
      'the disk is full',
    );
    expect([await passes(), host.domains.living(1).paused]).toEqual([false, true]);
    await xl('unpause x');
    expect(
      await runXl(COMMANDS, {
        ...call(['save', '-c', 'x', '/root/x.save']),
        write: async () => void seen.push(await passes()),
      }),
    ).toMatch(/^Saving to/);
    expect([seen.at(-1), await passes()]).toEqual([true, true]);
    expect([await xl('save x /root/x.save'), host.domains.all(), host.tasks.list().at(-1)]).toMatchObject([
      expect.stringMatching(/^Saving to/),
      [],
      { command: 'xl save x /root/x.save', state: 'done', message: expect.stringMatching(/the domain is gone\.$/) },
    ]);
  });
});

describe('a console log', () => {
  it('has what a guest showed, after its end, too, and of a long one what came last', async () => {
    const { host, files, xl } = await make();
    const log = '/var/log/xen/console/guest-x.log';
    const { console } = host.domains.member(1);
    await until(() => console.shown.length > 0);
    await xl('destroy x');
    expect(await until(() => files.readFile(log).catch(() => undefined))).toBe('up..');
    await xl('create /root/x.cfg');
    const [{ id }] = host.domains.all();
    // One piece of a hundred thousand bytes, then lines that are more than the file takes.
    host.domains.member(id).console.print(new Uint8Array(100_000).fill(46));
    for (let i = 0; i < 7000; i++) host.domains.member(id).console.print(new TextEncoder().encode(`line ${i}\n`));
    await xl('destroy x');
    const shown = await until(async () => (await files.readFile(log)).endsWith('line 6999\n') && files.readFile(log));
    expect(shown.length).toBeLessThan(2 * 64 * 1024);
    expect(shown).toMatch(/^up\.\.\d*\nline|^up\.\.line/);
  });
});

describe('the screen', () => {
  it('is shown where there are windows, told of where there are none, and refused where the guest has none', async () => {
    const { host, xl } = await make();
    expect(await xl('vncviewer x')).toBe("1: x has no screen: give it one with vfb = ['vnc=1'], and create it again.");
    const [{ id }] = host.domains.all().filter(({ name }) => name === 'x');
    expect(host.domains.all().find(each => each.id === id)!.hasScreen).toBeUndefined();
    host.domains.living(id).blueprint.definition.vfb = true;
    expect(host.domains.all().find(each => each.id === id)!.hasScreen).toBe(true);
    expect(await xl('vncviewer x')).toMatch(
      /^The screen of x shows nothing yet\. It can be seen where the host runs in a page;/,
    );
    const shown: unknown[] = [];
    await host.domains.subscribe((_domains, _tasks, show) => shown.push(show));
    expect(await xl('vncviewer x')).toBe('The screen of x is in its window.\n');
    expect(shown.filter(show => show !== undefined)).toEqual([id]);
  });

  it('is at a port where the host is a process, which is closed with its domain', async () => {
    const served: string[] = [];
    const { host, xl } = await make('', {
      serveScreen: async (_toolstack, { name }) => {
        served.push(name);
        return { port: 5901, close: () => served.push('closed') };
      },
    });
    const [{ id }] = host.domains.all().filter(({ name }) => name === 'x');
    host.domains.living(id).blueprint.definition.vfb = true;
    const told = 'The screen of x is at vnc://127.0.0.1:5901, without a password: vncviewer 127.0.0.1::5901\n';
    expect([await xl('vncviewer x'), await xl('vncviewer x'), served]).toEqual([told, told, ['x']]);
    await xl('destroy x');
    expect(served).toEqual(['x', 'closed']);
  });
});

it.each([
  ['vncdisplay = 4', { port: 5904, isFixed: false }],
  ['vncdisplay = 4\nvncunused = 1', { port: 5904, isFixed: false }],
  ['vncdisplay = 4\nvncunused = 0', { port: 5904, isFixed: true }],
  ["vnclisten = '0.0.0.0:3'", { port: 5903, isFixed: false }],
  ["vnclisten = '0.0.0.0'", undefined],
  ['vncdisplay = -9999', undefined],
  ['', undefined],
])('the display that xl.cfg asks for: %s', async (lines, asked) => {
  expect(await askedPort({ text: `name = 'a'\ntype = 'hvm'\nmemory = 8\n${lines}\n` })).toEqual(asked);
});

describe('input', () => {
  it('reaches the guest by its store and its keyboard', async () => {
    const { host, xl, store } = await make();
    expect([await xl('sysrq x h'), store('control/sysrq'), await xl('sysrq x help')]).toEqual([
      '',
      'h',
      '1: Invalid sysrq.',
    ]);
    const keys: string[] = [];
    host.toolstack.inputs.key = (_member, code, down) => void keys.push(`${down ? '+' : '-'}${code}`);
    expect(await xl('send-key --holdtime=1 x KEY_LEFTCTRL KEY_LEFTALT KEY_DELETE')).toBe('');
    expect(await xl('send-key --holdtime=1 x KEY_A Digit7')).toBe('');
    expect(keys.join(' ')).toBe(
      '+ControlLeft +AltLeft +Delete -Delete -AltLeft -ControlLeft +KeyA +Digit7 -Digit7 -KeyA',
    );
    expect(await xl('send-key x KEY_ENTR')).toBe("1: invalid keycode: 'KEY_ENTR'. Did you mean KEY_ENTER?");
    expect([await xl('trigger x sleep'), await xl('trigger x frob')]).toEqual([
      "1: libxl_send_trigger: Domain 1:Send trigger 'sleep' failed: the PC's power management, a PIIX4, has no sleep button",
      '1: Invalid trigger "frob"',
    ]);
  });

  it('and output are at the terminal until Ctrl-] or the end of the domain', async () => {
    const { host, call } = await make();
    const { owned, text, type } = typedTerminal(200, 24);
    const left = attachXl(COMMANDS, ['console', 'x'])!(call(['x']), owned);
    await until(() => text().includes('up'));
    type('\x1d');
    expect(await left).toBe(0);
    const ended = attachXl(COMMANDS, ['console', 'x'])!(call(['x']), owned);
    await until(() => text().split('up').length === 3);
    type('x');
    expect(await ended).toBe(0);
    await until(() => host.domains.all().length === 0);
    await expect(attachXl(COMMANDS, ['console', 'x'])!(call(['x']), owned)).rejects.toThrow(
      'x is an invalid domain identifier',
    );
  });
});

describe('what the hypervisor tells', () => {
  it('comes into its log at debug keys', async () => {
    const { xl } = await make();
    await xl('dmesg -c');
    expect(await xl('debug-keys qreg')).toBe('');
    const said = await xl('dmesg');
    expect(said).toMatch(
      /^\(XEN\) 'q' pressed -> dumping domain info \(now = \d+\)\n\(XEN\) General information for domain 1:\n/,
    );
    expect(said).toContain('(XEN)     nr_pages=2058 xenheap_pages=0');
    expect(said).toMatch(/\(XEN\) \t +2: \[1\.0\] pri=-?\d+ flags=0 cpu=0 credit=-?\d+ \[w=256,cap=0\]\n/);
    // The store's and the console's port, each with its other end in Domain 0.
    expect(said).toMatch(
      /\(XEN\) Event channel information for domain 1:\n.*\n.*\[p\/m\/s\]\n\(XEN\) +1 \[[01]\/[01]\/0\]: s=2 n=0 x=0 d=0 p=\d+\n\(XEN\) +2 \[/,
    );
    expect(said).toMatch(/\(XEN\) grant-table for remote d1 \(v1\)\n[\s\S]*\(XEN\) gnttab_usage_print_all \] done\n$/);
    expect(await xl('debug-keys qz')).toBe(
      "1: cannot send debug keys: qz: Xen has no handler for 'z' here; it has e g h q r.",
    );
  });
});

describe('xentop', () => {
  it('prints so many looks for a script', async () => {
    const { xl } = await make();
    let lines = (await xl('top -b -i 2 -d 0.05')).trimEnd().split('\n');
    expect(lines).toHaveLength(12);
    expect(lines[0]).toMatch(/^xentop - 00:00:00 {3}Xen 4\.17/);
    expect(lines[1]).toMatch(/^2 domains: [12] running, [01] blocked, 0 paused, 0 crashed, 0 dying, 0 shutdown$/);
    expect(lines[2]).toMatch(/^Mem: 65536k total, \d+k used, \d+k free {4}CPUs: 1 @ \d+MHz$/);
    expect(lines[3]).toBe(
      '      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID',
    );
    expect(lines[4]).toMatch(/^ {2}Domain-0 -----r +\d+ +0\.0 +\d+ +\d+\.\d {3}no limit {7}n\/a {5}1 {4}0 /);
    expect(lines[5]).toMatch(/^ {9}x -[-b]---[-r] +\d+ +0\.0 {7}8192 {3}12\.5 {6}16384 {6}25\.0 {5}2 {4}0 /);
    // The second look knows what was used since the first; on a busy machine a guest may not have run at all between two.
    const used = (look: readonly string[]): number => Number(look[11]!.trim().split(/\s+/)[3]);
    for (let looks = 0; used(lines) === 0 && looks < 50; looks++)
      lines = (await xl('top -b -i 2 -d 0.05')).trimEnd().split('\n');
    expect(used(lines)).toBeGreaterThan(0);
    expect(await xl('top')).toBe('1: xentop needs the terminal: write -b for a script.');
  });

  it('stays at the terminal until Q', async () => {
    const { call } = await make();
    const { owned, text, type } = typedTerminal(200, 24);
    const over = attachXl(COMMANDS, ['top'])!(call([]), owned);
    await until(() => text().includes('xentop - '));
    type('q');
    expect(await over).toBe(0);
    expect(text().endsWith('\x1b[?1049l')).toBe(true);
  });
});

describe('where a domain is to stop', () => {
  it('is said by addresses of 32 and of 64 bits', async () => {
    const { xl } = await make();
    await xl('break x c0001000');
    await xl('break -w x 0xffffffff81000000 8');
    expect(await xl('break x')).toBe(
      'the instruction at 0xc0001000\nanything that writes 8 bytes at 0xffffffff81000000\n',
    );
    await xl('break -d -w x 0xffffffff81000000 8');
    expect(await xl('break x')).toBe('the instruction at 0xc0001000\n');
  });

  it('is said by a name from its kernel’s file, of 64 bits, too', async () => {
    const { xl, files } = await make();
    await files.writeFile('/boot/m', new Uint8Array(readFileSync('guests/minipv/minipv64.elf')));
    await files.writeFile('/root/m.cfg', 'name = "m"\ntype = "pvh"\nmemory = 32\nkernel = "/boot/m"\n');
    await xl('create -p /root/m.cfg');
    await xl('break m hypercall_page');
    expect(await xl('break m')).toMatch(/^the instruction at 0x001[01][0-9a-f]000\n$/);
  });

  it.each(['0x800000000000', 'ffff7fffffffffff', '0x10000000000000000', '12g'])('is not %s', async address => {
    const { xl } = await make();
    expect(await xl(`break x ${address}`)).toBe(
      `1: ${address} is no linear address: write up to 16 hexadecimal digits, which name a canonical one, up to 00007fffffffffff or from ffff800000000000 on; and its kernel’s file has no such name.`,
    );
  });
});

describe('a write to xenstored for the page', () => {
  it('is a task with the command that it is, says what stood there, and wakes who watches', async () => {
    const { host } = await make(),
      { client } = host.toolstack.services,
      heard: string[] = [];
    client.watch('/local/domain/1/note', path => heard.push(path));
    heard.length = 0;
    await COMMANDS['store-write'].run(host, '/local/domain/1/note', 'it’s here');
    await COMMANDS['store-write'].run(host, '/local/domain/1/note', '');
    expect(client.read('/local/domain/1/note')).toBe('');
    expect(heard).toEqual(['/local/domain/1/note', '/local/domain/1/note']);
    expect(
      host.tasks
        .list()
        .slice(-2)
        .map(({ command, message }) => [command, message]),
    ).toEqual([
      ["xenstore-write /local/domain/1/note 'it’s here'", '/local/domain/1/note is new.'],
      ["xenstore-write /local/domain/1/note ''", 'Before: it’s here.'],
    ]);
  });

  it('is refused where the path is none or the value too long, and changes nothing', async () => {
    const { host } = await make(),
      { client } = host.toolstack.services;
    await expect(COMMANDS['store-write'].run(host, '/a b', '1')).rejects.toThrow(
      /xenstored refuses \/a b: EINVAL\. A path begins with \//,
    );
    await expect(COMMANDS['store-write'].run(host, '/local/domain/1/name', 'é'.repeat(2050))).rejects.toThrow(
      /room for a path and 4075 bytes/,
    );
    expect(client.read('/local/domain/1/name')).toBe('x');
  });
});
