/** Processors that a guest's system uses, as its agent tells and sets them. Source: qemuAgentGetVCPUs() to qemuAgentUpdateCPUInfo() of src/qemu/qemu_agent.c. */
import type { CommandHost, Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { LibvirtError } from '../errors.ts';
import { type Agent, malformed, withAgent } from './session.ts';
import { count, list, truth } from './words.ts';

export interface GuestVcpu {
  id: number;
  isOnline: boolean;
  canGoOffline: boolean;
}

/** QEMU_GUEST_VCPU_MAX_ID. */
const MOST_IDS = 4096;

/** virBitmapParse(): numbers, ranges, and ^ before what is left out (`0-3,^1`); undefined: it is none. */
export function parseIds(text: string): Set<number> | undefined {
  const ids = new Set<number>();
  for (const part of text.split(',')) {
    const [, not, first, last = first] = /^\s*(\^?)(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part) ?? [];
    if (first === undefined || Number(first) > Number(last) || Number(last) >= MOST_IDS) return undefined;
    if (not && first !== last) return undefined;
    for (let id = Number(first); id <= Number(last); id++) not ? ids.delete(id) : ids.add(id);
  }
  return ids;
}

/** virBitmapFormat(). */
export function formatIds(ids: readonly number[]): string {
  const sorted = [...new Set(ids)].sort((a, b) => a - b);
  const ends = sorted.filter(id => !sorted.includes(id + 1));
  return sorted
    .filter(id => !sorted.includes(id - 1))
    .map((first, i) => (first === ends[i] ? `${first}` : `${first}-${ends[i]}`))
    .join(',');
}

/** @throws LibvirtError */
export function readVcpus(said: unknown): GuestVcpu[] {
  const missing = (field: string): string => `'${field}' missing in reply of guest-get-vcpus`;
  return list(said, 'guest-get-vcpus reply was missing return data').map(each => ({
    id: count(each, 'logical-id', missing('logical-id')),
    isOnline: truth(each, 'online', missing('online')),
    canGoOffline: truth(each, 'can-offline', missing('can-offline')),
  }));
}

const vcpusBy = async (agent: Agent): Promise<GuestVcpu[]> => readVcpus(await agent.ask('guest-get-vcpus'));

/** @throws LibvirtError */
export const guestVcpus = (host: CommandHost, domain: Domain, what = 'virDomainGetGuestVcpus'): Promise<GuestVcpu[]> =>
  withAgent(host, domain, what, vcpusBy);

/** qemuDomainGetGuestVcpusParams(): names of lists, and the processors in each. */
export const vcpuRows = (vcpus: readonly GuestVcpu[]): (readonly [string, string])[] => {
  const idsOf = (is: (vcpu: GuestVcpu) => boolean): string => formatIds(vcpus.filter(is).map(({ id }) => id));
  return [
    ['vcpus', idsOf(() => true)],
    ['online', idsOf(({ isOnline }) => isOnline)],
    ['offlinable', idsOf(({ canGoOffline }) => canGoOffline)],
  ];
};

/** The agent says how many of them it has set; the rest is asked of it again. @throws LibvirtError */
async function set(agent: Agent, wanted: readonly { id: number; isOnline: boolean }[]): Promise<void> {
  for (let rest = wanted; rest.length > 0; ) {
    const vcpus = rest.map(({ id, isOnline }) => ({ 'logical-id': id, online: isOnline }));
    const done = await agent.ask('guest-set-vcpus', { vcpus });
    if (!Number.isSafeInteger(done) || (done as number) <= 0 || (done as number) > rest.length)
      throw malformed('guest agent returned malformed or invalid return value');
    rest = rest.slice(done as number);
  }
}

/** Which are to come or to go so that this many are used. @throws LibvirtError */
export function changesTo(wanted: number, vcpus: readonly GuestVcpu[]): { id: number; isOnline: boolean }[] {
  if (vcpus.some(({ isOnline, canGoOffline }) => !isOnline && !canGoOffline))
    throw malformed('Invalid data provided by guest agent');
  const online = vcpus.filter(({ isOnline }) => isOnline);
  // Linux does not get on without processor 0 everywhere (suspend to RAM), though it may say that it can go.
  const all = online.filter(({ canGoOffline }) => canGoOffline);
  const removable = all.length === online.length ? all.filter(({ id }) => id !== 0) : all;
  if (wanted > vcpus.length) throw malformed('guest agent reports less cpu than requested');
  if (wanted < online.length - removable.length)
    throw new LibvirtError('INVALID_ARG', 'Cannot offline enough CPUs', 'qemu');
  if (wanted < online.length)
    return removable.slice(0, online.length - wanted).map(({ id }) => ({ id, isOnline: false }));
  return vcpus
    .filter(({ isOnline }) => !isOnline)
    .slice(0, wanted - online.length)
    .map(({ id }) => ({ id, isOnline: true }));
}

/** This many of its processors are used from now on. @throws LibvirtError */
export const setGuestVcpuCount = (host: Uses<'toolstack'>, domain: Domain, wanted: number): Promise<void> =>
  withAgent(host, domain, 'virDomainSetVcpusFlags', async agent => {
    const { vcpus } = domain.definition;
    if (wanted > vcpus)
      throw new LibvirtError(
        'INVALID_ARG',
        `requested vcpu count is greater than the count of enabled vcpus in the domain: ${wanted} > ${vcpus}`,
        'qemu',
      );
    await set(agent, changesTo(wanted, await vcpusBy(agent)));
  });

/** Those of a list (`1-3`) are used from now on, or are not. @throws LibvirtError */
export async function setGuestVcpus(host: CommandHost, domain: Domain, cpus: string, isOnline: boolean): Promise<void> {
  const wanted = parseIds(cpus);
  if (!wanted) throw new LibvirtError('INVALID_ARG', `Failed to parse bitmap '${cpus}'`, 'domain');
  await withAgent(host, domain, 'virDomainSetGuestVcpus', async agent => {
    const meant = (await vcpusBy(agent)).filter(({ id }) => wanted.has(id));
    const stays = isOnline ? undefined : meant.find(({ canGoOffline }) => !canGoOffline);
    if (stays) throw new LibvirtError('OPERATION_UNSUPPORTED', `vCPU '${stays.id}' is not offlinable`, 'qemu');
    const missing = [...wanted].filter(id => !meant.some(vcpu => vcpu.id === id));
    if (missing.length > 0)
      throw new LibvirtError('INVALID_ARG', `guest is missing vCPUs '${formatIds(missing)}'`, 'qemu');
    await set(
      agent,
      meant.map(({ id }) => ({ id, isOnline })),
    );
  });
}
