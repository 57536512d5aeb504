/**
 * What people and tools keep with a domain for themselves: its title, its description, and elements of name spaces, of which Ringside's own has tags. Source:
 * virDomainObjSetMetadata() and virDomainObjGetMetadata() of src/conf/domain_conf.c, virXMLInjectNamespace() and virXMLExtractNamespaceXML() of src/util/virxml.c
 * of libvirt 9.0.
 */
import { xmlLanguage } from '../definitions/config/index.ts';
import { lengthProblem, TAGS_URI } from '../definitions/config/index.ts';
import { quoted } from '../../formats/shell-words/index.ts';
import type { CommandHost, Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { domainById, domainByName, guestId, noteCreated, persistent, XML_INACTIVE, xmlOf } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { tellOfDomain } from './events/index.ts';
import { checkFlags, CONFIG, impactOf, LIVE } from './flags.ts';
import { defineDomain, describeDomain } from './life.ts';
import { setTags, tagsElement } from './tags.ts';
import { childOf, readXml, wellFormed, type XmlElement } from './xml.ts';

/** virDomainMetadataType. */
export const METADATA = { DESCRIPTION: 0, TITLE: 1, ELEMENT: 2 } as const;

/** `key`: the prefix that an element of name space `uri` gets; `text` undefined: it goes. */
export interface Metadata {
  type: number;
  text?: string | undefined;
  key?: string | undefined;
  uri?: string | undefined;
}

const missing = (): LibvirtError =>
  new LibvirtError('NO_DOMAIN_METADATA', 'Requested metadata element is not present', 'domain');

/** The name space of an element of metadata: libvirt writes it there, others may around it. */
function uriOf({ name, attributes }: XmlElement, ...around: readonly (XmlElement | undefined)[]): string | undefined {
  const [, prefix] = /^([^:]*):/.exec(name) ?? [];
  const key = prefix === undefined ? 'xmlns' : `xmlns:${prefix}`;
  return [attributes, ...around.map(each => each?.attributes ?? {})].find(each => Object.hasOwn(each, key))?.[key];
}

/** What `what` is asked for is a kind of metadata, and an element's name space is named. @throws LibvirtError */
function checkAsked({ type, uri }: Pick<Metadata, 'type' | 'uri'>, what: string): void {
  if (!Object.values<number>(METADATA).includes(type))
    throw new LibvirtError('INVALID_ARG', `unknown metadata type '${type}'`, 'domain');
  if (type === METADATA.ELEMENT && uri === undefined)
    throw new LibvirtError('INVALID_ARG', `uri in ${what} must not be NULL`, 'domain');
}

/** What of it is asked for: as it is, or with CONFIG as it is from its next start. @throws LibvirtError */
function isOfConfig(domain: Domain, flags: number): boolean {
  if ((flags & LIVE) !== 0 && (flags & CONFIG) !== 0)
    throw new LibvirtError(
      'INVALID_ARG',
      "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive",
    );
  return impactOf(domain, flags).config;
}

/** Without its name space, as virXMLExtractNamespaceXML() gives it. */
function bare(element: XmlElement, prefix: string, declaration: string): XmlElement {
  const { [declaration]: _declared, ...attributes } = element.attributes;
  return {
    ...element,
    name: element.name.startsWith(prefix) ? element.name.slice(prefix.length) : element.name,
    attributes,
    children: element.children.map(child => bare(child, prefix, declaration)),
  };
}

/** @throws LibvirtError where there is none */
export async function metadataOf(
  host: Uses<'consoles' | 'toolstack'>,
  domain: Domain,
  { type, uri }: Pick<Metadata, 'type' | 'uri'>,
  flags = 0,
): Promise<string> {
  checkFlags(flags, LIVE | CONFIG, 'virDomainGetMetadata');
  checkAsked({ type, uri }, 'virDomainGetMetadata');
  const config = isOfConfig(domain, flags);
  if (type === METADATA.ELEMENT && uri === TAGS_URI) {
    const { tags } = config ? persistent(domain).definition : domain.definition;
    if (tags === undefined) throw missing();
    return tagsElement(tags);
  }
  const document = await readXml(await xmlOf(host, domain, config ? XML_INACTIVE : 0), 'domain');
  if (type !== METADATA.ELEMENT) {
    const found = childOf(document, type === METADATA.TITLE ? 'title' : 'description');
    if (!found?.text) throw missing();
    return found.text;
  }
  const metadata = childOf(document, 'metadata');
  const found = metadata?.children.find(child => uriOf(child, metadata, document) === uri);
  if (!found) throw missing();
  const [prefix = ''] = /^[^:]*:/.exec(found.name) ?? [];
  const { xmlText } = await xmlLanguage.load();
  return xmlText(bare(found, prefix, prefix ? `xmlns:${prefix.slice(0, -1)}` : 'xmlns'), '', '"').trimEnd();
}

/** An element of a client's, with its name space. @throws LibvirtError */
async function injected({ text = '', key = '', uri = '' }: Metadata): Promise<XmlElement> {
  if (key === '') throw new LibvirtError('INVALID_ARG', 'key in virDomainSetMetadata must not be NULL', 'domain');
  if (!/^[\p{L}_][\p{L}\p{N}._-]*$/u.test(key))
    throw new LibvirtError('INTERNAL_ERROR', 'failed to validate prefix for a new XML namespace');
  const root = await wellFormed(text, '(metadata_xml)');
  if (Object.hasOwn(root.attributes, `xmlns:${key}`))
    throw new LibvirtError('INTERNAL_ERROR', 'failed to create a new XML namespace');
  // What has a name space of its own keeps it.
  const within = (element: XmlElement): XmlElement =>
    element.name.includes(':') || Object.hasOwn(element.attributes, 'xmlns')
      ? element
      : { ...element, name: `${key}:${element.name}`, children: element.children.map(within) };
  const whole = within(root);
  return { ...whole, attributes: { [`xmlns:${key}`]: uri, ...whole.attributes } };
}

const element = (name: string, more: Partial<XmlElement>): XmlElement => ({
  name,
  attributes: {},
  children: [],
  text: '',
  ...more,
});

/** A domain's document with that in it, or without. */
function withMetadata(domain: XmlElement, { type, text, uri }: Metadata, added?: XmlElement): XmlElement {
  const name = type === METADATA.TITLE ? 'title' : 'metadata';
  const before = childOf(domain, name);
  const others = domain.children.filter(child => child !== before);
  if (type === METADATA.TITLE) return { ...domain, children: text ? [...others, element('title', { text })] : others };
  const kept = before?.children.filter(child => uriOf(child, before, domain) !== uri) ?? [];
  const children = added ? [...kept, added] : kept;
  return {
    ...domain,
    children: children.length > 0 ? [...others, element('metadata', { ...before, text: '', children })] : others,
  };
}

/** The last change of a domain's metadata, by its name: each reads all that there is and writes it again, so the next waits for it. */
const changing = new WeakMap<CommandHost['toolstack'], Map<string, Promise<void>>>();

/** @throws LibvirtError; then nothing has changed */
export async function setMetadata(host: CommandHost, { id, name }: Domain, given: Metadata, flags = 0): Promise<void> {
  checkFlags(flags, LIVE | CONFIG, 'virDomainSetMetadata');
  checkAsked(given, 'virDomainSetMetadata');
  const changes = changing.get(host.toolstack) ?? new Map<string, Promise<void>>();
  changing.set(host.toolstack, changes);
  const change = (changes.get(name) ?? Promise.resolve()).then(async () => {
    const domain = await (id === undefined ? domainByName(host, name) : domainById(host, id));
    await changeMetadata(host, domain, given, flags);
    const { type, uri } = given;
    tellOfDomain(host, domain, {
      kind: 'metadata-change',
      type,
      ...(type === METADATA.ELEMENT && uri !== undefined ? { uri } : {}),
    });
  });
  const ended = change.catch(() => {});
  changes.set(name, ended);
  await change.finally(() => {
    if (changes.get(name) === ended) changes.delete(name);
  });
}

/** @throws LibvirtError; then nothing has changed */
async function changeMetadata(host: CommandHost, domain: Domain, given: Metadata, flags: number): Promise<void> {
  const { live, config } = impactOf(domain, flags);
  const { type, text, key, uri } = given;
  if (type === METADATA.DESCRIPTION) return describeDomain(host, domain, text ?? '');
  if (type === METADATA.ELEMENT && uri === TAGS_URI) return setTags(host, domain, await tagsIn(text));
  if (type === METADATA.TITLE && text?.includes('\n'))
    throw new LibvirtError('INVALID_ARG', "metadata title can't contain newlines", 'domain');
  const added = type === METADATA.ELEMENT && text !== undefined ? await injected(given) : undefined;
  const id = live ? guestId(domain) : domain.id;
  const { xmlText } = await xmlLanguage.load();
  const changed = async (of: number): Promise<string> => {
    const document = xmlText(withMetadata(await readXml(await xmlOf(host, domain, of), 'domain'), given, added));
    const tooLong = lengthProblem(document.length);
    if (tooLong) throw new LibvirtError('XML_ERROR', tooLong);
    return document;
  };
  // What runs keeps its own, where the definition alone changes.
  const now = live ? await changed(0) : id === undefined ? undefined : await xmlOf(host, domain, 0),
    next = config ? await changed(XML_INACTIVE) : undefined;
  const words =
    type === METADATA.TITLE
      ? `desc ${quoted(domain.name)} --title ${quoted(text ?? '')}`
      : `metadata ${quoted(domain.name)} ${quoted(uri ?? '')} ${text === undefined ? '--remove' : `--key ${quoted(key ?? '')} --set ${quoted(text)}`}`;
  await failing(() =>
    host.tasks.run(`virsh ${words}`, async () => {
      if (next !== undefined) await defineDomain(host, next);
      if (id !== undefined && now !== undefined) noteCreated(host, id, now);
    }),
  );
}

/** @throws LibvirtError */
async function tagsIn(xml: string | undefined): Promise<string[]> {
  const tags = xml === undefined ? [] : (await readXml(xml, 'tags')).children;
  const other = tags.find(({ name }) => name !== 'tag');
  if (other) throw new LibvirtError('XML_ERROR', `unexpected element <${other.name}>, expecting <tag>`);
  return tags.map(({ text }) => text);
}
