/**
 * What a file is that other products have and that is neither a definition nor a kernel nor an image here, and how it is used here: one place for what is dropped
 * on the page, for xl create, for virsh define and for ringside boot. A definition that is one by its keys is never looked at.
 */
import { kernelKind } from '../../../hypervisor/loader/index.ts';
import { describeData, type Described, shortOf } from './data.ts';
import { conversion, definitionOf, type Machine } from './machine.ts';
import { type Kind, TEXTS } from './texts.ts';
import { documentOf } from './xml-documents.ts';

/** A file of another product. */
export interface Foreign extends Described {
  isText?: true;
}

/** So much of a text is looked at. */
const MOST_BYTES = 65_536;
const LINE_FEED = 10;

/** Undefined: it is no text (of UTF-8, or of bytes above 80h). */
function textOf(data: Uint8Array): string | undefined {
  const head = data.subarray(0, MOST_BYTES);
  // UTF-16, as Windows writes XML.
  const wide =
    head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : undefined;
  if (wide) return new TextDecoder(wide).decode(head.slice());
  return head.length === 0 ||
    head.some(byte => byte < 0x20 && byte !== 9 && byte !== 13 && byte !== 12 && byte !== LINE_FEED && byte !== 0x1b)
    ? undefined
    : new TextDecoder().decode(head.slice());
}

/** In front of what is wanted: which files have to be converted, and a definition like the machine. */
function howTo(machine: Machine, before: string | undefined): string {
  const convert = conversion(machine);
  return [
    ...(before === undefined ? [] : [before]),
    ...(convert === undefined ? [] : [`Convert its disk: ${convert}.`]),
    `A definition that is like it: ${definitionOf(machine)}`,
  ].join(' ');
}

const found = (name: string, what: string, how: string): Foreign => ({
  short: shortOf(what),
  text: `${name} is ${what}. ${how}`,
  isText: true,
});

function ofText(name: string, text: string): Foreign | undefined {
  const document = documentOf(text);
  if (document)
    return found(
      name,
      document.what,
      document.machine ? howTo(document.machine(text), document.how?.(name)) : (document.how?.(name) ?? ''),
    );
  const kind: Kind | undefined = TEXTS.find(each => each.is(text, name));
  if (!kind) return undefined;
  return found(name, kind.what, kind.machine ? howTo(kind.machine(text), kind.how) : (kind.how ?? ''));
}

/** `name`: without folders; `data`: a file, or its beginning. Undefined: nothing of another product that is known here. */
export function recognise(name: string, data: Uint8Array): Foreign | undefined {
  if (kernelKind(data) !== undefined) return undefined;
  const text = textOf(data);
  return text === undefined ? describeData(name, data) : (ofText(name, text) ?? describeData(name, data));
}
