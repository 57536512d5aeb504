/** XML documents of clients. Source: virXMLParseHelper() and catchXMLError() of src/util/virxml.c of libvirt 9, parser.c of libxml2 for what is no XML. */
import { xmlLanguage } from '../definitions/config/index.ts';
import { LibvirtError } from './errors.ts';

/** No client's document is larger (a definition may have 64 KiB, and a snapshot's repeats it). */
const MOST_CHARACTERS = 2 ** 20;

/** What libvirt calls a document that has no file's name, by its outermost element. */
const CALLED: Readonly<Record<string, string>> = {
  domain: '(domain_definition)',
  network: '(network_definition)',
  pool: '(storage_pool_definition)',
  volume: '(storage_volume_definition)',
  domainsnapshot: '(domain_snapshot)',
  devices: '(device_definition)',
  host: 'network_update_xml',
  range: 'network_update_xml',
};
const NEWLINE = /\r\n?|\n/;

/** What is asked of an element here. */
export interface XmlElement {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: readonly XmlElement[];
  /** Its text, without white space around. */
  text: string;
}

/** What libxml2 says where this one says something else, of what is before the place. */
function inItsWords(what: string, before: string, within?: { name: string; line: number }): string {
  const open = within && `${within.name} line ${within.line}`;
  if (open && what === 'unexpected close tag')
    return `Opening and ending tag mismatch: ${open} and ${/<\/([^\s>]*)[^<]*$/.exec(before)?.[1] ?? ''}`;
  if (open && what.startsWith('unclosed tag')) return `Premature end of data in tag ${open}`;
  if (what === 'text data outside of root node')
    return /^\s*[^\s<]*$/.test(before)
      ? "Start tag expected, '<' not found"
      : 'Extra content at the end of the document';
  if (what === 'unquoted attribute value') return 'AttValue: " or \' expected';
  const [, unended] = (what === 'document must contain a root element' && /<([^\s/>]+)[^>]*$/.exec(before)) || [];
  if (unended !== undefined) return `Couldn't find end of Start Tag ${unended} line ${before.split(NEWLINE).length}`;
  const [, attribute] = /^duplicate attribute: (.*)$/.exec(what) ?? [];
  return attribute === undefined ? what : `Attribute ${attribute} redefined`;
}

/** libxml2 points at where it stopped. */
function placeOf(words: string, shown: string, column: number): number {
  if (words.startsWith('Extra content')) return shown.lastIndexOf('>') + 1;
  if (words.startsWith('AttValue')) return column - 1;
  if (words.endsWith('redefined')) return Math.max(...['"', "'"].map(quote => shown.lastIndexOf(quote, column))) + 1;
  return column;
}

/** The line with its place below it. */
function noXml(
  called: string,
  text: string,
  {
    at: { line, column },
    within,
  }: { at: { line: number; column: number }; within?: { name: string; line: number } | undefined },
  what: string,
) {
  const lines = text.split(NEWLINE);
  const shown = lines[line - 1] ?? '';
  const words = inItsWords(what, [...lines.slice(0, line - 1), shown.slice(0, column)].join('\n'), within);
  return pointedAt(`${called}:${line}: ${words}`, shown, placeOf(words, shown, column));
}

function pointedAt(sentence: string, shown: string, at: number, hint = ''): LibvirtError {
  const line = shown === '' ? '(null)' : shown;
  const place = `${'-'.repeat(at)}^`;
  return new LibvirtError('XML_DETAIL', `${sentence}\n${line}\n${place}${hint}`, 'xml');
}

/** What does not begin as XML. `hint`: what is said of it beyond libxml2's words. @throws LibvirtError */
async function refuseText(text: string, called: string, hint: () => Promise<string>): Promise<void> {
  const at = text.search(/[^\s\uFEFF]/);
  if (text[at] === '<') return;
  if (text === '') throw pointedAt(`${called}:1: Document is empty`, '', 0);
  const before = (at < 0 ? text : text.slice(0, at)).split(NEWLINE);
  const shown = text.split(NEWLINE)[before.length - 1]!;
  const sentence = `${called}:${before.length}: Start tag expected, '<' not found`;
  throw pointedAt(sentence, shown, before.at(-1)!.length, await hint());
}

/** The outermost element. `called`: what messages call the document; `hint`: what is said beyond them of a text that is none. @throws LibvirtError: it is no XML */
export async function wellFormed(
  text: string,
  called: string,
  hint = (): Promise<string> => Promise.resolve(''),
): Promise<XmlElement> {
  const { parse, Wrong } = await xmlLanguage.load();
  await refuseText(text, called, hint);
  if (text.length > MOST_CHARACTERS) throw new LibvirtError('XML_ERROR', 'The document is too long.');
  try {
    return parse(text)!;
  } catch (error) {
    const what = /^This is no XML: (.*)\.$/.exec((error as Error).message)?.[1];
    if (!(error instanceof Wrong) || what === undefined) throw new LibvirtError('XML_ERROR', (error as Error).message);
    throw noXml(called, text, error, what);
  }
}

/** The outermost element, which is to have this name, where one is given. @throws LibvirtError */
export async function readXml(text: string, name?: string): Promise<XmlElement> {
  const root = await wellFormed(text, CALLED[name ?? ''] ?? '(document)');
  if (name !== undefined && root.name !== name)
    throw new LibvirtError('XML_ERROR', `expecting root element of '${name}', not '${root.name}'`);
  return root;
}

export const childOf = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find(child => child.name === name);

/** An element's number of bytes, in its unit; undefined: there is no such element. @throws LibvirtError where it is no size */
export async function bytesOf(element: XmlElement | undefined): Promise<number | undefined> {
  if (!element) return undefined;
  const { scaleOf } = await xmlLanguage.load();
  const scale = scaleOf(element.attributes.unit ?? 'bytes');
  if (scale === undefined) throw new LibvirtError('INVALID_ARG', `unknown suffix '${element.attributes.unit}'`);
  const bytes = Number(element.text) * scale;
  if (!/^\d+$/.test(element.text) || !Number.isSafeInteger(bytes))
    throw new LibvirtError('XML_ERROR', `malformed ${element.name} element`, 'storage');
  return bytes;
}
