/** Devices of definitions come, change and go: in the domain's document. Source: libxlDomainAttachDeviceConfig() and its like of src/libxl/libxl_driver.c. */
import {
  type Definition,
  formatFinding,
  isError,
  judgeDefinition,
  prepareToRead,
} from '../../definitions/config/index.ts';
import type { CommandHost } from '../command-host.ts';
import { managedOf } from '../commands/managed.ts';
import type { Domain } from '../domains/index.ts';
import { persistent, XML_INACTIVE, xmlOf } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { defineDomain } from './life.ts';
import { childOf, readXml, type XmlElement } from './xml.ts';

export type DeviceChange = 'attach' | 'detach' | 'update';

/** What a device is known by among those of its name. */
export function identityOf({ name, attributes, children }: XmlElement): string {
  const of = (child: string, attribute: string): string =>
    children.find(each => each.name === child)?.attributes[attribute]?.toLowerCase() ?? '';
  if (name === 'disk') return of('target', 'dev');
  if (name === 'interface') return of('mac', 'address');
  return `${attributes.type ?? ''} ${attributes.model ?? ''}`;
}

const isSame = (a: XmlElement, b: XmlElement): boolean => a.name === b.name && identityOf(a) === identityOf(b);

/** @throws LibvirtError: it is there already, or is not */
function changed(devices: readonly XmlElement[], device: XmlElement, how: DeviceChange): XmlElement[] {
  const at = devices.findIndex(each => isSame(each, device));
  if (how !== 'attach' && at < 0)
    throw new LibvirtError('DEVICE_MISSING', `device not present in domain configuration`);
  if (how === 'detach') return devices.filter((_, i) => i !== at);
  if (how === 'update') return devices.map((each, i) => (i === at ? device : each));
  if (at >= 0 && (device.name === 'disk' || (device.name === 'interface' && identityOf(device) !== '')))
    throw new LibvirtError(
      'INVALID_ARG',
      device.name === 'disk'
        ? `target ${identityOf(device)} already exists.`
        : `network device with mac ${identityOf(device)} already exists`,
    );
  return [...devices, device];
}

/** What a client's device is called in messages. */
export const DEVICE = '(device_definition)';

/** `path`: what messages call it. @throws LibvirtError with all that is wrong, or, where it is no XML, an Error */
export async function judged(path: string, text: string): Promise<Definition> {
  await prepareToRead(text);
  const { definition, findings } = judgeDefinition(path, text);
  const wrong = findings.filter(isError).map(formatFinding).join('\n');
  if (wrong) throw /^\s*</.test(text) ? new LibvirtError('XML_ERROR', wrong) : new Error(wrong);
  return definition;
}

/** What it would be then, and what makes the change, once all that hinders it was told. @throws LibvirtError */
export async function changeOfDefined(
  host: CommandHost,
  domain: Domain,
  xml: string,
  how: DeviceChange,
): Promise<{ after: Definition; commit(): Promise<void> }> {
  const managed = persistent(domain);
  const { xmlText } = await import('../../definitions/config/xml/index.ts');
  const [device] = (await readXml(`<devices>${xml}</devices>`, 'devices')).children;
  if (!device) throw new LibvirtError('XML_ERROR', 'there is no device in the document');
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
  const { disks, nic, vif, mac, cardOptions, moreCards } = definition;
  const now = { ...managed.definition, disks, nic, vif, mac, cardOptions, moreCards } as Definition;
  return { after: now, commit: () => failing(() => managedOf(host).change(managed, () => now)) };
}
