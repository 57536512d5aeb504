/** Keys about processors and their time. Source: xl.cfg(5), "CPU Allocation", "CPU Scheduling" and "Guest Virtual NUMA Configuration"; xl sched-credit. */
import { MAX_VCPUS } from '../../../../hypervisor/layout/index.ts';
import type { Affinity } from '../../../../hypervisor/scheduler/index.ts';
import { affinityLists, type CpusProblem, parseCpus } from '../cpus.ts';
import { ignored, used, wrong } from '../options.ts';
import { alike, type Asked, type Family, type KeyRule, rule } from '../rule.ts';

const MAX_CAP = 100 * MAX_VCPUS,
  MAX_WEIGHT = 65535;

/** One list for all vCPUs, or one a vCPU; or what is wrong. */
function affinityOf({ value }: Asked): number | number[] | CpusProblem {
  const lists = (value.kind === 'list' ? value.items : [value]).map(item =>
    item.kind === 'list' ? { text: 'a list in a list is no list of processors.' } : parseCpus(item.text),
  );
  const problem = lists.find(list => typeof list === 'object');
  if (lists.length === 0 || problem !== undefined) return problem ?? { text: 'it names no processor.' };
  return value.kind === 'list' ? (lists as number[]) : (lists[0] as number);
}

function affinity(field: 'hardAffinity' | 'softAffinity', what: 'runs on' | 'prefers', general: string): KeyRule {
  return rule('list or string', used(`where it ${what === 'prefers' ? 'should' : 'may'} run`, general), {
    range: asked => {
      const of = affinityOf(asked);
      return typeof of === 'object' && 'text' in of ? wrong('no list of processors', of.text, of.remedy) : undefined;
    },
    into: (definition, asked) => {
      definition[field] = affinityOf(asked) as Affinity;
    },
    judge: asked => {
      const { vcpus, maxVcpus = vcpus } = asked.definition;
      const [shown, ...more] = affinityLists(affinityOf(asked) as Affinity, maxVcpus);
      if (more.length === 0)
        return used(
          `${what} ${shown}`,
          `The guest ${what} ${shown === 'all' ? 'all processors' : `the processors ${shown}`}.`,
        );
      const each = [shown, ...more].map((list, vcpu) => `vCPU ${vcpu} ${list}`).join(', ');
      return used(`${what} a list for each vCPU`, `Each vCPU ${what} its own processors: ${each}.`);
    },
    from: ({ [field]: of, vcpus, maxVcpus = vcpus }) => {
      if (of === undefined) return undefined;
      const lists = affinityLists(of, maxVcpus);
      return lists.length === 1 ? lists[0] : lists;
    },
  });
}

export const processors: Family = {
  vcpus: rule('number', used('virtual processors', 'The guest gets this many virtual processors.'), {
    range: ({ number }) =>
      number < 1
        ? wrong('at least 1', 'a guest needs at least one processor.')
        : number > MAX_VCPUS
          ? wrong(`at most ${MAX_VCPUS}`, `this host gives a guest at most ${MAX_VCPUS} processors.`)
          : undefined,
    into: (definition, { number }) => {
      definition.vcpus = number;
    },
    judge: ({ number }) =>
      used(
        number === 1 ? 'one at a time on a pCPU' : `${number} take turns on the pCPUs`,
        `The guest gets ${number} virtual processor${number === 1 ? '' : 's'}.`,
      ),
    from: ({ vcpus }) => (vcpus > 1 ? vcpus : undefined),
  }),
  maxvcpus: rule('number', used('virtual processors at most', 'The guest may bring up this many virtual processors.'), {
    range: asked => {
      const { number } = asked,
        vcpus = asked.numberOf('vcpus') ?? 1;
      if (number < 1 || number > MAX_VCPUS)
        return wrong(`1 to ${MAX_VCPUS}`, `this host gives a guest 1 to ${MAX_VCPUS} processors.`);
      return number < vcpus
        ? wrong(
            `vcpus is ${vcpus}`,
            `vcpus is ${vcpus}, and a guest cannot have more than maxvcpus. Write ${vcpus} or more.`,
          )
        : undefined;
    },
    into: (definition, { number }) => {
      definition.maxVcpus = number;
    },
    judge: ({ number, definition: { vcpus } }) =>
      used(
        number === vcpus ? 'as many as vcpus' : `${number - vcpus} offline`,
        `The guest may bring up ${number} virtual processors; ${vcpus} are there from the start.`,
      ),
    from: ({ maxVcpus }) => maxVcpus,
  }),
  vcpu_avail: rule(
    'number',
    used('virtual processors online', 'xend’s mask of the virtual processors that are there from the start.'),
    {
      range: asked =>
        asked.number >= 1 && Number.isSafeInteger(asked.number)
          ? undefined
          : wrong(
              'no mask',
              'this is a mask of processors, and its lowest bit is set. Write vcpus and maxvcpus in its place.',
            ),
      into: (definition, { number }) => {
        const { vcpus, maxVcpus = vcpus } = definition;
        const online = Math.max(
          1,
          [...Array(Math.min(maxVcpus, 32)).keys()].filter(vcpu => Math.floor(number / 2 ** vcpu) % 2 === 1).length,
        );
        if (online < maxVcpus) Object.assign(definition, { vcpus: online, maxVcpus });
      },
      judge: ({ definition: { vcpus, maxVcpus = vcpus } }) =>
        used(
          `${vcpus} of ${maxVcpus} online`,
          `${vcpus} of the guest's ${maxVcpus} virtual processors are there from the start. xl has vcpus and maxvcpus for this.`,
        ),
    },
  ),
  cpus: affinity('hardAffinity', 'runs on', 'The guest runs on these processors only.'),
  cpus_soft: affinity('softAffinity', 'prefers', 'The guest runs on these processors where one of them is free.'),
  cpu_weight: rule('number', used('weight in the run queue', 'The guest gets processor time by this weight.'), {
    range: ({ number }) =>
      number < 1 || number > MAX_WEIGHT
        ? wrong(`1 to ${MAX_WEIGHT}`, `a weight is a number from 1 to ${MAX_WEIGHT}; 256 is usual.`)
        : undefined,
    into: (definition, { number }) => {
      definition.weight = number;
    },
    judge: ({ number }) =>
      used(
        number === 256
          ? 'an equal share when all are busy'
          : `${Number((number / 256).toPrecision(2))} × the usual share when all are busy`,
        `The guest's share of processor time has weight ${number}; others have 256.`,
      ),
    from: ({ weight }) => weight,
  }),
  cap: rule(
    'number',
    used('cap in the run queue', 'The guest gets at most this many per cent of a processor; 0: no limit.'),
    {
      range: ({ number }) =>
        number < 0 || number > MAX_CAP
          ? wrong(`0 to ${MAX_CAP}`, `a cap is a number of per cent of one processor, at most ${MAX_CAP}; 0 is none.`)
          : undefined,
      into: (definition, { number }) => {
        definition.cap = number;
      },
      judge: ({ number }) =>
        number === 0
          ? used('no cap', 'The guest has no cap.')
          : used(`at most ${number} %`, `The guest gets at most ${number} % of a processor.`),
      from: ({ cap }) => cap,
    },
  ),
  ...alike('pool', 'string', ignored('one pool', 'There are no CPU pools.'), value => value === 'Pool-0'),
  ...alike(
    'period budget extratime latency slice',
    'number',
    ignored('for another scheduler', 'This is for other schedulers than credit, which runs here.'),
  ),
  ...alike('vnuma', 'list', ignored('one NUMA node', 'The machine has one NUMA node.')),
};
