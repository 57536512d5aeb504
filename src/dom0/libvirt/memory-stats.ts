/**
 * What is known of a domain's memory, as libvirt's driver of QEMU tells it: what the balloon has left it, what the guest says, what of the host's it has.
 * Source: qemuMonitorJSONGetMemoryStats() of src/qemu/qemu_monitor_json.c, virDomainMemoryStatTags.
 */
import { balloonView, hasBalloon, residentKiB, type Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { activeId, guestId, infoOf } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { inLibvirt } from './kinds/index.ts';
import { checkFlags, CONFIG, impactOf, LIVE } from './flags.ts';

/** A statistic: libvirt's number of it, virsh's word for it, its value; of memory in KiB. */
export interface MemoryStat {
  tag: number;
  word: string;
  value: number;
}

/** What the guest says, in the order of libvirt: virtio's tag, libvirt's, virsh's word, and whether it counts bytes. */
const OF_GUEST = [
  [0, 0, 'swap_in', true],
  [1, 1, 'swap_out', true],
  [2, 2, 'major_fault', false],
  [3, 3, 'minor_fault', false],
  [4, 4, 'unused', true],
  [5, 5, 'available', true],
  [6, 8, 'usable', true],
] as const;
const OF_GUEST_LATER = [
  [7, 10, 'disk_caches', true],
  [8, 11, 'hugetlb_pgalloc', false],
  [9, 12, 'hugetlb_pgfail', false],
] as const;
const ACTUAL = 6,
  RSS = 7,
  LAST_UPDATE = 9;

/** @throws LibvirtError where it does not run */
export function memoryStats(host: Uses<'machine' | 'toolstack'>, domain: Domain): MemoryStat[] {
  const member = host.toolstack.members.get(activeId(domain));
  const actual = { tag: ACTUAL, word: 'actual', value: infoOf(host, domain).memoryKiB };
  if (!member || !inLibvirt(member.blueprint.definition).memoryStats) return [actual];
  const stats = balloonView(host.machine, member)?.stats;
  const said = (rows: readonly (readonly [number, number, string, boolean])[]): MemoryStat[] =>
    rows.flatMap(([from, tag, word, isBytes]) => {
      const value = stats?.values[from];
      return value === undefined ? [] : [{ tag, word, value: isBytes ? Math.floor(value / 1024) : value }];
    });
  return [
    actual,
    ...said(OF_GUEST),
    ...(hasBalloon(member) ? [{ tag: LAST_UPDATE, word: 'last_update', value: stats?.seconds ?? 0 }] : []),
    ...said(OF_GUEST_LATER),
    { tag: RSS, word: 'rss', value: residentKiB(host.machine, member) },
  ];
}

/** Seconds between two statistics of a guest that runs; 0: none are asked for. @throws LibvirtError */
export async function setMemoryStatsPeriod(
  host: Uses<'toolstack'>,
  domain: Domain,
  periodS: number,
  flags = 0,
): Promise<void> {
  checkFlags(flags, LIVE | CONFIG, 'qemuDomainSetMemoryStatsPeriod');
  if (periodS < 0) throw new LibvirtError('INVALID_ARG', 'period must not be negative');
  const { live, config } = impactOf(domain, flags);
  if (config)
    throw new LibvirtError(
      'OPERATION_UNSUPPORTED',
      "the period of a definition is set by defining it again (virsh edit, <stats period='…'/> in <memballoon>)",
    );
  const member = live && host.toolstack.members.get(guestId(domain));
  if (!member || !hasBalloon(member))
    throw new LibvirtError('OPERATION_INVALID', 'Memory balloon model must be virtio to set the collection period');
  member.runner.ask('balloon', { periodS });
}
