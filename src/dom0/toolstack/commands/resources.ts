/** What domains have of memory and processors. */
import { sharesOf, sharesProblem } from '../../../hypervisor/scheduler/index.ts';
import type { Schedule } from '../wire.ts';
import { affinityProblem, formatAffinity, parseCpus } from '../../definitions/config/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { followBalloon } from '../balloon.ts';
import { kindOfMember } from '../kinds/index.ts';
import { command, Refusal } from './command.ts';
import { isPool, POOL } from './pools.ts';
import { atLeast, findDomain, mebibytes, readWords, wholeNumber } from './words.ts';

export const memSet = command({
  summary: 'Set the current memory usage for a domain',
  usage: "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
  modifies: true,
  /** What the guest's balloon driver shall come to; its maxmem is the most. */
  run: async (host: CommandHost, id: number, memoryMiB: number): Promise<void> => {
    const member = host.domains.living(id);
    // The task goes on when the command has returned: xl only writes the target.
    const { say, end } = host.tasks.start(commandOf('mem-set', member.name, { memoryMiB }), undefined, id);
    const { memory } = await kindOfMember(member).running();
    const frames = (): number => memory.frames(host.toolstack, member);
    const had = frames();
    try {
      host.toolstack.setMemory(member, memoryMiB);
    } catch (error) {
      end('failed', (error as Error).message);
      throw error;
    }
    member.balloon?.replaced();
    const over = (): void => balloon.over();
    const balloon = followBalloon(had, memoryMiB, {
      frames,
      listens: () => memory.listens(host.toolstack, member),
      silence: memory.silence,
      nowMs: host.clock.hostMs,
      later: host.clock.later,
      say,
      end: message => {
        member.whenOver.delete(over);
        delete member.balloon;
        end('done', message);
      },
    });
    member.balloon = balloon;
    member.whenOver.add(over);
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('mem-set', rest, 2);
    await orNoMemory(findDomain(host, rest[0]), rest[1], 'dynamic', run);
    return '';
  },
});

/** Sets what a domain has, or may have, of memory; xl's last words where that is refused (tools/xl/xl_mem.c). @throws Refusal */
export async function orNoMemory(
  id: number,
  word: string,
  which: 'dynamic' | 'static',
  run: (id: number, memoryMiB: number) => Promise<void>,
): Promise<void> {
  const memoryMiB = mebibytes(word);
  await run(id, memoryMiB).catch((error: Error) => {
    throw new Refusal(`${error.message}\ncannot set domid ${id} ${which} max memory to : ${word}`);
  });
}

/** What is not given stays; without a domain the scheduler's own parameters. */
export interface NewSchedule {
  domain?: number;
  weight?: number;
  cap?: number;
  tsliceUs?: number;
  ratelimitUs?: number;
}

/** What became of them, for the task that did it. */
function changedShares(
  before: { weight: number; cap: number } | undefined,
  now: { weight: number; cap: number } | undefined,
): string {
  const capText = (cap = 0): string => (cap === 0 ? '' : `, cap ${cap} %`);
  return `From the next accounting on it counts by weight ${now?.weight}${capText(now?.cap)}; before: ${before?.weight}${capText(before?.cap)}.`;
}

