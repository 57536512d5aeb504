/**
 * Settings that xl refuses for the sake of another one. Source: parse_config_data() and parse_vnuma_config() in tools/xl/xl_parse.c of Xen 4.17, each tried with
 * `xl -N create` (npm run -s judge:definitions).
 */
import { definedAs } from '../../kinds/index.ts';
import { approximated, type Judged, wrong } from '../options.ts';
import type { Asked } from '../rule.ts';
import { said } from '../values.ts';
import type { Value } from '../xlcfg.ts';

/** xend's builders for what xl calls type. */
function builder(asked: Asked): Judged | undefined {
  const isOld = asked.text === 'linux',
    meant = asked.text === 'hvm' ? 'hvm' : 'pv';
  const type = asked.textOf('type');
  if (type !== undefined && type !== meant)
    return wrong(
      `contradicts type = "${type}"`,
      `${said(asked.key, asked.value)} means type = "${meant}", and type says "${type}". xl refuses both together: Contradicting "builder" and "type" options specified. Take builder out.`,
    );
  const { text, ...old } = approximated(
    `old spelling of type = "${meant}"`,
    `builder is the spelling of Xen 4.9 and older; the guest starts as with type = "${meant}".`,
  );
  if (isOld) return { ...old, text: `${text} xl refuses it: Invalid domain type linux.`, warns: true };
  return type === undefined ? { ...old, text } : undefined;
}

/** The values of an option of nodes: of [ 'size=32', 'vcpus=0-1' ] and so on. */
const valuesOf = (node: Value, option: string): string[] =>
  node.kind === 'list'
    ? node.items.flatMap(item => {
        const [name, value] = item.kind === 'list' ? [] : item.text.split('=').map(part => part.trim());
        return name === option ? (value ?? '').split(',') : [];
      })
    : [];

/** How many numbers 0-3 has. */
function widthOf(range: string): number {
  const [first, last = first] = range.split('-').map(Number);
  return Math.max(0, last - first + 1) || 0;
}

function vnuma({ value, numberOf }: Asked): Judged | undefined {
  if (value.kind !== 'list' || value.items.length === 0) return undefined;
  const nodes = value.items;
  if (nodes.some(node => node.kind !== 'list'))
    return wrong('wants a list a node', "vnuma: each node is a list, as in [ [ 'pnode=0', 'size=64', 'vcpus=0' ] ].");
  const all = (option: string): string[] => nodes.flatMap(node => valuesOf(node, option));
  const vcpus = all('vcpus').reduce((sum, range) => sum + widthOf(range), 0),
    sizeMiB = all('size').reduce((sum, size) => sum + (Number(size) || 0), 0);
  const [asked, most, maxmem] = ['vcpus', 'maxvcpus', 'maxmem'].map(numberOf);
  if (most !== undefined && most !== vcpus)
    return wrong(
      `maxvcpus is ${most}`,
      `vnuma vcpus and maxvcpus= mismatch: its nodes have ${vcpus}, and maxvcpus is ${most}.`,
    );
  if (asked !== undefined && asked > vcpus)
    return wrong(
      `vcpus is ${asked}`,
      `vnuma: its nodes have ${vcpus} of the ${asked} processors that vcpus asks for (xl: maxvcpus < vcpus).`,
    );
  return maxmem !== undefined && maxmem !== sizeMiB
    ? wrong(
        `maxmem is ${maxmem}`,
        `maxmem and vnuma memory size mismatch: its nodes have ${sizeMiB} MiB, and maxmem is ${maxmem}.`,
      )
    : undefined;
}

const vncdisplay = ({ definition, textOf, key }: Asked): Judged | undefined =>
  definedAs(definition).hvmOptions && textOf('vnclisten')?.includes(':')
    ? wrong(
        'vnclisten names one',
        `${key}: Display specified both in vnclisten and vncdisplay! Write it in one of the two.`,
      )
    : undefined;

const OF_KEYS: Readonly<Record<string, (asked: Asked) => Judged | undefined>> = { builder, vnuma, vncdisplay };

/** What another setting makes of this one; undefined: nothing. */
export const contradictionOf = (asked: Asked): Judged | undefined =>
  Object.hasOwn(OF_KEYS, asked.key) ? OF_KEYS[asked.key](asked) : undefined;
