/** Virtual processors: which there are, where they run, how many are online. Source: tools/xl/xl_vcpu.c of Xen 4.17. */
import { ALL_CPUS, formatCpus } from '../../definitions/config/index.ts';
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { RUNSTATE } from '../../../hypervisor/interfaces/xen/index.ts';
import { setVcpus } from '../requests.ts';
import { runNsOf } from '../run-time.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords, wholeNumber } from './words.ts';
import { xenViewOf } from '../../../hypervisor/interfaces/xen/view/index.ts';

export interface VcpuInfo {
  domid: number;
  name: string;
  vcpu: number;
  /** Processor on which it runs, or ran last. */
  cpu: number;
  online: boolean;
  running: boolean;
  blocked: boolean;
  seconds: number;
  /** As xl prints affinities. */
  hard: string;
  soft: string;
}

export const vcpuList = command({
  summary: 'List the VCPUs for all/some domains',
  usage: '[Domain, ...]',
  run: async (host: CommandHost, ids?: readonly number[]): Promise<VcpuInfo[]> => {
    const all = [
      { id: 0, name: 'Domain-0', index: DOMAIN_0 },
      ...[...host.toolstack.members.values()].map(({ name, record }) => ({ id: record.id, name, index: record.index })),
    ];
    return all.filter(({ id }) => !ids || ids.includes(id)).flatMap(one => vcpusOf(host, one));
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    const rows = await run(rest.length === 0 ? undefined : rest.map(word => findDomain(host, word)));
    const number = (value: number | string, columns: number): string => String(value).padStart(columns);
    const head = `${'Name'.padEnd(32)} ${number('ID', 5)} ${number('VCPU', 5)} ${number('CPU', 5)} ${number('State', 5)} ${number('Time(s)', 9)} Affinity (Hard / Soft)\n`;
    const lines = rows.map(({ name, domid, vcpu, cpu, online, running, blocked, seconds, hard, soft }) => {
      const state = online
        ? `${number(cpu, 5)} ${number(running ? 'r' : '-', 3)}${blocked ? 'b' : '-'}- `
        : `${number('-', 5)} ${number('-', 3)}-p `;
      return `${name.padEnd(32)} ${number(domid, 5)} ${number(vcpu, 5)}${state}${number(seconds.toFixed(1), 9)}  ${hard} / ${soft}\n`;
    });
    return head + lines.join('');
  },
});

/** How many processors a domain has online now. */
export const onlineOf = (host: CommandHost, domain: { id: number; name: string; index: number }): number =>
  vcpusOf(host, domain).filter(({ online }) => online).length;

function vcpusOf(
  { toolstack, queue }: Uses<'queue' | 'toolstack'>,
  { id, name, index }: { id: number; name: string; index: number },
): VcpuInfo[] {
  const { scheduler } = toolstack.view;
  const unit = scheduler.units().find(each => each.unit === index),
    shares = queue.shares(index);
  const common = (vcpu: number) => ({
    domid: id,
    name,
    vcpu,
    cpu: unit?.lastPcpus[vcpu] ?? 0,
    hard: formatCpus(shares?.hardAffinity[vcpu] ?? ALL_CPUS),
    soft: formatCpus(shares?.softAffinity[vcpu] ?? ALL_CPUS),
  });
  const holdsSlot = scheduler.slots.includes(index);
  // Of Domain 0 itself, and of a guest that knows nothing of Xen, whose vCPUs are one unit.
  const whole = {
    online: true,
    running: id === 0 || holdsSlot,
    blocked: id !== 0 && !holdsSlot,
    seconds: runNsOf(toolstack, index) / 1e9,
  };
  const view = id === 0 ? undefined : toolstack.view.at(index),
    vcpus = view?.vcpus(),
    xen = xenViewOf(view);
  if (!vcpus) return [{ ...common(0), ...whole }];
  const runstates = vcpus.map(vcpu => xen?.runstate(vcpu.id));
  // A domain's time is the sum of its vCPUs' (getdomaininfo() in Xen's common/domctl.c): what the domain ran, in the parts that the runstates have; of a guest
  // that knows nothing of Xen, whose vCPUs share one slot, in the parts that they have run of its instructions.
  const ran = vcpus.map((vcpu, i) => runstates[i]?.ns[RUNSTATE.RUNNING] ?? vcpu.retired);
  const all = ran.reduce((sum, each) => sum + each, 0);
  return vcpus.map((vcpu, i): VcpuInfo => {
    const runstate = runstates[i];
    const running = runstate ? runstate.state === RUNSTATE.RUNNING && holdsSlot : whole.running;
    return {
      ...common(i),
      online: vcpu.isUp,
      running,
      blocked: runstate ? runstate.state === RUNSTATE.BLOCKED : whole.blocked,
      seconds: all === 0 ? 0 : (whole.seconds * ran[i]) / all,
    };
  });
}

export const vcpuSet = command({
  summary: 'Set the number of active VCPUs allowed for the domain',
  usage: '[option] <Domain> <vCPUs>',
  options: [['-i, --ignore-host', "Don't limit the vCPU based on the host CPU count"]],
  modifies: true,
  /** How many processors its guest may have online: it gets the number through the store, and takes them on and off by itself. */
  run: (host: Uses<'domains' | 'tasks' | 'toolstack'>, id: number, vcpus: number): Promise<void> => {
    const member = host.domains.living(id);
    return host.tasks.run(
      commandOf('vcpu-set', member.name, { vcpus }),
      async task => {
        const most = member.record.vcpus;
        if (vcpus < 1 || vcpus > most)
          throw new Refusal(
            `Requested ${vcpus} VCPUs, however maxcpus is ${most}!\nlibxl_set_vcpuonline failed domid=${id} max_vcpus=${vcpus}, rc: -6`,
          );
        setVcpus(host.toolstack, member, vcpus);
        task.message = `The guest is asked to have ${vcpus} of ${most} online.`;
      },
      id,
    );
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'i', long: { 'ignore-host': 'i' } });
    atLeast('vcpu-set', rest, 2);
    const id = findDomain(host, rest[0]);
    if (!/^\d+$/.test(rest[1])) throw new Refusal('Error: Invalid argument.');
    const vcpus = wholeNumber(rest[1], 'number of vCPUs');
    const { pcpus } = host.queue;
    const online = (await vcpuList.run(host, [id])).filter(each => each.online).length;
    if (!options.has('i') && vcpus > online && vcpus > pcpus)
      throw new Refusal(
        `You are overcommmitting! You have ${pcpus} physical CPUs and want ${vcpus} vCPUs! Aborting, use --ignore-host to continue`,
      );
    await run(id, vcpus);
    return '';
  },
});
