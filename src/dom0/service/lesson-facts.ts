/**
 * What the machine itself says of a domain, as numbers by name: for checks of lessons, which ask the counters of the hypervisor, the rings and the store, and
 * never the guest. Everything is read, and nothing changes.
 */
import { registers as R } from '../../cpu/architecture/index.ts';
import { exitsByName } from '../../hypervisor/view/index.ts';
import { hypercallName } from '../../hypervisor/interfaces/xen/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import type { RingFacts } from './front-rings.ts';

export interface Facts {
  /** They only grow: what counts is by how much. */
  counts: Record<string, number>;
  /** As they are now. */
  values: Record<string, number>;
}

const US = 1e3;

/** `rings`: of its devices. @throws Error with a sentence where there is no such domain */
export function factsOf(host: CommandHost, id: number, rings: readonly RingFacts[]): Facts {
  const member = host.member(id);
  const domain = host.toolstack.view.at(member.record.index);
  if (!domain) throw new Error(`${member.name} has no record in the machine's memory any more.`);
  const counters = domain.counters();
  const counts: Record<string, number> = {
    retired: counters.retired,
    exits: counters.exits,
    ioreqs: counters.ioreqs,
    port_bytes: counters.portBytes,
    apic_reads: counters.apicReads,
    run_us: counters.runNs / US,
  };
  for (const [name, count] of Object.entries(exitsByName(counters.byReason))) counts[`exit.${name}`] = count;
  let hypercalls = 0;
  counters.hypercalls.forEach((count, number) => {
    hypercalls += count;
    if (count > 0) counts[`hypercall.${hypercallName(number)}`] = count;
  });
  counts.hypercalls = hypercalls;
  const shares = host.queue.shares(member.record.index);
  const { words } = domain.vcpus()[0]!.registers();
  const values: Record<string, number> = {
    id,
    memory_mib: member.memoryMiB,
    weight: shares?.weight ?? 0,
    cap: shares?.cap ?? 0,
    'reg.eip': words[R.EIP]! >>> 0,
    'reg.cpl': words[R.CPL]!,
    'reg.cs': words[R.SEG + R.CS * R.SEG_WORDS + R.SEG_SELECTOR]! & 0xffff,
    'reg.cr3': words[R.CR3]! >>> 0,
  };
  if (!member.attached) return { counts, values };
  for (const { name, reqProd, rspProd, reqCons, events } of rings) {
    counts[`ring.${name}.req_prod`] = reqProd;
    counts[`ring.${name}.rsp_prod`] = rspProd;
    values[`ring.${name}.waiting`] = (reqProd - reqCons) >>> 0;
    if (!events) continue;
    counts[`ring.${name}.events_in`] = events.heard;
    counts[`ring.${name}.events_out`] = events.sent;
  }
  for (const {
    vdev,
    counts: { reads, writes, readSectors, writtenSectors },
  } of host.toolstack.services.disks(id)) {
    for (const [what, count] of Object.entries({
      reads,
      writes,
      read_sectors: readSectors,
      written_sectors: writtenSectors,
    }))
      counts[`disk.${vdev}.${what}`] = count;
  }
  const home = `/local/domain/${id}/`;
  const decoder = new TextDecoder('latin1');
  for (const { path, value } of host.toolstack.services.xenstored.store.look().nodes) {
    const text = decoder.decode(value);
    if (path.startsWith(home) && /^\d{1,15}$/.test(text)) values[`store.${path.slice(home.length)}`] = Number(text);
  }
  return { counts, values };
}