export const schedCredit = command({
  summary: 'Get/set credit scheduler parameters',
  usage: '[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]] [-s [-t TSLICE] [-r RATELIMIT]] [-p CPUPOOL]',
  options: [
    ['-d DOMAIN, --domain=DOMAIN', 'Domain to modify'],
    ['-w WEIGHT, --weight=WEIGHT', 'Weight (int)'],
    ['-c CAP, --cap=CAP', 'Cap (int)'],
    ['-s         --schedparam', 'Query / modify scheduler parameters'],
    ['-t TSLICE, --tslice_ms=TSLICE', 'Set the timeslice, in milliseconds'],
    ['-r RLIMIT, --ratelimit_us=RLIMIT', 'Set the scheduling rate limit, in microseconds'],
    ['-m DLY, --migration_delay_us=DLY', 'Set the migration delay, in microseconds: it is 0 here'],
    ['-p CPUPOOL, --cpupool=CPUPOOL', 'Restrict output to CPUPOOL'],
  ],
  modifies: true,
  /** How processor time is shared, after what is to be changed was; domain 0 is Domain 0. */
  run: async (
    host: Uses<'domains' | 'queue' | 'tasks' | 'toolstack'>,
    { domain, weight, cap, tsliceUs, ratelimitUs }: NewSchedule = {},
  ): Promise<Schedule> => {
    const { queue } = host;
    if (domain !== undefined && (weight !== undefined || cap !== undefined)) {
      const { name, record } = host.domains.unit(domain);
      await host.tasks.run(
        commandOf('sched-credit', name, { weight, cap }),
        async task => {
          const shares = sharesOf({ weight, cap });
          const problem = sharesProblem(shares, record.vcpus);
          if (problem) throw new Error(problem);
          const before = queue.shares(record.index);
          queue.adjust(record.index, shares);
          host.toolstack.noteCall(
            { id: domain },
            'XEN_DOMCTL_scheduler_op',
            `weight ${shares.weight ?? before?.weight}, cap ${shares.cap ?? before?.cap}`,
          );
          task.message = changedShares(before, queue.shares(record.index));
        },
        domain,
      );
    }
    if (tsliceUs !== undefined || ratelimitUs !== undefined)
      await host.tasks.run(
        commandOf('sched-credit', undefined, { tsliceMs: tsliceUs && tsliceUs / 1000, ratelimitUs }),
        async () =>
          queue.setParameters({
            ...(tsliceUs === undefined ? {} : { tsliceUs }),
            ...(ratelimitUs === undefined ? {} : { ratelimitUs }),
          }),
      );
    const units = [host.domains.unit(0), ...host.toolstack.members.values()];
    const domains = units.flatMap(({ name, record }, i) => {
      const shares = queue.shares(record.index);
      const id = i === 0 ? 0 : ((record as { id?: number }).id ?? 0);
      return shares
        ? [
            {
              id,
              name,
              weight: shares.weight,
              cap: shares.cap,
              cpus: formatAffinity(shares.hardAffinity),
              cpusSoft: formatAffinity(shares.softAffinity),
            },
          ]
        : [];
    });
    return { policy: queue.policy.name, pcpus: queue.pcpus, ...queue.parameters, domains };
  },
  xl: async ({ host, words }, run) => {
    const { options } = readWords(words, {
      flags: 's',
      values: 'dwctrmp',
      long: {
        domain: 'd',
        weight: 'w',
        cap: 'c',
        schedparam: 's',
        tslice_ms: 't',
        ratelimit_us: 'r',
        migration_delay_us: 'm',
        cpupool: 'p',
      },
    });
    const number = (letter: string, what: string): number | undefined => {
      const word = options.get(letter);
      // What is below zero is out of range, and the scheduler says of what.
      return word === undefined ? undefined : /^-\d+$/.test(word) ? Number(word) : wholeNumber(word, what);
    };
    const isSet = ['w', 'c'].some(letter => options.has(letter)),
      domain = options.get('d');
    if (['p', 's'].some(letter => options.has(letter)) && (isSet || domain !== undefined))
      throw new Refusal('Specifying a cpupool or schedparam is not allowed with domain options.');
    if (isSet && domain === undefined) throw new Refusal('Must specify a domain.');
    if (['t', 'r', 'm'].some(letter => options.has(letter)) && !options.has('s'))
      throw new Refusal('Must specify schedparam to set schedule parameter values.');
    const pool = options.get('p');
    if (pool !== undefined && !isPool(pool)) throw new Refusal(`unknown cpupool '${pool}'`);
    if ((number('m', 'migration delay') ?? 0) !== 0)
      throw new Refusal('A vCPU may move as soon as it has stopped running here: its migration delay stays 0.');
    const id = domain === undefined ? undefined : findDomain(host, domain);
    const tsliceMs = number('t', 'timeslice');
    const wanted = {
      domain: id,
      weight: number('w', 'weight'),
      cap: number('c', 'cap'),
      tsliceUs: tsliceMs && tsliceMs * 1000,
      ratelimitUs: number('r', 'ratelimit'),
    };
    const schedule = await run(Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)));
    if (isSet || ['t', 'r', 'm'].some(letter => options.has(letter))) return '';
    const head = `${'Name'.padEnd(33)} ${'ID'.padStart(4)} ${'Weight'.padStart(6)} ${'Cap'.padStart(4)}\n`;
    const rows = schedule.domains
      .filter(row => id === undefined || row.id === id)
      .map(
        row =>
          `${row.name.padEnd(33)} ${String(row.id).padStart(4)} ${String(row.weight).padStart(6)} ${String(row.cap).padStart(4)}\n`,
      );
    const settings = `Cpupool ${POOL}: tslice=${schedule.tsliceUs / 1000}ms ratelimit=${schedule.ratelimitUs}us migration-delay=0us\n`;
    if (options.has('s')) return settings;
    return `${id === undefined ? settings : ''}${head}${rows.join('')}`;
  },
});

