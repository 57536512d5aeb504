/** Small XML documents of clients: snapshots, pools, volumes, networks. */
import { LibvirtError } from './errors.ts';

/** No client's document is larger (a definition may have 64 KiB, and a snapshot's repeats it). */
const MOST_CHARACTERS = 2 ** 20;

/** What is asked of an element here. */
export interface XmlElement {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: readonly XmlElement[];
  /** Its text, without white space around. */
  text: string;
}

/** The outermost element, which is to have this name, where one is given. @throws LibvirtError */
export async function readXml(text: string, name?: string): Promise<XmlElement> {
  const { parse } = await import('../../definitions/config/xml/tree.ts');
  let root: XmlElement | undefined;
  try {
    if (text.length > MOST_CHARACTERS) throw new Error('The document is too long.');
    root = parse(text);
  } catch (error) {
    throw new LibvirtError('XML_ERROR', (error as Error).message);
  }
  if (!root || (name !== undefined && root.name !== name))
    throw new LibvirtError('XML_ERROR', `expecting root element of '${name ?? 'any'}', not '${root?.name ?? ''}'`);
  return root;
}

export const childOf = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find(child => child.name === name);

/** An element's number of bytes, in its unit; undefined: there is no such element. @throws LibvirtError where it is no size */
export async function bytesOf(element: XmlElement | undefined): Promise<number | undefined> {
  if (!element) return undefined;
  const { scaleOf } = await import('../../definitions/config/xml/tree.ts');
  const scale = scaleOf(element.attributes.unit ?? 'bytes');
  if (scale === undefined) throw new LibvirtError('INVALID_ARG', `unknown suffix '${element.attributes.unit}'`);
  const bytes = Number(element.text) * scale;
  if (!/^\d+$/.test(element.text) || !Number.isSafeInteger(bytes))
    throw new LibvirtError('XML_ERROR', `malformed ${element.name} element`, 'storage');
  return bytes;
}
