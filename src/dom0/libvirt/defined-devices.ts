/** Devices of definitions come, change and go: in the domain's document. Source: libxlDomainAttachDeviceConfig() and its like of src/libxl/libxl_driver.c. */
import { xmlLanguage } from '../definitions/config/index.ts';
import {
  type Definition,
  formatFinding,
  isFault,
  judgeDefinition,
  prepareToRead,
} from '../definitions/config/index.ts';
import { type CommandHost, managedOf } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { persistent, XML_INACTIVE, xmlOf } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { refuseStart } from './judged.ts';
import { defineDomain } from './life.ts';
import { childOf, readXml, wellFormed, type XmlElement } from './xml.ts';

export type DeviceChange = 'attach' | 'detach' | 'update';

/** Of what a domain may have several: the child and the attribute that name one. */
const NAMED: Readonly<Record<string, readonly [child: string, attribute: string]>> = {
  disk: ['target', 'dev'],
  interface: ['mac', 'address'],
  channel: ['target', 'name'],
  filesystem: ['target', 'dir'],
};

/** What a device is known by among those of its name. */
export function identityOf({ name, attributes, children }: XmlElement): string {
  const [child, attribute] = NAMED[name] ?? [];
  if (child === undefined) return `${attributes.type ?? ''} ${attributes.model ?? ''}`;
  const identity = children.find(each => each.name === child)?.attributes[attribute!] ?? '';
  return name === 'interface' ? identity.toLowerCase() : identity;
}

const isSame = (a: XmlElement, b: XmlElement): boolean => a.name === b.name && identityOf(a) === identityOf(b);

/** What the drivers say of one that is to come next to another of its identity; of a name that is not here they say nothing. */
const ALREADY_THERE: Readonly<Record<string, (identity: string) => LibvirtError>> = {
  disk: target => new LibvirtError('INVALID_ARG', `target ${target} already exists.`),
  interface: mac => new LibvirtError('INVALID_ARG', `network device with mac ${mac} already exists`),
  channel: () => new LibvirtError('OPERATION_INVALID', 'chardev already exists', 'qemu'),
  filesystem: () => new LibvirtError('OPERATION_INVALID', 'Target already exists', 'qemu'),
};

/** @throws LibvirtError: it is there already, or is not */
function changed(devices: readonly XmlElement[], device: XmlElement, how: DeviceChange): XmlElement[] {
  const at = devices.findIndex(each => isSame(each, device));
  if (how !== 'attach' && at < 0)
    throw new LibvirtError('DEVICE_MISSING', `device not present in domain configuration`);
  if (how === 'detach') return devices.filter((_, i) => i !== at);
  if (how === 'update') return devices.map((each, i) => (i === at ? device : each));
  const problem = at >= 0 && identityOf(device) !== '' ? ALREADY_THERE[device.name] : undefined;
  if (problem) throw problem(identityOf(device));
  return [...devices, device];
}

/** What a client's device is called in messages. */
export const DEVICE = '(device_definition)';

/** `path`: what messages call it; `comes`: to a domain that runs. @throws LibvirtError with all that is wrong, or, where it is no XML, an Error */
export async function judged(path: string, text: string, comes = false): Promise<Definition> {
  await prepareToRead(text);
  const { definition, findings } = judgeDefinition(path, text);
  const wrong = findings.filter(isFault).map(formatFinding).join('\n');
  if (wrong) throw /^\s*</.test(text) ? new LibvirtError('XML_ERROR', wrong) : new Error(wrong);
  if (comes) refuseStart(findings.filter(({ refusesStart }) => refusesStart).map(finding => finding.text));
  return definition;
}

/** What it would be then, and what makes the change, once all that hinders it was reported. @throws LibvirtError */
export async function changeOfDefined(
  host: CommandHost,
  domain: Domain,
  xml: string,
  how: DeviceChange,
): Promise<{ after: Definition; commit(): Promise<void> }> {
  const managed = persistent(domain);
  const { xmlText } = await xmlLanguage.load();
  const device = await wellFormed(xml, DEVICE);
  const before = await readXml(await xmlOf(host, domain, XML_INACTIVE), 'domain');
  const devices = childOf(before, 'devices');
  const after = { name: 'devices', attributes: {}, text: '', children: changed(devices?.children ?? [], device, how) };
  const document = xmlText({
    ...before,
    children: [...before.children.filter(child => child !== devices), after],
  });
  const definition = await judged(DEVICE, document);
  // One that is kept in XML has a place there for what is no device here, too.
  if (/^\s*</.test(managed.text))
    return { after: definition, commit: async () => void (await defineDomain(host, document)) };
  const { disks, cards, virtio } = definition;
  const now = { ...managed.definition, disks, cards, virtio } as Definition;
  return { after: now, commit: () => failing(() => managedOf(host).change(managed, () => now)) };
}
