/** Memory and processors of domains. Source: libxlDomainSetMemoryFlags(), libxlDomainSetVcpusFlags() and libxlDomainGetVcpus() of src/libxl/libxl_driver.c. */
import { MAX_VCPUS } from '../../hypervisor/layout/index.ts';
import { MAX_PCPUS } from '../../hypervisor/scheduler/index.ts';
import { affinityLists, type Definition, formatCpus, memoryKiB, parseCpus } from '../definitions/config/index.ts';
import { type CommandHost, managedOf, type Uses } from '../toolstack/index.ts';
import { COMMANDS, perform } from '../toolstack/commands/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { guestVcpus, setGuestVcpuCount } from './agent/index.ts';
import { activeId, guestId } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { type EventParameter, tellOfDomain } from './events/index.ts';
import { checkFlags, CONFIG, impactOf, LIVE } from './flags.ts';
import { driverOf, functionOf } from './hypervisors/index.ts';
import { GUEST, MAXIMUM, VCPU } from './constants.ts';

/** What a guest of Xen can have of so much, whose memory comes and goes by MiB. */
const mibOf = (kib: number): number => Math.max(1, Math.floor(kib / 1024));
const roundedUp = (kib: number): number => Math.max(1, Math.ceil(kib / 1024));

/** What it has of memory now, or may have at most. @throws LibvirtError */
export async function setMemory(host: CommandHost, domain: Domain, kib: number, flags = 0): Promise<void> {
  checkFlags(flags, LIVE | CONFIG | MAXIMUM, functionOf(host, 'DomainSetMemoryFlags'));
  const { live, config } = impactOf(domain, flags);
  const isMaximum = (flags & MAXIMUM) !== 0;
  const { definition } = domain;
  if (!isMaximum && kib > memoryKiB(definition).maximum)
    throw new LibvirtError('INVALID_ARG', 'cannot set memory higher than max memory');
  if (live) {
    const id = guestId(domain);
    await failing(() =>
      isMaximum
        ? perform(host, 'mem-max', COMMANDS['mem-max'], id, mibOf(kib))
        : perform(host, 'mem-set', COMMANDS['mem-set'], id, driverOf(host).balloonMiB(kib)),
    );
  }
  if (config)
    await failing(() =>
      managedOf(host).change(domain.managed!, before => {
        const { memory, maximum } = memoryKiB(before);
        return isMaximum
          ? withMemory(before, { memory: Math.min(memory, kib), maximum: kib })
          : withMemory(before, { memory: kib, maximum });
      }),
    );
}

/** In KiB; in a definition that is kept as xl.cfg it is rounded up to MiB. */
const withMemory = (definition: Definition, exactKiB: { memory: number; maximum: number }): Definition => ({
  ...definition,
  memoryMiB: roundedUp(exactKiB.memory),
  maxMemoryMiB: roundedUp(exactKiB.maximum),
  exactKiB,
});

/** How many processors it has now, or may have at most. @throws LibvirtError */
export async function setVcpus(host: CommandHost, domain: Domain, count: number, flags = 0): Promise<void> {
  checkFlags(flags, LIVE | CONFIG | MAXIMUM | driverOf(host).vcpuFlags, functionOf(host, 'DomainSetVcpusFlags'));
  if (count === 0) throw new LibvirtError('INVALID_ARG', 'nvcpus is zero');
  const { live, config } = impactOf(domain, flags);
  if ((flags & GUEST) !== 0) return setGuestVcpuCount(host, domain, count);
  const isMaximum = (flags & MAXIMUM) !== 0;
  if (isMaximum && live) throw new LibvirtError(...driverOf(host).vcpusStay);
  refuseTooMany(count, isMaximum ? { domain: MAX_VCPUS } : mostVcpus(host, domain, { live, config }));
  if (live) {
    const id = guestId(domain);
    await failing(() => perform(host, 'vcpu-set', COMMANDS['vcpu-set'], id, count));
  }
  if (config)
    await failing(() =>
      managedOf(host).change(domain.managed!, before =>
        isMaximum ? { ...before, maxVcpus: count, vcpus: Math.min(before.vcpus, count) } : { ...before, vcpus: count },
      ),
    );
}

/**
 * How many processors it may be given, by what a sentence calls what has that limit. QEMU's driver asks what runs and what is defined, each of its own
 * (qemuDomainSetVcpusInternal()), libxl's what runs alone.
 */
function mostVcpus(
  host: Uses<'toolstack'>,
  domain: Domain,
  { live, config }: { live: boolean; config: boolean },
): Readonly<Record<string, number>> {
  if (!driverOf(host).checksDefinedVcpus) return { domain: maxVcpusOf(domain) };
  return {
    ...(live ? { 'live domain': maxVcpusOf(domain) } : {}),
    ...(config ? { 'persistent domain': maxVcpusOf({ definition: domain.managed!.definition }) } : {}),
  };
}

