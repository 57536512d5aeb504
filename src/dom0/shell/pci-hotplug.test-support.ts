/** A host whose guest of KVM gets and loses disks and a card; the guest's part is played on its ports. */
import { readFileSync } from 'node:fs';
import type { Domain } from '../../hypervisor/index.ts';
import type { HostParts } from '../service/host.ts';
import { testHost } from '../service/host.test-support.ts';
import { openHostState } from '../host/state/state.ts';
import { MemoryStore } from '../host/storage/index.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';
import type { Turns } from '../toolstack/runners/in-turns.ts';
import { virshProgram } from '../libvirt/virsh/index.ts';
import { xlProgram } from './xl.ts';

const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
const MIB = 2 ** 20;
export const MAC = '52:54:00:12:34:56';
export const CARD_SLOT = 3,
  VDA_SLOT = 5,
  VDB_SLOT = 6,
  VDC_SLOT = 7;
const DOWN = 0xae04,
  EJECT = 0xae08;
/** What configuration space says of a slot: nothing, a disk, a card of virtio. */
export const NOBODY = 0xffffffff,
  DISK = 0x10011af4,
  CARD = 0x10001af4;

export const diskXml = (target: string, path: string, more = ''): string =>
  `<disk type='${path.startsWith('/dev/') ? 'block' : 'file'}' device='disk'>${more.includes('qcow2') ? "<driver name='qemu' type='qcow2'/>" : ''}<source ${path.startsWith('/dev/') ? 'dev' : 'file'}='${path}'/><target dev='${target}' bus='${target.startsWith('h') ? 'ide' : 'virtio'}'/>${more.includes('readonly') ? '<readonly/>' : ''}</disk>`;
export const cardXml = (source = "type='bridge'><source bridge='xenbr0'/", mac = MAC): string =>
  `<interface ${source}><mac address='${mac}'/><model type='virtio'/></interface>`;
/** A guest called k with these devices. */
export const guestXml = (devices: string): string =>
  `<domain type='kvm'><name>k</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices>${devices}</devices></domain>`;

export async function kvmHost(parts: Partial<HostParts> = {}) {
  const { storage, files: opening } = await openHostState(new MemoryStore(), {
    epochMs: () => 0,
    random: below => below >>> 1,
    later: () => () => {},
    diskBytes: 64 * MIB,
  });
  const files = await opening();
  await files.writeFile('/boot/demo.elf', demo);
  const host = testHost({
    memory: new SharedArrayBuffer(40 * MIB),
    files,
    storage: async () => storage,
    epochMs: () => 0,
    readsWhole: true,
    ...parts,
  });
  const around = {
    stdin: '',
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(path),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: new AbortController().signal,
  };
  const run = async (program: ReturnType<typeof virshProgram>, words: string): Promise<string> => {
    const { stdout, stderr, status } = await program.run(words.split(' '), around);
    return status === 0 ? stdout + stderr : `${status}: ${stderr}`;
  };
  const virsh = (words: string): Promise<string> => run(virshProgram(host), words);
  const bus = () => (host.toolstack.runners as Turns).domains[0]!.platform.modelBus!;
  const isAsked = (slot: number): boolean => (bus().readPort(DOWN, 4) & (1 << slot)) !== 0;
  const lets = (slot: number): void => {
    bus().writePort(EJECT, 1 << slot, 4);
    host.toolstack.runners.poke();
  };
  return {
    host,
    files,
    storage,
    virsh,
    xl: (words: string): Promise<string> => run(xlProgram('xl', host, COMMANDS), words),
    domain: (): Domain => (host.toolstack.runners as Turns).domains[0]!,
    /** The one that runs. */
    member: () => [...host.toolstack.members.values()].find(({ ending }) => !ending)!,
    identity(slot: number): number {
      bus().writePort(0xcf8, 0x80000000 | (slot << 11), 4);
      return bus().readPort(0xcfc, 4) >>> 0;
    },
    isAsked,
    lets,
    /** `virsh attach-device k` and `detach-device k` with a document; of one that goes the guest lets go. */
    async attach(xml: string): Promise<string> {
      await files.writeFile('/root/device.xml', xml);
      return virsh('attach-device k /root/device.xml --live');
    },
    async detach(xml: string, slot: number, words = 'detach-device k /root/device.xml --live'): Promise<string> {
      await files.writeFile('/root/device.xml', xml);
      const detached = virsh(words);
      for (let turns = 0; !isAsked(slot); turns++) {
        if (turns === 1000) return `nobody was asked: ${await detached}`;
        await new Promise(resolve => setImmediate(resolve));
      }
      lets(slot);
      return detached;
    },
    targets: async () =>
      [...(await virsh('domblklist k')).matchAll(/^ (\w+) +(\/\S+)/gm)].map(([, target, path]) => `${target} ${path}`),
  };
}
