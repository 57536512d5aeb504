/** A domain's document, before anything is made of it. Sources: virDomainDefParseNode() of src/conf/domain_conf.c, catchXMLError() of src/util/virxml.c. */
import { typeOf } from '../../hypervisor/kinds/index.ts';
import {
  type Definition,
  formatFinding,
  isFault,
  judgeDefinition,
  prepareToRead,
} from '../definitions/config/index.ts';
import { baseName, foreignOf } from '../definitions/index.ts';
import type { Uses } from '../toolstack/index.ts';
import { LibvirtError } from './errors.ts';
import { inXml } from '../definitions/config/xml/kinds/index.ts';
import { driverOf } from './hypervisors/index.ts';
import { wellFormed } from './xml.ts';

const TYPES = ['xen', 'kvm'];
const CAPABILITIES = 'could not find capabilities for';

/** What of a definition keeps it from starting, as the drivers say it. @throws LibvirtError where there is something */
export function refuseStart([why]: readonly string[]): void {
  if (why === undefined) return;
  const [, kind, words = ''] = /^(unsupported configuration: |operation failed: )?(.*?)\.?$/s.exec(why)!;
  throw new LibvirtError(kind === 'operation failed: ' ? 'OPERATION_FAILED' : 'CONFIG_UNSUPPORTED', words);
}

/** What a document called `name` defines; xl's configuration is none. `starts`: a domain is to start from it at once. @throws LibvirtError where it is none, or of a guest that another driver runs */
export async function judged(
  host: Uses<'toolstack'>,
  name: string,
  text: string,
  { starts = false }: { starts?: boolean } = {},
): Promise<Definition> {
  const hint = async (): Promise<string> => {
    const foreign = await foreignOf(name.startsWith('(') ? 'FILE' : baseName(name), new TextEncoder().encode(text));
    return foreign ? `\n${foreign.text.replace(/^FILE /, 'This ')}` : '';
  };
  const { name: root, attributes } = await wellFormed(text, name, hint);
  if (root !== 'domain')
    throw new LibvirtError('XML_ERROR', `expecting root element of 'domain', not '${root}'${await hint()}`, 'domain');
  await prepareToRead(text);
  const { definition, findings, isForeign } = judgeDefinition(name, text);
  const errors = findings.filter(isFault);
  const refuse = (why: string): never => {
    throw new LibvirtError('INVALID_ARG', why, 'domain');
  };
  const kind = inXml(definition).type.name;
  if (!driverOf(host).domainTypes.includes(kind) && findings.length > 0)
    refuse(
      `${CAPABILITIES} domaintype=${kind}: this host has no Xen. Write <domain type='kvm'> for a whole PC (${definition.name} is ${typeOf(definition.kind)}).`,
    );
  if (errors.length > 0) throw new LibvirtError('XML_ERROR', errors.map(formatFinding).join('\n'), 'domain');
  // A page takes such a definition for one of Xen's, and says so; a client of libvirt's driver means what is written.
  const { type } = attributes;
  if (isForeign && type !== undefined && !TYPES.includes(type))
    refuse(`${CAPABILITIES} domaintype=${type}: this host has Xen's and KVM's guests. Write type='xen' or type='kvm'.`);
  if (starts) refuseStart(findings.filter(({ refusesStart }) => refusesStart).map(finding => finding.text));
  return definition;
}
