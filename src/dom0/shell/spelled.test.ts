/** Commands as they are spelled: Debian's virsh knows every option, and Domain 0's own shell reads each line back as the value that was spelled. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openHostState, startKvm } from '../service/index.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { MemoryStore } from '../host/storage/index.ts';
import { commandOf, type CommandValue } from '../toolstack/hypervisors/command/index.ts';
import { libvirtOfXen, spell, spellingsOf } from '../toolstack/hypervisors/index.ts';
import { shellParts } from './login.ts';

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it.each([
  [commandOf('create', undefined, { file: 'web.cfg' }), 'xl create web.cfg', 'virsh create web.cfg'],
  [
    commandOf('create', undefined, { file: 'web.cfg', paused: true }),
    'xl create -p web.cfg',
    'virsh create web.cfg --paused',
  ],
  [commandOf('create', undefined, { file: 'a', settings: ['name = "b"'] }), `xl create a 'name = "b"'`, undefined],
  [commandOf('shutdown', 'web', { fallback: true }), 'xl shutdown -F web', 'virsh shutdown web'],
  [commandOf('trigger', 'web', { what: 'power' }), 'xl trigger web power', 'virsh shutdown web --mode acpi'],
  [commandOf('cd-insert', 'web'), 'xl cd-insert web … …', 'virsh change-media web …'],
  [
    commandOf('snapshot', 'web', { name: '2', description: "it's so" }),
    `xl snapshot web 2 'it'\\''s so'`,
    `virsh snapshot-create-as web 2 'it'\\''s so'`,
  ],
  [commandOf('start', 'web'), 'xm start web', 'virsh start web'],
  [
    commandOf('delete', 'web', { snapshots: true }),
    'xm delete --snapshots web',
    'virsh undefine web --snapshots-metadata',
  ],
  [
    commandOf('migrate', 'web', { to: 'two', copyStorage: 'all', postcopy: true }),
    'xl migrate --copy-storage-all --postcopy web two',
    'virsh migrate --live --copy-storage-all --postcopy --postcopy-after-precopy web qemu+pool://two/system',
  ],
  [commandOf('migrate', 'web', { to: 'localhost' }), 'xl migrate web localhost', undefined],
  [
    commandOf('clone', 'web', { to: 'twin' }),
    'xl clone web twin',
    'virt-clone --original web --name twin --auto-clone',
  ],
  [
    commandOf('sched-credit', 'web', { cap: 0 }),
    'xl sched-credit -d web -c 0',
    'virsh schedinfo web --set vcpu_quota=-1',
  ],
  [commandOf('save', 'web', { file: 'f', leaves: 'running' }), 'xl save -c web f', undefined],
  [commandOf('step', 'web', { exits: true }), 'xl step -e web', undefined],
] satisfies [CommandValue, string, string | undefined][])('%j is typed as %s and %s', (value, xl, virsh) => {
  expect([spell(spellingsOf('xen'), value), spell(spellingsOf('kvm'), value)]).toEqual([xl, virsh]);
});

it('goes to hosts of a pool by the driver of the host', () => {
  expect(spell(libvirtOfXen, commandOf('migrate', 'web', { to: 'two' }))).toBe(
    'virsh migrate --live web xen+pool://two/system',
  );
});

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/),
  number = (min: number, max: number) => fc.integer({ min, max });
const of = <T extends CommandValue>(made: fc.Arbitrary<T>): fc.Arbitrary<CommandValue> => made;
/** Values that both tools have a command for, about a domain that runs. */
const VALUES: readonly fc.Arbitrary<CommandValue>[] = [
  of(fc.constantFrom(commandOf('pause', 'web'), commandOf('unpause', 'web'))),
  of(number(1, 16).map(memoryMiB => commandOf('mem-set', 'web', { memoryMiB }))),
  of(fc.constant(commandOf('dump-core', 'web', { file: '/root/web.core' }))),
  of(fc.constant(1).map(vcpus => commandOf('vcpu-set', 'web', { vcpus }))),
  of(number(2, 65_535).map(weight => commandOf('sched-credit', 'web', { weight }))),
  of(
    fc.tuple(number(2, 9999), number(1, 100)).map(([weight, cap]) => commandOf('sched-credit', 'web', { weight, cap })),
  ),
  of(
    fc
      .tuple(name, fc.constantFrom('', "it's", 'a b "c" $d'))
      .map(([snapshot, description]) =>
        commandOf('snapshot', 'web', { name: snapshot, ...(description ? { description } : {}) }),
      ),
  ),
];

