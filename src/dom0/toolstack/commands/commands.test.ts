/** One entry makes a command: for the page's proxy, for help, and for words. */
import { readFileSync } from 'node:fs';
import * as Comlink from 'comlink';
import { describe, expect, it } from 'vitest';
import { apiOf } from '../../service/api.ts';
import type { NamedFile } from '../../definitions/verdicts.ts';
import type { HostCore } from '../../service/host.ts';
import { hostWith } from '../../service/host-with.ts';
import { inTurns } from '../runners/in-turns.ts';
import { COMMANDS as STORAGE } from '../../host/storage/commands.ts';
import { COMMANDS, command, helpOf, namesOf, Refusal, runXl, type Table } from './index.ts';
import { findDomain, readWords } from './words.ts';

const demo = readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url));
const hello = command({
  summary: 'Greet a domain',
  usage: '<Domain>',
  run: async (host: HostCore, id: number) => `hello ${host.domains.living(id).name}`,
  xl: async ({ host, words }, run) => `${await run(findDomain(host, readWords(words).rest[0]))}\n`,
});
const TABLE = { ...COMMANDS, hello };

/** Domains are made and never run. */
const makeHost = () =>
  hostWith(
    {
      version: 'test',
      memory: new SharedArrayBuffer(64 * 2 ** 20),
      runners: inTurns({ soon: () => {}, later: () => () => {}, hostMs: () => performance.now() }),
      soon: () => {},
      later: () => () => {},
      hostMs: () => performance.now(),
      epochMs: () => 0,
    },
    TABLE,
  );
const files = new Map<string, string | Uint8Array>([
  ['a.cfg', 'name = "a"\ntype = "hvm"\nmemory = 8\nkernel = "demo.elf"\n'],
  ['demo.elf', demo],
]);
const named = (name: string): NamedFile => ({ name, data: new Blob([files.get(name) as BlobPart]) });
const xl = (host: HostCore, line: string, table: Table = TABLE): Promise<string> =>
  runXl(table, {
    host,
    words: line.split(' ').filter(Boolean),
    read: async path => named(path).data,
    write: async () => {},
  });

describe('a command that is added to the table', () => {
  it('is called through the proxy that the page has, and stands in help', async () => {
    const host = makeHost();
    const { id } = await host.create([named('a.cfg'), named('demo.elf')]);
    const { port1, port2 } = new MessageChannel();
    Comlink.expose(apiOf(host, TABLE), port1);
    const page = Comlink.wrap<ReturnType<typeof apiOf<typeof TABLE>>>(port2);
    expect(await page.hello(id)).toBe('hello a');
    expect((await page.list()).map(({ name }) => name)).toEqual(['a']);
    await expect(page.hello(9)).rejects.toThrow('There is no domain 9');
    port1.close();
    port2.close();
    expect(helpOf(TABLE)).toContain(' hello               Greet a domain\n');
    expect(await xl(host, 'hello --help')).toBe('Usage: xl [-vtT] hello <Domain>\n\nGreet a domain.\n\n');
    expect(await xl(host, `hello ${id}`)).toBe('hello a\n');
  });
});

describe('commands from words', () => {
  it("do what the page's calls do", async () => {
    const host = makeHost();
    expect(await xl(host, 'create -p a.cfg demo.elf')).toBe('Parsing config from a.cfg\n');
    expect((await host.list())[0]).toMatchObject({ name: 'a', state: 'p' });
    expect(await xl(host, 'list a')).toMatch(
      /^Name {40}ID {3}Mem VCPUs\tState\tTime\(s\)\na {39} {5}1 {5}8 {5}1 {5}--p--- {7}0\.0\n$/,
    );
    expect(await xl(host, 'domid a')).toBe('1\n');
    expect(await xl(host, 'domname 1')).toBe('a\n');
    await xl(host, 'unpause a');
    await xl(host, 'sched-credit -d a -w512 --cap=50');
    expect(await xl(host, 'sched-credit -d a')).toBe(
      `${'Name'.padEnd(33)}   ID Weight  Cap\n${'a'.padEnd(33)}    1    512   50\n`,
    );
    expect(await xl(host, 'sched-credit -s')).toBe(
      'Cpupool Pool-0: tslice=30ms ratelimit=1000us migration-delay=0us\n',
    );
    expect(await xl(host, 'info xen_version')).toBe('4.17.0-ringside\n');
    expect(await xl(host, 'network-list a')).toMatch(
      /^Idx BE Mac Addr\. {9}handle state evt-ch {3}tx-\/rx-ring-ref BE-path *\n$/,
    );
    await xl(host, 'destroy 1');
    expect(await host.list()).toEqual([]);
  });

  it.each([
    ['frob', 'command not implemented', 1],
    ['pause', "'xl pause' requires at least 1 argument.", 2],
    ['pause nobody', 'nobody is an invalid domain identifier (rc=-6)', 1],
    ['pause 77', '77 is an invalid domain identifier (rc=-21)', 1],
    ['create -x a.cfg', "option `x' not supported.", 2],
    ['create --wrong a.cfg', "option `--wrong' not supported.", 2],
    ['trigger a', "'xl trigger' requires at least 2 arguments.", 2],
    ['sched-credit -w 5', 'Must specify a domain.', 1],
    ['destroy 0', 'Cannot destroy privileged domain 0.', 1],
    ['domid nobody', "Can't get domid of domain name 'nobody', maybe this domain does not exist.", 1],
  ])("are refused in xl's words, with its status: %s", async (line, message, status) => {
    const refusal = await xl(makeHost(), line).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(Refusal);
    expect([(refusal as Refusal).message, (refusal as Refusal).status]).toEqual([message, status]);
  });

  it('say what each is for', async () => {
    const host = makeHost();
    expect((await xl(host, 'help')).split('\n').length).toBeGreaterThan(namesOf(COMMANDS).length);
    for (const name of namesOf(COMMANDS))
      expect(await xl(host, `help ${name}`)).toMatch(/^Usage: xl \[-v.*\] [a-z-]+ .*\n\n/);
  });
});

describe('the commands of a VM Server', () => {
  it('are in the table, all that a VM Server is asked for, and say how they are used', () => {
    const xl = (
      'create list info console vncviewer pause unpause shutdown reboot destroy save restore snapshot revert clone rename mem-set mem-max vcpu-set vcpu-list vcpu-pin sched-credit ' +
      'block-attach block-detach block-list network-attach network-detach network-list cd-insert cd-eject trigger sysrq send-key top uptime domid domname dmesg debug-keys dump-core config-update'
    ).split(' ');
    expect(xl.filter(name => !namesOf(COMMANDS).includes(name))).toEqual([]);
    expect([...xl, 'new', 'start', 'delete', 'log'].filter(name => !namesOf(COMMANDS, 'xm').includes(name))).toEqual(
      [],
    );
    expect(Object.keys(STORAGE)).toEqual(expect.arrayContaining(['lvcreate', 'lvs', 'lvremove', 'disk-path']));
    for (const [name, { summary, usage }] of Object.entries(COMMANDS))
      expect([summary.length > 0, typeof usage], name).toEqual([true, 'string']);
  });
});
