/** Keys that say what the domain is. Source: xl.cfg(5), "Mandatory Configuration Items" and "General Options". */
import { typeOf, type XenKind } from '../../../../hypervisor/kinds/index.ts';
import { BAD_NAME } from '../definition.ts';
import { approximated, ignored, used, wrong } from '../options.ts';
import { alike, type Family, oneOf, rule } from '../rule.ts';
import { verdicts } from './verdicts-part.ts';

/** xs_wire.h, XENSTORE_PAYLOAD_MAX: the store takes 4096 bytes with the node's path. */
const MOST_NAME_LETTERS = 1000;

const BUILDERS = ['hvm', 'linux', 'generic'];
const TYPE: Record<XenKind, [short: string, text: string]> = {
  hvm: ['a whole PC is built for it', 'The guest starts on a fully virtual PC, and can detect its hypervisor there.'],
  pvh: ['entered by its PVH note, no PC', 'The kernel is entered by its PVH note; it has no PC devices, but Xen.'],
  pv: [
    'its kernel calls Xen; no VT is needed',
    'The kernel runs in ring 1 and asks Xen for what a processor would do.',
  ],
};

export const identity: Family = {
  tags: rule('list', used('tags for people', 'Lists are filtered by them; the guest does not see them.'), {
    range: asked => verdicts.loaded?.tags.problem(asked),
    into: (definition, { value }) => {
      const tags = verdicts.loaded?.tags.textsOf(value);
      if (tags) definition.tags = tags;
    },
    from: ({ tags }) => tags && [...tags],
  }),
  name: rule('string', used('the name of the domain', 'The domain is listed under this name.'), {
    range: ({ text }) => {
      if (text === '') return wrong('empty', 'a domain needs a name.');
      if (text.length > MOST_NAME_LETTERS)
        return wrong(
          'too long',
          `a name has at most ${MOST_NAME_LETTERS} letters here, and this one has ${text.length}.`,
        );
      // xenstore's rule for the node /local/domain/ID/name is any text.
      return BAD_NAME.test(text)
        ? wrong('characters that names may not have', 'a name has no slashes and no control characters.')
        : undefined;
    },
    into: (definition, { text }) => {
      definition.name = text;
    },
    judge: ({ text }) => used(`listed as ${text.length > 16 ? 'this' : text}`, `The domain is listed as ${text}.`),
    absent: context => {
      if (!context.mentions('name'))
        context.tell(
          { line: 1, column: 1 },
          'name',
          wrong(
            'missing',
            `The definition has no name. Write ${context.write('name', 'web1').replace(/^name/, 'a line like name')}.`,
          ),
        );
    },
    from: ({ name }) => name,
  }),
  type: rule('string', used('fully virtual machine', 'The guest starts on a fully virtual PC.'), {
    range: oneOf(['hvm', 'pvh', 'pv'] satisfies XenKind[], { nouns: 'types' }),
    into: (definition, { text }) => {
      definition.kind = text as XenKind;
    },
    judge: ({ text }) => used(...TYPE[text as XenKind]),
    absent: context => {
      if (context.mentions('type') || context.has('builder')) return;
      context.definition.kind = 'pv';
      const text = 'Without a type xl builds a paravirtual guest. Write type = "hvm" for a kernel that wants a PC.';
      context.tell({ line: 1, column: 1 }, 'type', approximated('no type means PV', text));
    },
    from: ({ kind }) => typeOf(kind),
  }),
  builder: rule(
    'string',
    approximated('old spelling of type', 'builder is the spelling of Xen 4.9 and older for type.'),
    {
      range: asked =>
        BUILDERS.includes(asked.text)
          ? undefined
          : wrong('no such builder', 'the builders were hvm, linux and generic. Write type = "hvm", "pvh" or "pv".'),
      into: (definition, asked) => {
        if (!asked.has('type')) definition.kind = asked.text === 'hvm' ? 'hvm' : 'pv';
      },
    },
  ),
  uuid: rule('string', used('shown by Xen and the store', 'Guests of Xen see this UUID.'), {
    range: ({ text }) =>
      /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)
        ? undefined
        : wrong('no UUID', 'a UUID has 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.'),
    into: (definition, { text }) => {
      definition.uuid = text.toLowerCase();
    },
    from: ({ uuid }) => uuid,
  }),
  ...alike(
    'seclabel init_seclabel',
    'string',
    ignored('no XSM labels', 'There is no security module to check labels.'),
  ),
  ...alike(
    'nomigrate',
    'defbool',
    ignored(
      'it may move',
      'A host of a pool may be asked to move the guest, whatever its definition says: xl migrate.',
    ),
  ),
};