async function make(kind: 'xen' | 'kvm') {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url)));
  await files.writeFile(
    '/root/web.xml',
    `<domain type='${kind}'><name>web</name><memory unit='MiB'>16</memory><vcpu>2</vcpu><os><type machine='pc'>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`,
  );
  const state = await openHostState(new MemoryStore(), {
    diskBytes: 2 ** 30,
    guests: [],
    epochMs: () => 0,
    random: () => 0,
    later: () => () => {},
  });
  const machine = { pcpus: 2, memoryMiB: 64, vt: true, diskBytes: 0 };
  const host = testHost({
    files,
    storage: async () => state.storage,
    epochMs: () => 0,
    ...(kind === 'kvm' ? { hypervisor: startKvm(machine, 'root=/dev/sda2') } : {}),
  });
  const nothing = async (): Promise<void> => {};
  const { programs } = await shellParts(host, state, nothing, nothing, []);
  const around = {
    stdin: '',
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(path.startsWith('/') ? path : `/root/${path}`),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: new AbortController().signal,
  };
  const run = async (line: string) => {
    const words = [...line.matchAll(/(?:'[^']*'|\\'|[^\s'\\])+/g)].map(([word]) =>
      word.replace(/\\'|'/g, each => (each === "'" ? '' : "'")),
    );
    return programs.find(each => each.name === words[0])!.run(words.slice(1), around);
  };
  expect(await run('virsh create web.xml')).toMatchObject({ status: 0 });
  return { host, run };
}

describe('what the speller writes', () => {
  const synopses = new Map(
    text('../toolstack/hypervisors/fixtures/virsh-synopses.txt')
      .trim()
      .split('\n')
      .map(line => [line.split(' ')[0]!, line]),
  );

  it('has no option that Debian’s virsh lacks (virsh help)', () => {
    fc.assert(
      fc.property(fc.oneof(...VALUES), value => {
        const [, verb, ...words] = spell(spellingsOf('kvm'), value)!.split(' ');
        for (const word of words) if (word.startsWith('--')) expect(synopses.get(verb!), word).toContain(`${word}`);
        expect(synopses.has(verb!)).toBe(true);
      }),
    );
  });

  it.each(['xen', 'kvm'] as const)('is read back as the same value by the shell of a host with %s', async kind => {
    const { host, run } = await make(kind),
      web = host.domains.all().find(each => each.name === 'web')!.id;
    await fc.assert(
      fc.asyncProperty(fc.oneof(...VALUES), async value => {
        const line = spell(spellingsOf(kind), value)!;
        const before = host.tasks.list().at(-1)?.id ?? 0;
        const said = await run(line);
        // What cgroups are told is no task: the shares are as they were spelled.
        if (kind === 'kvm' && value.verb === 'sched-credit') {
          const { weight, cap = 0 } = value.options;
          const shares = host.queue.shares(host.domains.unit(web).record.index);
          expect([said.status, shares?.weight, cap === 0 ? undefined : shares?.quotaUs], line).toEqual([
            0,
            weight,
            cap === 0 ? undefined : cap * 1000,
          ]);
          return;
        }
        const asked = host.tasks.list().find(({ id }) => id > before)?.asked;
        expect(JSON.parse(JSON.stringify(asked ?? said)), line).toEqual(value);
      }),
      { numRuns: 40 },
    );
  });
});
