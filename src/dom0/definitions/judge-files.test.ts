import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { needsXen } from './needs-xen.ts';
import { formatFinding } from './config/judge-definition.ts';
import { type HostFacts, judgeFiles, readFiles } from './judge-files.ts';
import { OWN_PLACES, type Places } from './places-of-cards.ts';

const facts = (freeMiB: number): HostFacts => ({
  isTaken: () => false,
  ownerOf: () => undefined,
  stationProblem: () => undefined,
  places: OWN_PLACES,
  pcpus: 1,
  freeMiB,
  hasVt: true,
  hypervisor: { addsKvm: true },
});
const text = new Blob(['name = "web"\ntype = "pvh"\nmemory = 16\nkernel = "minipv"\n']);
const kernel = new Blob([readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url))]);
const told = async (freeMiB: number): Promise<string[]> => {
  const given = await readFiles(
    [
      { name: 'web.cfg', data: text },
      { name: 'minipv', data: kernel },
    ],
    () => true,
  );
  return judgeFiles({ given, firmware: undefined }, facts(freeMiB))
    .plan.errors.filter(({ key }) => key === 'memory')
    .map(error => error.text);
};

it('offers as much memory as is free, and none where there is none', async () => {
  expect(await told(16)).toEqual([]);
  expect(await told(5)).toEqual([
    'The guest wants 16 MiB and the host can give it 5. Destroy another domain or write memory = 5.',
  ]);
  expect(await told(0)).toEqual(['The guest wants 16 MiB and the host can give it 0. Destroy another domain.']);
});

it('says that a computer without VT runs no whole PC, also where the definition has other errors', async () => {
  const hvm = new Blob(['name = "web"\ntype = "hvm"\nmemory = 16\ndisk = [ "missing.img,raw,hda,w" ]\n']),
    given = await readFiles([{ name: 'web.cfg', data: hvm }], () => true);
  const { plan } = judgeFiles({ given, firmware: undefined }, { ...facts(64), hasVt: false });
  expect(plan.errors.map(({ key, short }) => `${key}: ${short}`)).toContain('type: needs VT-x');
});

describe('a card that is to be where the host has nothing', () => {
  const judge = async (vif: string, places: Places = OWN_PLACES) => {
    const files = [
      { name: 'web.cfg', data: new Blob([`${await text.text()}vif = [ "${vif}" ]\n`]) },
      { name: 'minipv', data: kernel },
    ];
    return judgeFiles({ given: await readFiles(files, () => true), firmware: undefined }, { ...facts(64), places });
  };

  it('keeps its domain from starting, with the place, the words of Xen and what to write', async () => {
    const { plan, domain } = await judge('mac=00:16:3e:00:00:01,bridge=br77');
    expect(domain).toBeUndefined();
    expect(plan.errors.map(formatFinding)).toEqual([
      'web.cfg:5:32: Could not find bridge device br77. This host has xenbr0: write bridge=xenbr0, or make the bridge first (virsh net-create).',
    ]);
    expect(plan.errors[0]).toMatchObject({
      key: 'vif.bridge',
      remedy: { write: 'xenbr0', of: 'br77' },
      libxl: {
        said: [
          'libxl: error: device_hotplug_child_death_cb: script: Could not find bridge device br77',
          'libxl: error: domcreate_attach_devices: unable to add vif devices',
        ],
        status: 3,
      },
    });
  });

  it('is told of each card', async () => {
    expect((await judge('bridge=br77", "bridge=br78')).plan.errors.map(({ column, key }) => [column, key])).toEqual([
      [10, 'vif.bridge'],
      [25, 'vif.bridge'],
    ]);
    const [error] = (await judge('network=nope')).plan.errors;
    expect(error.text).toBe(
      "Network not found: no network with matching name 'nope'. This host has xenbr0: write network=default.",
    );
  });

  it.each(['', 'bridge=xenbr0', 'bridge=virbr0', 'network=default', 'bridge=', 'network=default,bridge=virbr9'])(
    'does start where it has: %s',
    async vif => {
      expect((await judge(vif)).domain).toBeDefined();
    },
  );

  it('starts with a bridge and a network that were made, and is told to be there', async () => {
    const { plan, domain } = await judge('bridge=virbr7", "network=n', {
      bridges: ['xenbr0', 'virbr7'],
      networks: ['n'],
    });
    expect(domain).toBeDefined();
    expect(plan.findings.filter(({ place }) => place).map(({ verdict, text: said }) => [verdict, said])).toEqual([
      ['used', 'The card is on the bridge virbr7.'],
      ['used', 'The card is on the network n.'],
    ]);
  });
});

it('says of a guest of KVM on a host with Xen that a real one would refuse it', async () => {
  const xml =
      "<domain type='kvm'><name>web</name><memory unit='MiB'>16</memory><os><type arch='x86_64' machine='pc'>hvm</type><kernel>/minipv</kernel></os></domain>",
    cfg = 'name = "web"\ntype = "hvm"\nkvm = 1\nmemory = 16\nkernel = "minipv"\n';
  for (const [name, its] of [
    ['web.xml', xml],
    ['web.cfg', cfg],
  ] as const) {
    const files = [
      { name, data: new Blob([its]) },
      { name: 'minipv', data: kernel },
    ];
    const given = await readFiles(files, () => true);
    const saidOn = (hypervisor: HostFacts['hypervisor']) =>
      judgeFiles({ given, firmware: undefined }, { ...facts(64), hypervisor }).plan.findings.flatMap(
        ({ key, verdict, text: why }) => (key === 'kvm' ? [`${verdict}: ${why}`] : []),
      );
    expect(saidOn({ addsKvm: true })).toEqual([
      expect.stringMatching(/^approximated: .*A real host with Xen has none/),
    ]);
    expect(saidOn({ refusal: needsXen })).toEqual([expect.stringMatching(/^used: /)]);
  }
});
