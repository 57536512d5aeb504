/** Tags in the metadata of libvirt's XML: an element of a name space of its own, whatever its prefix is. */
import { ignored } from '../options.ts';
import { alikeTags, MOST_TAGS, TAGS_URI, tagsProblem } from '../tags.ts';
import type { XmlReading } from './reading.ts';
import type { Element } from './tree.ts';

type Named = Pick<Element, 'name' | 'attributes'>;

/** Whether a child of <metadata> is the element of tags: libvirt writes an element's name space on it, others may on one around it. */
export function isTags({ name, attributes }: Named, ...around: readonly Named[]): boolean {
  const [, prefix, local] = /^(?:([^:]*):)?(.*)$/s.exec(name)!;
  const key = prefix === undefined ? 'xmlns' : `xmlns:${prefix}`;
  const uri = [attributes, ...around.map(each => each.attributes)].find(each => Object.hasOwn(each, key))?.[key];
  return local === 'tags' && uri === TAGS_URI;
}

/** Each once. A text that is no tag is another tool's mistake, and no reason to refuse the domain. */
export function readTags(read: XmlReading, metadata: Element, domain: Element): void {
  const tags = metadata.children.filter(each => isTags(each, metadata, domain)).flatMap(({ children }) => children);
  const good = new Map<string, Element>();
  for (const tag of tags) {
    const [text = ''] = alikeTags([tag.text]);
    const problem =
      tagsProblem([text]) ??
      (good.size < MOST_TAGS || good.has(text) ? undefined : `a domain has at most ${MOST_TAGS} tags.`);
    if (problem !== undefined) read.remark(tag, 'tags', ignored('no tag', `It is left out: ${problem}`));
    else if (!good.has(text)) good.set(text, tag);
  }
  read.list(
    'tags',
    [...good].map(([text, { line, column }]) => ({ kind: 'string', text, line, column })),
  );
}
