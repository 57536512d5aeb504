import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stillHost } from '../../service/host.test-support.ts';
import { COMMANDS, Refusal, runXl } from '../commands/index.ts';
import { startXen } from './start-xen.ts';

const HOST = { pcpus: 2, memoryMiB: 128, vt: true, diskBytes: 500e9 };
const minipv = readFileSync(new URL('../../../../guests/minipv/minipv.elf', import.meta.url));
const guest = (type: string) => ({
  'a.cfg': `name = "a"\ntype = "${type}"\nmemory = 16\nkernel = "minipv.elf"\n`,
  'minipv.elf': minipv,
});
const start = (commandLine: string, change: Partial<typeof HOST> = {}) =>
  startXen({ ...HOST, ...change }, commandLine, '1');

function booted(commandLine: string, change: Partial<typeof HOST> = {}) {
  const xen = start(commandLine, change);
  const host = stillHost({
    version: '1',
    memory: new SharedArrayBuffer(xen.host.memoryMiB * 2 ** 20),
    hypervisor: xen,
    hostMs: () => 0,
  });
  const xl = (line: string, files: Record<string, string | Uint8Array> = {}): Promise<string> =>
    runXl(COMMANDS, {
      host,
      words: line.split(' '),
      read: async path => new Blob([files[path] as BlobPart]),
      write: async () => {},
    });
  return { host, xl };
}

describe("Xen's start", () => {
  it('says in its log what it found, and what the command line changed', () => {
    const { log } = start('dom0_mem=32M sched=rr hvm_fep frob=1 loglvl=all dom0_max_vcpus=4');
    const lines = log.text.split('\n');
    expect(lines).toContain('(XEN) Command line: dom0_mem=32M sched=rr hvm_fep frob=1 loglvl=all dom0_max_vcpus=4');
    expect(lines).toContain('(XEN) parameter "frob" unknown!');
    expect(lines).toContain('(XEN) System RAM: 128MB (131072kB)');
    expect(lines).toContain('(XEN) HVM: VMX enabled');
    expect(lines).toContain('(XEN) Using scheduler: Round Robin Scheduler (rr)');
    expect(lines).toContain('(XEN) *** WARNING: HVM FORCED EMULATION PREFIX IS AVAILABLE ***');
    expect(lines).toContain('(XEN) Dom0 has 8192 pages of its own (32 MiB)');
    expect(lines).toContain('(XEN) dom0_max_vcpus=4: Domain 0 is one worker, and has one vCPU');
  });

  it('goes on with the default where a value is none, and says so', () => {
    const { log, options } = start('sched=credit2');
    expect(options.scheduler).toEqual({});
    expect(log.text).toContain(
      '(XEN) Could not find scheduler: credit2\n(XEN) There is no scheduler credit2: write sched= and one of credit, rr.\n',
    );
    expect(log.text).toContain('(XEN) Using scheduler: SMP Credit Scheduler (credit)\n');
  });

  it('prints as much as loglvl says', () => {
    expect(start('').log.text).not.toContain('VMX enabled');
    expect(start('loglvl=info').log.text).toContain('VMX enabled');
    expect(start('loglvl=none').log.text).toBe('');
  });

  it('gives Domain 0 no more than there is', () => {
    const { dom0MemoryMiB, log } = start('dom0_mem=4G');
    expect(dom0MemoryMiB).toBe(96);
    expect(log.text).toContain('more than the host can give: Domain 0 has 96 MiB');
  });
});

describe('a host that has started so', () => {
  it('shows it in xl info, list and dmesg', async () => {
    const { xl } = booted('dom0_mem=32M sched=rr');
    const without = booted('');
    expect(await xl('info xen_commandline')).toBe('dom0_mem=32M sched=rr\n');
    expect(await xl('info xen_scheduler')).toBe('rr\n');
    expect(await xl('info nr_cpus')).toBe('2\n');
    const free = async (of: typeof xl): Promise<number> => Number(await of('info free_memory'));
    // Its drivers take their share from what it has.
    expect((await free(without.xl)) - (await free(xl))).toBeGreaterThanOrEqual(30);
    expect(await xl('list')).toMatch(/^Domain-0 +0 +32 +1 /m);
    expect(await xl('dmesg -c')).toContain('(XEN) Command line: dom0_mem=32M sched=rr\n');
    expect(await xl('dmesg')).toBe('');
  });

  it('lets drivers go on beyond what dom0_mem gives', () => {
    const { frames } = booted('').host.toolstack.services.hardware;
    expect(booted('dom0_mem=1M').host.toolstack.services.hardware.frames).toBeGreaterThanOrEqual(frames);
  });

  it.each([
    ['has no VT', '', { vt: false }],
    ['has its VT hidden', 'cpuid=no-vmx', {}],
  ])('and %s refuses full virtualization as Xen does, and starts PV guests', async (_what, commandLine, change) => {
    const { xl, host } = booted(`${commandLine} loglvl=all`, change);
    expect(await xl('info virt_caps')).toBe('pv gnttab-v1 gnttab-v2\n');
    expect(await xl('info xen_caps')).toBe('xen-3.0-x86_32p \n');
    expect((parseInt((await xl('info hw_caps')).split(':')[1]!, 16) >>> 5) & 1).toBe(0);
    for (const type of ['hvm', 'pvh']) {
      const refused = await xl('create a.cfg minipv.elf', guest(type)).catch((error: Refusal) => error);
      expect(refused).toBeInstanceOf(Refusal);
      expect(refused).toMatchObject({
        status: 3,
        message: expect.stringMatching(
          /libxl__domain_make: domain creation fail: Invalid argument\n.*cannot make domain: -3\n.*is VT\/AMD-V supported/,
        ),
      });
    }
    expect(await xl('create -p a.cfg minipv.elf', guest('pv'))).toBe('Parsing config from a.cfg\n');
    expect(await xl('list')).toMatch(/^a +1 +16 +1 +--p/m);
    const boot = { kind: 'firmware', firmware: new Uint8Array(65536) } as never;
    await expect(
      host.toolstack.build({ definition: { name: 'b', kind: 'hvm' } as never, boot, text: '', startEpochMs: 0 }),
    ).rejects.toThrow('is VT/AMD-V supported by your CPU');
    expect(await xl('dmesg')).toContain('(XEN) HVM support not available\n');
  });

  it('with VT shows what it can', async () => {
    const { xl } = booted('');
    expect(await xl('info virt_caps')).toBe('pv hvm hap shadow gnttab-v1 gnttab-v2\n');
    expect((await xl('info xen_caps')).split(' ')).toContain('hvm-3.0-x86_64');
    const words = (await xl('info hw_caps')).split(':').map(word => parseInt(word, 16));
    const [vmx, longMode] = [5, 29];
    expect([(words[1] >>> vmx) & 1, (words[2] >>> longMode) & 1]).toEqual([1, 1]);
  });
});