export const vcpuPin = command({
  summary: 'Set which CPUs a VCPU can use',
  usage: '[option] <Domain> <VCPU|all> <Hard affinity|-|all> <Soft affinity|-|all>',
  options: [
    ['-f, --force', 'undo an override pinning done by the kernel: there is none here'],
    ['--ignore-global-affinity-masks', 'Ignore global masks in xl.conf: there are none here'],
  ],
  modifies: true,
  /** Lists of processors as xl.cfg writes them; absent: they stay. `vcpu`: that one alone (all). */
  run: async (host: CommandHost, id: number, cpus?: string, cpusSoft?: string, vcpu?: number): Promise<void> => {
    const { name, record } = host.domains.unit(id);
    await host.tasks.run(
      commandOf('vcpu-pin', name, { vcpu, cpus, cpusSoft }),
      async () => {
        if (vcpu !== undefined && vcpu >= record.vcpus)
          throw new Refusal(
            `Could not set affinity for vcpu \`${vcpu}'.\nDomain ${id} has no such vCPU: its vCPUs are 0 to ${record.vcpus - 1}.`,
          );
        const affinity = (text: string | undefined): number | undefined => {
          const bits = text === undefined ? undefined : parseCpus(text);
          if (typeof bits === 'object') throw new Error(bits.text);
          return bits;
        };
        const shares = sharesOf({ hardAffinity: affinity(cpus), softAffinity: affinity(cpusSoft) });
        const problem = affinityProblem(shares.hardAffinity, host.queue.pcpus);
        if (problem) throw new Error(problem);
        host.queue.adjust(record.index, shares, vcpu);
        for (let i = vcpu ?? 0; i <= (vcpu ?? record.vcpus - 1); i++)
          host.toolstack.noteCall({ id }, 'XEN_DOMCTL_setvcpuaffinity', `vCPU ${i}`);
      },
      id,
    );
  },
  xl: async ({ host, words }, run) => {
    // A minus alone is a word.
    const { rest } = readWords(words, { flags: 'fi', long: { force: 'f', 'ignore-global-affinity-masks': 'i' } });
    atLeast('vcpu-pin', rest, 3);
    const [domain, vcpu, hard, soft = '-'] = rest;
    const id = findDomain(host, domain);
    if (vcpu !== 'all' && !/^\d+$/.test(vcpu)) throw new Refusal(`Error: Invalid argument ${vcpu} as VCPU.`);
    const list = (word: string): string | undefined => (word === '-' ? undefined : word);
    await run(id, list(hard), list(soft), vcpu === 'all' ? undefined : Number(vcpu));
    return '';
  },
});
