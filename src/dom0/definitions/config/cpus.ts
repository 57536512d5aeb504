/**
 * Lists of physical processors: `cpus` and `cpus_soft`. Source: xl.cfg(5) of Xen 4.17, and update_cpumap_range() in tools/xl/xl_vcpu.c: numbers, ranges,
 * all, nodes:…, each with ^ taken out again, from left to right.
 */
import type { Remedy } from '../verdicts.ts';
import { type Affinity, MAX_PCPUS } from '../../../hypervisor/scheduler/index.ts';

/** Bit n: processor n. */
export const ALL_CPUS = -1;

/** What is wrong with a list of processors: a sentence. */
export interface CpusProblem {
  text: string;
  remedy?: Remedy;
}

/** Bits of the processors that a text names, or what is wrong with it. */
export function parseCpus(text: string): number | CpusProblem {
  let bits = 0;
  for (const part of text.split(',')) {
    const found = /^(\^?)(?:(nodes?):(\^?))?(.*)$/.exec(part.trim());
    if (!found) return problem(part);
    const [, not, node, notNode, range] = found;
    const without = not !== '' || notNode === '^';
    if (range === 'all') {
      if (without) return { text: 'xl does not take ^all. Name the processors that are meant.' };
      bits = ALL_CPUS;
      continue;
    }
    const pair = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (!pair) return problem(part);
    const first = Number(pair[1]),
      last = Number(pair[2] ?? pair[1]);
    if (first > last)
      return {
        text: `‘${part.trim()}’ ends before it begins. Write ${last}-${first}.`,
        remedy: { write: `${last}-${first}`, of: part.trim() },
      };
    if (node) {
      if (last > 0) return { text: `‘${part.trim()}’ names a NUMA node, and there is one: node 0.` };
      bits = without ? 0 : ALL_CPUS;
      continue;
    }
    if (last >= MAX_PCPUS) return { text: `‘${part.trim()}’ is too much: processors are 0 to ${MAX_PCPUS - 1}.` };
    for (let cpu = first; cpu <= last; cpu++) bits = without ? bits & ~(1 << cpu) : bits | (1 << cpu);
  }
  return bits === 0 ? { text: 'no processor is left. Name at least one.' } : bits;
}

const problem = (part: string): CpusProblem => ({
  text: `‘${part.trim()}’ is no processor. Write numbers and ranges, all, and ^ before what is excluded, as in "0-3,^1".`,
});

/** As xl prints affinities. */
export function formatCpus(bits: number): string {
  if (bits === ALL_CPUS) return 'all';
  const ranges: string[] = [];
  for (let cpu = 0; cpu < MAX_PCPUS; cpu++) {
    if (((bits >>> cpu) & 1) === 0) continue;
    const first = cpu;
    while (cpu + 1 < MAX_PCPUS && (bits >>> (cpu + 1)) & 1) cpu++;
    ranges.push(first === cpu ? `${first}` : `${first}-${cpu}`);
  }
  return ranges.join(',');
}

/** Lists of processors for all vCPUs, or for one after the other. */
const listsOf = (affinity: Affinity): readonly number[] => (typeof affinity === 'number' ? [affinity] : affinity);

/** One list where all vCPUs have the same, else one for each of `vcpus` (as many as there are). */
export function affinityLists(affinity: Affinity, vcpus?: number): string[] {
  const lists = listsOf(affinity);
  const all =
    typeof affinity === 'number' || vcpus === undefined
      ? lists
      : Array.from({ length: vcpus }, (_, vcpu) => lists[vcpu] ?? ALL_CPUS);
  return all.every(bits => bits === all[0]) ? [formatCpus(all[0])] : all.map(formatCpus);
}

/** In one line: what all vCPUs have, or each in brackets. */
export function formatAffinity(affinity: Affinity): string {
  const lists = affinityLists(affinity);
  return lists.length === 1 ? lists[0] : `[${lists.join('] [')}]`;
}

/** Why a domain cannot keep to these processors on a host that has this many; undefined: it can. */
export function affinityProblem(affinity: Affinity | undefined, pcpus: number): string | undefined {
  const bits =
    affinity === undefined
      ? undefined
      : listsOf(affinity).find(list => (list & (pcpus >= 32 ? -1 : (1 << pcpus) - 1)) === 0);
  if (bits === undefined) return undefined;
  return `this host has ${pcpus === 1 ? 'one processor, 0' : `${pcpus} processors, 0 to ${pcpus - 1}`}, and ${formatCpus(bits)} names none of them.`;
}
