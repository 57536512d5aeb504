/**
 * docs/hypercalls.md, made from the table of hypercalls (src/hypervisor/interfaces/xen/table.ts), those of their operations, and the comments of the functions that do
 * them. A comment names its call, says what it does, and then: IN, OUT, Status (of elements of a list), Refused and why, Errors in the order of the checks.
 */
import { parseSync } from 'vite';
import { HYPERCALL } from '../../src/hypervisor/interfaces/xen/abi.ts';
import { HVM, PV, PVH } from '../../src/hypervisor/interfaces/xen/hypercalls.ts';
import type { HypercallRow } from '../../src/hypervisor/interfaces/xen/table.ts';

/** Numbers of the header that have no row, and why. */
const NOT_OFFERED: readonly (readonly [name: string, why: string])[] = [
  ['set_segment_base', 'of 64-bit paravirtual guests, which there are not'],
  ['xsm_op', 'there is no security module'],
  ['xenoprof_op', 'gone from the ABI'],
  ['kexec_op', "Domain 0's"],
  ['tmem_op', 'gone from the ABI'],
  ['argo_op', 'messages between domains without shared memory: no guest here needs them'],
  ['xenpmu_op', 'there are no performance counters'],
  ['dm_op', 'device models run in Domain 0, which makes no hypercalls'],
  ['hypfs_op', "Domain 0's"],
];

const PARTS = ['IN', 'OUT', 'Status', 'Refused', 'Errors'] as const;
type Part = (typeof PARTS)[number];
/** What a comment says: what the call is, and the parts that it has. */
export type Comment = { about: string; name: string } & Partial<Record<Part, string>>;

/** The comments of the functions that are declared in sources, by name. */
export function comments(sources: ReadonlyMap<string, string>): Map<string, Comment[]> {
  const found = new Map<string, Comment[]>();
  for (const [path, text] of sources) {
    const { program, comments } = parseSync(path, text);
    for (const node of program.body) {
      const declared = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
      if (declared?.type !== 'FunctionDeclaration' || !declared.id) continue;
      const before = comments.filter(({ type, end }) => type === 'Block' && end <= node.start).at(-1);
      if (!before || text.slice(before.end, node.start).trim() !== '') continue;
      const comment = read(before.value);
      if (comment) found.set(declared.id.name, [...(found.get(declared.id.name) ?? []), comment]);
    }
  }
  return found;
}

function read(block: string): Comment | undefined {
  const prose = block
    .split('\n')
    .map(line => line.replace(/^\s*\*+/, '').trim())
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
  const pieces = prose.split(/(?:^|\s)(IN|OUT|Status|Refused|Errors): /);
  const [, name = '', about] = /^(?:([\w]+): )?(.*)$/.exec(pieces[0]!.trim())!;
  const comment: Comment = { name, about: about! };
  for (let i = 1; i < pieces.length; i += 2) comment[pieces[i] as Part] = pieces[i + 1]!.trim();
  return comment;
}

const KINDS = [
  [PV, 'PV'],
  [PVH, 'PVH'],
  [HVM, 'HVM'],
] as const;
const guestsOf = (guests: number): string => KINDS.flatMap(([bit, name]) => (guests & bit ? [name] : [])).join(', ');
const list = (names: string): string[] => names.replace(/\.$/, '').split(', ');
const cell = (text = ''): string => text.replace(/\.$/, '').replaceAll('|', '\\|');

interface Entry {
  number: number;
  name: string;
  guests: number;
  comment: Comment;
}

type Table = readonly (HypercallRow | undefined)[];
type OperationRow = NonNullable<HypercallRow['operations']>['rows'][number];

