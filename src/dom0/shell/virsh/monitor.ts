/** What is asked of QEMU's driver of libvirt alone: a guest's monitor (cmdQemuMonitorCommand() of tools/virsh-domain.c), and its share of processor time. */
import { CGROUP } from '../../../hypervisor/scheduler/index.ts';
import type { CommandHost, Guest } from '../../toolstack/index.ts';
import { askHuman, askMonitor } from '../../toolstack/qemu/index.ts';
import { find, saying, type VirshCommand, VirshError } from './virsh-command.ts';

/** libvirt numbers what it asks. */
let asked = 0;

/** @throws VirshError where it does not run */
async function running(host: CommandHost, word: string | undefined): Promise<Guest> {
  const { id } = await find(host, word);
  const guest = id === undefined ? undefined : host.toolstack.members.get(id);
  if (!guest || guest.ending) throw new VirshError('error: Requested operation is not valid: domain is not running');
  return guest;
}

/** @throws VirshError: there is no QEMU */
function needsQemu(host: CommandHost, what: string): void {
  if (host.toolstack.hypervisor.kind === 'xen')
    throw new VirshError(`error: this function is not supported by the connection driver: ${what}`);
}

/** virsh schedinfo's parameters of a domain in cgroups, in its order; what a vCPU has is all that its domain has, as both share one thread. */
const PARAMETERS = ['cpu_shares', 'vcpu_period', 'vcpu_quota', 'global_period', 'global_quota'] as const;
const WITHOUT_LIMIT = '17592186044415';

/** virsh schedinfo of a domain that is a process in cgroups. @throws VirshError */
export async function sharesInGroups(
  host: CommandHost,
  word: string | undefined,
  changes: string | undefined,
): Promise<string> {
  const { record } = await running(host, word);
  for (const change of (changes ?? '').split(/[\s,]+/).filter(each => each !== '')) {
    const [, name = change, value] = /^([^=]+)=(-?\d+)$/.exec(change) ?? [];
    const number = Number(value);
    if (!(PARAMETERS as readonly string[]).includes(name) || value === undefined)
      throw new VirshError(`error: invalid scheduler option: ${name}`);
    const isQuota = name.endsWith('quota'),
      isPeriod = name.endsWith('period');
    const [least, most] = isPeriod
      ? CGROUP.periodUs
      : name === 'cpu_shares'
        ? CGROUP.shares
        : [CGROUP.leastQuotaUs, Number(WITHOUT_LIMIT)];
    if (!(isQuota && number < 0) && !(number >= least && number <= most))
      throw new VirshError(`error: invalid argument: value of '${name}' is out of range [${least}, ${most}]`);
    host.queue.adjust(
      record.index,
      isPeriod
        ? { periodUs: number }
        : isQuota
          ? { quotaUs: number < 0 || number > 2 ** 31 - 1 ? 0 : number }
          : { weight: number },
    );
  }
  const { weight, quotaUs, periodUs } = host.queue.shares(record.index)!;
  const quota = quotaUs === 0 ? WITHOUT_LIMIT : quotaUs;
  const values = {
    cpu_shares: weight,
    vcpu_period: periodUs,
    vcpu_quota: quota,
    global_period: periodUs,
    global_quota: quota,
  };
  return `${['Scheduler      : posix', ...PARAMETERS.map(name => `${name.padEnd(15)}: ${values[name]}`)].join('\n')}\n\n`;
}

export const MONITOR: Record<string, VirshCommand> = {
  'qemu-monitor-command': {
    usage: 'qemu-monitor-command <domain> <cmd> [--hmp] [--pretty]',
    about: 'QEMU Monitor Command',
    run: async (host, [word, line], options) => {
      if (line === undefined) throw new VirshError('error: missing monitor command');
      needsQemu(host, 'virDomainQemuMonitorCommand');
      const guest = await running(host, word);
      if (options.has('hmp')) return `${await askHuman(host, guest, line)}\n`;
      const reply = await saying('', () => askMonitor(host, guest, line, `libvirt-${++asked}`));
      return `${JSON.stringify(reply, undefined, options.has('pretty') ? 2 : undefined)}\n\n`;
    },
  },
};
