/** Small XML documents of clients: snapshots. */
import { LibvirtError } from './errors.ts';

/** No client's document is larger (a definition may have 64 KiB, and a snapshot's repeats it). */
const MOST_CHARACTERS = 2 ** 20;

/** The outermost element, which is to have this name. @throws LibvirtError */
export async function readXml(text: string, name: string) {
  const { parse } = await import('../../definitions/config/xml/tree.ts');
  let root: ReturnType<typeof parse>;
  try {
    if (text.length > MOST_CHARACTERS) throw new Error('The document is too long.');
    root = parse(text);
  } catch (error) {
    throw new LibvirtError('XML_ERROR', (error as Error).message);
  }
  if (root?.name !== name)
    throw new LibvirtError('XML_ERROR', `unexpected root element <${root?.name ?? ''}>, expecting <${name}>`);
  return root;
}