/** The page. @throws Error where a comment is missing, or does not agree with its row */
export function hypercallDocs(table: Table, sources: ReadonlyMap<string, string>): string {
  const known = comments(sources);
  const commentOf = (name: string, run: string, wanted: string): Comment => {
    const all = known.get(run) ?? [];
    // A function that several rows have (toolstackOnly) names none of them.
    const comment = all.find(each => each.name === wanted) ?? all.find(each => each.name === '');
    if (!comment) throw new Error(`${name}: the function ${run} has no comment that begins with "${wanted}: "`);
    return comment;
  };
  const names = new Map<number, string>(
    Object.entries(HYPERCALL).map(([name, number]) => [number, name.toLowerCase()]),
  );
  const calls: string[] = [];
  const refused: string[] = [];
  const overview: string[] = [];
  const take = ({ number, name, guests, comment }: Entry, of = ''): string[] => {
    if (comment.Refused)
      refused.push(
        `| ${of}${number} | ${name} | ${guestsOf(guests)} | ${cell(comment.Errors)} | ${cell(comment.Refused)} |`,
      );
    return [`${number}`, name, guestsOf(guests), comment.about.replace(/\.$/, '')];
  };
  table.forEach((row, number) => {
    if (!row) return;
    const name = names.get(number) ?? `hypercall ${number}`;
    const comment = commentOf(name, row.call.name, name);
    const { operations } = row;
    const [, , guests, about] = take({ number, name, guests: row.guests, comment });
    overview.push(
      `| ${number} | ${name} | ${guests} | ${cell(about)} | ${cell(comment.IN)} | ${cell(comment.Errors)} |`,
    );
    if (!operations) return;
    calls.push(
      '',
      `## ${number} ${name}`,
      '',
      '| n | operation | guests | what it does | IN | OUT | errors, in the order of the checks |',
      '| --: | --- | --- | --- | --- | --- | --- |',
    );
    const named = new Map(Object.entries(operations.numbers).map(([key, op]) => [op, key.toLowerCase()]));
    operations.rows.forEach((operation, op) => {
      if (!operation) return;
      const full = `${operations.prefix}${named.get(op) ?? op}`;
      const said = commentOf(full, operation.run.name, full);
      agree(full, operation, said);
      const cells = take(
        { number: op, name: full, guests: operation.guests & row.guests, comment: said },
        `${number}.`,
      );
      const errors = [said.Errors, said.Status && `in \`status\`: ${said.Status}`].filter(Boolean).join(' ');
      calls.push(`| ${[...cells.map(cell), cell(said.IN), cell(said.OUT), cell(errors)].join(' | ')} |`);
    });
    const missing = [...named]
      .filter(([op]) => !operations.rows[op])
      .map(([op, key]) => `${operations.prefix}${key} (${op})`);
    calls.push(
      '',
      `Every other operation: -ENOSYS${missing.length ? `; of those that the header names ${missing.join(', ')}` : ''}.`,
    );
  });
  const absent = NOT_OFFERED.map(([name, why]) => `| ${name} | ${cell(why)} |`);
  return `${wrapped([
    '# Hypercalls',
    '',
    'Made from `src/hypervisor/interfaces/xen/table.ts`, the tables of operations and the comments of their functions: `npm run docs:hypercalls` writes it, and a test compares.',
    '',
    'Results are 0, a count, or a negated errno. An operation with a structure copies it first: where it cannot be read the answer is -EFAULT, unless its row says otherwise. Errors follow in the order of the checks. OUT fields alone are written back, where the operation succeeds; where they cannot be, the answer is -EFAULT. A guest that may not make a call or an operation gets -ENOSYS, as for one that there is not. HVM and PVH guests call from ring 0 only (-EPERM).',
    '',
    '## All',
    '',
    '| n | hypercall | guests | what it does | arguments | errors of its own |',
    '| --: | --- | --- | --- | --- | --- |',
    ...overview,
    ...calls,
    '',
    '## What is refused, and why',
    '',
    'These are known, and no guest may have them.',
    '',
    '| n | name | guests | errors | why |',
    '| --: | --- | --- | --- | --- |',
    ...refused,
    '',
    '## What is not offered, and why',
    '',
    'These answer -ENOSYS.',
    '',
    '| hypercall | why |',
    '| --- | --- |',
    ...absent,
  ]).join('\n')}\n`;
}

/** Its comment says of IN and OUT what its row and its structure do. */
function agree(name: string, { args, out = [] }: NonNullable<OperationRow>, comment: Comment): void {
  if (!args) return;
  const fields = Object.keys(args.fields);
  const said = comment.OUT ? list(comment.OUT) : [];
  if (said.join() !== out.join())
    throw new Error(`${name}: its row answers with [${out.join(', ')}], its comment with [${said.join(', ')}]`);
  for (const field of comment.IN ? list(comment.IN) : [])
    if (!fields.includes(field))
      throw new Error(`${name}: its structure has no field ${field}; it has ${fields.join(', ')}`);
}

const WIDTH = 138;
/** Lines of prose end before column 140. */
function wrapped(lines: readonly string[]): string[] {
  return lines.flatMap(line => {
    if (line.startsWith('|')) return [line];
    const out: string[] = [];
    let now = '';
    for (const word of line.split(' ')) {
      if (now && now.length + 1 + word.length > WIDTH) {
        out.push(now);
        now = word;
      } else now = now ? `${now} ${word}` : word;
    }
    return [...out, now];
  });
}
