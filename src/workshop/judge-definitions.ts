/**
 * npm run -s judge:definitions -- [libvirt|xl|recorded] [--runs N] [--first N] [--all]
 *
 * Definitions next to libvirt and to xl: N of each (600 of XML and 500 of xl's language by default) are drawn, first each part alone and then several together.
 * Those in XML go to libvirt's own QEMU driver (`virsh -c qemu:///embed`, as root) and to a host of Ringside's with KVM: both take one or refuse it, and what
 * `dumpxml` then says of it is compared. Those in xl's language go to `xl -N create`, with a library in Xen's place, and to Ringside's reader: what xl would
 * make of each is compared as JSON. Of each kind of disagreement it prints the count, an example, and why it is so (src/workshop/definitions/explained.ts); what nobody has
 * explained ends it with status 1. `--all` prints every one. `recorded` asks libvirt again for all that is recorded of it for the unit test of the checks between
 * elements (src/dom0/definitions/config/xml/judged-by-qemu.jsonl).
 * Needs libvirt-daemon-driver-qemu, qemu-system-x86 and libvirt-clients; xen-utils-4.17, gcc and libc6-dev.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Disagreement, type Judged, judgeRecorded, judgeXl, judgeXml } from './definitions/judge.ts';
import { missingLibvirt } from './definitions/libvirt.ts';
import { missingXl } from './definitions/xl.ts';
import { flag, number, WrongUse } from './harness/options.ts';
import { program, type Write } from './harness/program.ts';

/** What is asked: its name, how many definitions, what it lacks here. */
const PARTS = [
  { name: 'libvirt', runs: 600, missing: missingLibvirt, judge: judgeXml },
  { name: 'xl', runs: 500, missing: missingXl, judge: judgeXl },
  { name: 'recorded', runs: 0, missing: missingLibvirt, judge: judgeRecorded },
] as const;

const block = (text: string): string => text.replace(/^/gm, '    ').trimEnd();

function print(name: string, judged: Judged, isAll: boolean, write: Write): number {
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

export const main = program({
  name: 'judge:definitions',
  operands: '[libvirt|xl|recorded]',
  options: { runs: number(undefined), first: number(0), all: flag },
  run: async ({ runs, first, all }, write, [only]) => {
    if (only !== undefined && PARTS.every(({ name }) => name !== only))
      throw new WrongUse(`${only}: write libvirt, xl, recorded or none of them.`);
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
        open += print(name, await judge(folder, first, runs ?? usual), all, write);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    return open === 0 ? 0 : 1;
  },
});
