/** Documents in XML, by their outermost element. Sources: libvirt's XML formats; DSP0243 (OVF); VirtualBox', UTM's, VMware's, Hyper-V's and Parallels' own files. */
import { type Machine, mebibytes, whole } from './machine.ts';

export interface Document {
  what: string;
  machine?(text: string): Machine;
  /** `name`: the file's. */
  how?(name: string): string;
}

/** Behind a declaration, comments and a document type. */
const ROOT = /^\uFEFF?(?:\s|<\?[^]*?\?>|<!--[^]*?-->|<!DOCTYPE[^>[]*(?:\[[^\]]*\])?[^>]*>)*<(?:[\w.-]+:)?([\w.-]+)/;

export const rootOf = (text: string): string | undefined => ROOT.exec(text)?.[1];

const DEVICES =
  'disk interface controller graphics video hostdev input channel serial console filesystem rng memballoon watchdog sound tpm redirdev'.split(
    ' ',
  );
const attach = (name: string): string => `virsh attach-device DOMAIN ${name} gives it to a domain.`;
const NOT_HERE = (): string => 'There is nothing for it here.';

const libvirt = (what: string, how: (name: string) => string): Document => ({ what: `${what} of libvirt's`, how });

/** What OVF says of a machine: items by rasd:ResourceType, 3 for processors and 4 for memory in MiB (CIM_ResourceAllocationSettingData). */
function ofOvf(text: string): Machine {
  const item = (type: number): string | undefined =>
    [...text.matchAll(/<(?:\w+:)?Item\b[^]*?<\/(?:\w+:)?Item>/g)]
      .map(([each]) => each)
      .find(each => new RegExp(`ResourceType>\\s*${type}\\s*<`).test(each));
  const quantity = (type: number): string | undefined => /VirtualQuantity>\s*(\d+)/.exec(item(type) ?? '')?.[1];
  return {
    name: /<(?:\w+:)?Name>([^<]*)</.exec(text)?.[1],
    memoryMiB: mebibytes(quantity(4)),
    vcpus: whole(quantity(3)),
    disks: [...text.matchAll(/<(?:\w+:)?File\b[^>]*\bhref="([^"]*\.(?:vmdk|vhdx?|img|qcow2))"/g)].map(
      ([, file]) => file!,
    ),
  };
}

function ofVirtualBox(text: string): Machine {
  const images = [...text.matchAll(/<(HardDisk|Image)\b[^>]*\blocation="([^"]*)"/g)];
  return {
    name: /<Machine\b[^>]*\bname="([^"]*)"/.exec(text)?.[1],
    memoryMiB: mebibytes(/<Memory\b[^>]*\bRAMSize="(\d+)"/.exec(text)?.[1]),
    vcpus: whole(/<CPU\b[^>]*\bcount="(\d+)"/.exec(text)?.[1]),
    disks: images.filter(([, kind]) => kind === 'HardDisk').map(([, , path]) => path!),
    cds: images.filter(([, , path]) => /\.iso$/i.test(path!)).map(([, , path]) => path!),
  };
}

const DOCUMENTS: Readonly<Record<string, Document>> = {
  Envelope: { what: 'a machine in the Open Virtualization Format', machine: ofOvf },
  VirtualBox: { what: 'a machine of VirtualBox', machine: ofVirtualBox },
  Foundry: {
    what: 'what VMware notes about a machine, whose definition is its .vmx file',
    how: () => 'Drop the .vmx file for what the machine is called here.',
  },
  ParallelsVirtualMachine: {
    what: 'a machine of Parallels',
    machine: text => ({
      name: /<VmName>([^<]*)</.exec(text)?.[1],
      memoryMiB: mebibytes(/<Memory>[^]*?<RAM>(\d+)</.exec(text)?.[1]),
      disks: [...text.matchAll(/<SystemName>([^<]*\.hdd)</g)].map(([, path]) => path!),
    }),
  },
  Parallels_disk_image: {
    what: 'a description of a disk of Parallels',
    how: () => 'Run qemu-img convert -O raw on the .hds file in the same folder, and take what that makes.',
  },
  network: libvirt(
    'a network',
    name => `virsh net-define ${name} takes it, and virsh net-start starts it; the host's page Network makes one, too.`,
  ),
  networkport: libvirt("a network's port", NOT_HERE),
  pool: libvirt('a pool of storage', name => `virsh pool-define ${name} takes it.`),
  volume: libvirt('a volume', name => `virsh vol-create POOL ${name} makes one like it.`),
  domainsnapshot: libvirt(
    'a snapshot',
    name => `It is no state of a guest: virsh snapshot-create DOMAIN ${name} takes one by it.`,
  ),
  domaincheckpoint: libvirt('a checkpoint', NOT_HERE),
  domainbackup: libvirt('a backup', NOT_HERE),
  domstatus: libvirt(
    'a note of a domain that runs',
    name => `Its definition is the <domain> in it: take that part of ${name}.`,
  ),
  filter: libvirt('a network filter', NOT_HERE),
  filterbinding: libvirt("a network filter's use", NOT_HERE),
  secret: libvirt('a secret', NOT_HERE),
  device: libvirt('a device of a host', NOT_HERE),
  cpu: libvirt("a processor's description", () => 'In a definition it is a part of <domain>.'),
  capabilities: libvirt('a description of a host', () => 'It describes no guest: virsh dumpxml GUEST does.'),
  domainCapabilities: libvirt(
    'a description of what a host can give',
    () => 'It describes no guest: virsh dumpxml GUEST does.',
  ),
  ...Object.fromEntries(DEVICES.map(name => [name, libvirt(`a device (<${name}>)`, attach)])),
};

/** Two kinds whose outermost element others use too; their contents distinguish them. */
const WITHIN: readonly { root: string; has: RegExp; document: Document }[] = [
  {
    root: 'plist',
    has: /<key>(QEMU|Drive|System|Backend)<\/key>/,
    document: {
      what: 'a machine of UTM',
      how: () => 'Take its disk, which is in the folder Data or Images next to it.',
    },
  },
  {
    root: 'configuration',
    has: /<(properties|manifest|vssd|global_settings)\b/,
    document: {
      what: 'a machine of Hyper-V',
      how: () => 'Run qemu-img convert -O raw on its .vhdx or .vhd file, and take what that makes.',
    },
  },
];

/** Undefined: it is a domain's, or nothing that is known here. */
export function documentOf(text: string): Document | undefined {
  const root = rootOf(text);
  if (root === undefined || root === 'domain') return undefined;
  if (Object.hasOwn(DOCUMENTS, root)) return DOCUMENTS[root];
  return WITHIN.find(each => each.root === root && each.has.test(text))?.document;
}

/** A sentence on a document of libvirt's that is no domain's, for the person who gave it as one; undefined: there is nothing to say. */
export function describedXml(text: string, name: string): string | undefined {
  const found = documentOf(text);
  return found && `This is ${found.what}. ${found.how?.(name) ?? ''}`.trimEnd();
}
