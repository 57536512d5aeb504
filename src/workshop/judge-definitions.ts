/**
 * npm run -s judge:definitions -- [libvirt|xl] [--runs N] [--first N] [--all]
 *
 * Definitions next to libvirt and to xl: N of each (600 of XML and 500 of xl's language unless told) are drawn, first each part alone and then several together.
 * Those in XML go to libvirt's own QEMU driver (`virsh -c qemu:///embed`, as root) and to a host of Ringside's with KVM: both take one or refuse it, and what
 * `dumpxml` then says of it is compared. Those in xl's language go to `xl -N create`, with a library in Xen's place, and to Ringside's reader: what xl would
 * make of each is compared as JSON. Of each kind of disagreement it prints the count, an example, and why it is so (src/workshop/definitions/explained.ts); what nobody has
 * explained ends it with status 1. `--all` prints every one.
 * Needs libvirt-daemon-driver-qemu, qemu-system-x86 and libvirt-clients; xen-utils-4.17, gcc and libc6-dev.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Disagreement, type Judged, judgeXl, judgeXml } from './definitions/judge.ts';
import { missingLibvirt } from './definitions/libvirt.ts';
import { missingXl } from './definitions/xl.ts';

const WRONG_USE = 2;
/** What is asked: its name, how many definitions, what it lacks here. */
const PARTS = [
  { name: 'libvirt', runs: 600, missing: missingLibvirt, judge: judgeXml },
  { name: 'xl', runs: 500, missing: missingXl, judge: judgeXl },
] as const;

const block = (text: string): string => text.replace(/^/gm, '    ').trimEnd();

function print(name: string, judged: Judged, isAll: boolean, write: (text: string) => unknown): number {
  const kinds = new Map<string, Disagreement[]>();
  for (const each of judged.disagreements) {
    const key = `${each.why ?? ''}\n${each.kind}`;
    kinds.set(key, [...(kinds.get(key) ?? []), each]);
  }
  const sorted = [...kinds.values()].sort(
    (a, b) => Number(a[0]!.why !== undefined) - Number(b[0]!.why !== undefined) || b.length - a.length,
  );
  for (const group of sorted) {
    const [{ kind, why }] = group as [Disagreement];
    if (why !== undefined && !isAll) {
      write(`${group.length} explained: ${kind}: ${why}\n`);
      continue;
    }
    write(`${group.length} ${why === undefined ? 'NOT EXPLAINED' : `explained (${why})`}: ${kind}\n`);
    for (const { drawn, detail } of isAll ? group : group.slice(0, 1))
      write(`  ${drawn.name}:\n${block(drawn.pieces.join('\n'))}\n${block(detail)}\n`);
  }
  const open = judged.disagreements.filter(({ why }) => why === undefined).length;
  write(
    `${name}: ${judged.definitions} definitions; ${judged.verdictsAlike} verdicts alike; ${judged.documentsAlike} of ${judged.documents} documents alike but for what is explained; ` +
      `${judged.disagreements.length} disagreements, ${open} of them not explained.\n`,
  );
  return open;
}

export async function main(
  argv: string[],
  write = (text: string): unknown => process.stdout.write(text),
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { runs: { type: 'string' }, first: { type: 'string' }, all: { type: 'boolean' } },
  });
  const [only] = positionals;
  const [runs, first] = [values.runs, values.first ?? '0'].map(text => (text === undefined ? undefined : Number(text)));
  if (
    ![runs ?? 0, first].every(number => Number.isSafeInteger(number) && number! >= 0) ||
    (only !== undefined && PARTS.every(({ name }) => name !== only))
  ) {
    write('judge:definitions: write libvirt, xl or neither, and whole numbers behind --runs and --first\n');
    return WRONG_USE;
  }
  let open = 0;
  for (const { name, runs: usual, missing, judge } of PARTS) {
    if (only !== undefined && only !== name) continue;
    const lacks = missing();
    if (lacks !== undefined) {
      write(`${name}: skipped, as this machine lacks ${lacks}\n`);
      continue;
    }
    const folder = mkdtempSync(join(tmpdir(), 'judge-definitions-'));
    try {
      open += print(name, await judge(folder, first!, runs ?? usual), values.all ?? false, write);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return open === 0 ? 0 : 1;
}