/** @throws LibvirtError */
function refuseTooMany(count: number, limits: Readonly<Record<string, number>>): void {
  for (const [what, most] of Object.entries(limits))
    if (count > most)
      throw new LibvirtError(
        'INVALID_ARG',
        `requested vcpus is greater than max allowable vcpus for the ${what}: ${count} > ${most}`,
      );
}

const maxVcpusOf = ({ definition: { vcpus, maxVcpus = vcpus } }: Pick<Domain, 'definition'>): number => maxVcpus;

/** How many there are of a kind. @throws LibvirtError */
export async function vcpuCount(host: CommandHost, domain: Domain, flags = 0): Promise<number> {
  checkFlags(flags, LIVE | CONFIG | MAXIMUM | driverOf(host).vcpuFlags, functionOf(host, 'DomainGetVcpusFlags'));
  const { live } = impactOf(domain, flags);
  if ((flags & GUEST) !== 0) return countOfGuest(host, domain, flags);
  if ((flags & MAXIMUM) !== 0) return maxVcpusOf(live ? domain : { definition: domain.managed!.definition });
  if (!live) return domain.managed!.definition.vcpus;
  return (await vcpusOf(host, domain)).filter(({ state }) => state !== VCPU.OFFLINE).length;
}

/** Those that the guest uses, or has. @throws LibvirtError */
async function countOfGuest(host: CommandHost, domain: Domain, flags: number): Promise<number> {
  if (domain.id === undefined)
    throw new LibvirtError(
      'INVALID_ARG',
      'vCPU count provided by the guest agent can only be requested for live domains',
      'qemu',
    );
  const vcpus = await guestVcpus(host, domain, 'virDomainGetVcpusFlags');
  return vcpus.filter(({ isOnline }) => isOnline || (flags & MAXIMUM) !== 0).length;
}

export interface Vcpu {
  number: number;
  state: number;
  cpuTimeNs: number;
  /** Where it runs, or ran last. */
  cpu: number;
  /** Processors that it may run on: their bits. */
  affinity: number;
}

const NS = 1e9;

/** The processors of a domain that runs. @throws LibvirtError */
export async function vcpusOf(host: CommandHost, domain: Domain): Promise<Vcpu[]> {
  const id = activeId(domain);
  const all = 2 ** host.queue.pcpus - 1;
  const { idleVcpu } = driverOf(host);
  return (await COMMANDS['vcpu-list'].run(host, [id])).map(({ vcpu, cpu, online, running, seconds, hard }) => {
    const bits = parseCpus(hard);
    return {
      number: vcpu,
      state: !online ? VCPU.OFFLINE : running ? VCPU.RUNNING : idleVcpu,
      cpuTimeNs: seconds * NS,
      cpu,
      affinity: (typeof bits === 'number' ? bits : all) & all,
    };
  });
}

/** Processors that each processor of a domain may run on, their bits: of one that runs or is defined. @throws LibvirtError */
export async function pinsOf(host: CommandHost, domain: Domain): Promise<number[]> {
  if (domain.id !== undefined) return (await vcpusOf(host, domain)).map(({ affinity }) => affinity);
  const { hardAffinity } = domain.definition;
  const all = 2 ** host.queue.pcpus - 1;
  const most = maxVcpusOf(domain);
  const lists = hardAffinity === undefined ? [] : affinityLists(hardAffinity, most);
  return Array.from({ length: most }, (_, vcpu) => {
    const bits = parseCpus(lists[vcpu] ?? lists[0] ?? 'all');
    return (typeof bits === 'number' ? bits : all) & all;
  });
}

/** Of one that runs. @throws LibvirtError */
export async function pinVcpu(
  host: CommandHost,
  domain: Domain,
  vcpu: number,
  affinity: number,
  flags = 0,
): Promise<void> {
  checkFlags(flags, LIVE | CONFIG, functionOf(host, 'DomainPinVcpuFlags'));
  if ((flags & CONFIG) !== 0)
    throw new LibvirtError(
      'OPERATION_UNSUPPORTED',
      'processors of a definition are pinned by defining it again (virsh edit)',
    );
  const id = activeId(domain);
  const list = Array.from({ length: host.queue.pcpus }, (_, cpu) => cpu).filter(cpu => (affinity >>> cpu) & 1);
  if (list.length === 0) throw new LibvirtError('INVALID_ARG', 'Empty cpu list for pinning');
  await failing(() => perform(host, 'vcpu-pin', COMMANDS['vcpu-pin'], id, list.join(','), undefined, vcpu));
  // xl has a word for all that there can be; virBitmapFormat() has none.
  const value = formatCpus(list.reduce((bits, cpu) => bits | (1 << cpu), 0)).replace('all', `0-${MAX_PCPUS - 1}`);
  const parameters: EventParameter[] = [{ field: `cputune.vcpupin${vcpu}`, value: { kind: 'text', value } }];
  tellOfDomain(host, domain, { kind: 'tunable', parameters });
}
