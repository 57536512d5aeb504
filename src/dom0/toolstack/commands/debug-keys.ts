/**
 * What Xen's debug keys print into its console ring, as `xl dmesg` shows it, read from machine memory.
 * Source: dump_domains() in xen/common/keyhandler.c, schedule_dump() and csched_dump() in xen/common/sched, dump_evtchn_info() in
 * xen/common/event_channel.c, gnttab_usage_print_all() in xen/common/grant_table.c of Xen 4.17.
 */
import { EVTCHNSTAT } from '../../../hypervisor/interfaces/xen/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { command, Refusal } from './command.ts';
import { atLeast, readWords } from './words.ts';
import { grantsOf, portsOf, xenViewOf } from '../../../hypervisor/interfaces/xen/view/index.ts';

const hex = (value: number, digits = 0): string => (value >>> 0).toString(16).padStart(digits, '0');
const bit = (value: boolean): number => (value ? 1 : 0);

/** Domains with their entries in the domain table, in the order of their numbers. */
const domainsOf = ({ toolstack }: Uses<'toolstack'>) =>
  [...toolstack.members.values()].flatMap(member => {
    const view = toolstack.view.at(member.record.index);
    return view ? [{ member, view }] : [];
  });

/** Domains, their memory and their vCPUs. */
function domainInfo(host: Uses<'domains' | 'managed' | 'queue' | 'toolstack'>): string[] {
  const { queue, toolstack } = host;
  const lines = [`'q' pressed -> dumping domain info (now = ${Math.round(queue.nowNs())})`];
  for (const { member, view } of domainsOf(host)) {
    const { record, uuid, paused } = member;
    const reservation = xenViewOf(view)?.reservation ?? { current: view.ramFrames, most: view.ramFrames };
    lines.push(
      `General information for domain ${record.id}:`,
      `    refcnt=1 dying=${bit(view.dying)} pause_count=${bit(paused)}`,
      `    nr_pages=${reservation.current} xenheap_pages=0 shared_pages=0 paged_pages=0 max_pages=${reservation.most}`,
      `    handle=${uuid} vm_assist=00000000`,
      `VCPU information and callbacks for domain ${record.id}:`,
    );
    const unit = toolstack.view.scheduler.units().find(each => each.unit === record.index);
    for (const vcpu of view.vcpus()) {
      const runs = toolstack.view.scheduler.slots.includes(record.index) && vcpu.isCurrent;
      lines.push(
        `    VCPU${vcpu.id}: CPU${unit?.pcpu ?? 0} [has=${runs ? 'T' : 'F'}] poll=0 exits=${vcpu.lastExits().total}`,
      );
    }
  }
  return lines;
}

/** The run queues: a domain is a unit of this scheduler, with all its vCPUs. */
function runQueues({ queue, toolstack }: Uses<'queue' | 'toolstack'>): string[] {
  const { scheduler } = toolstack.view;
  const { tsliceUs, ratelimitUs } = queue.parameters;
  const names = new Map([...toolstack.members.values()].map(({ record }) => [record.index, record.id]));
  const units = scheduler
    .units()
    .map(
      ({ unit, priority, pcpu, credit, weight, cap, parked }, i) =>
        `\t${String(i + 1).padStart(3)}: [${names.get(unit) ?? 0}.0] pri=${priority} flags=${bit(parked)} cpu=${pcpu} credit=${Math.round(credit)} [w=${weight},cap=${cap}]`,
    );
  const slots = scheduler.slots.map(
    (unit, pcpu) => `CPU[${String(pcpu).padStart(2, '0')}] ${unit < 0 ? 'idle' : `current=d${names.get(unit) ?? 0}`}`,
  );
  return [
    `NOW=${Math.round(queue.nowNs())}`,
    `Online Cpus: ${queue.pcpus === 1 ? '0' : `0-${queue.pcpus - 1}`}`,
    'Cpupool 0:',
    `Scheduler: ${queue.policy.name}`,
    `\tncpus              = ${queue.pcpus}`,
    `\tdefault tslice     = ${tsliceUs / 1000}ms`,
    `\tratelimit          = ${ratelimitUs}us`,
    'active units:',
    ...units,
    'CPUs info:',
    ...slots,
  ];
}

/** Open ports of every domain: pending, masked, state, vCPU, and the other end. */
function eventChannels(host: Uses<'domains' | 'managed' | 'toolstack'>): string[] {
  const lines = ["'e' pressed -> dumping event-channel info"];
  for (const { member, view } of domainsOf(host)) {
    lines.push(`Event channel information for domain ${member.record.id}:`, 'Polling vCPUs: {}', '    port [p/m/s]');
    for (const { port, state, pending, masked, vcpu, remoteDomain, remotePort, irq } of portsOf(view)) {
      const end =
        state === 'UNBOUND'
          ? ` d=${remoteDomain}`
          : state === 'INTERDOMAIN'
            ? ` d=${remoteDomain} p=${remotePort}`
            : state === 'PIRQ'
              ? ` p=${irq}`
              : state === 'VIRQ'
                ? ` v=${irq}`
                : '';
      lines.push(
        `    ${String(port).padStart(4)} [${bit(pending)}/${bit(masked)}/0]: s=${EVTCHNSTAT[state]} n=${vcpu} x=0${end}`,
      );
    }
  }
  return lines;
}

/** Grants that somebody has mapped. */
function grants(host: Uses<'domains' | 'managed' | 'toolstack'>): string[] {
  const lines = [
    "gnttab_usage_print_all [ key 'g' pressed",
    '      -------- active --------       -------- shared --------',
    '[ref] localdom mfn      pin          localdom gmfn     flags',
  ];
  for (const { member, view } of domainsOf(host)) {
    const table = grantsOf(view);
    if (!table) continue;
    lines.push(
      `grant-table for remote d${member.record.id} (v${table.version})`,
      `  ${table.frames} frames (${table.maxFrames} max)`,
    );
    for (const { ref, domid, frame, readonly, use, reading, writing } of table.entries) {
      if (!use) continue;
      const pin = (use.writers << 16) | use.readers,
        flags = 1 | (bit(readonly) << 2) | (bit(reading) << 3) | (bit(writing) << 4);
      lines.push(
        `[0x${hex(ref, 3)}]  ${String(use.user).padStart(5)} 0x${hex(use.mfn, 6)} 0x${hex(pin, 8)}      ${String(domid).padStart(5)} 0x${hex(frame, 6)} 0x${hex(flags, 2)}`,
      );
    }
  }
  return [...lines, 'gnttab_usage_print_all ] done'];
}

const KEYS: Record<string, { about: string; lines: (host: CommandHost) => string[] }> = {
  e: { about: 'dump evtchn info', lines: eventChannels },
  g: { about: 'print grant table usage', lines: grants },
  h: {
    about: 'show this message',
    lines: () => [
      "'h' pressed -> showing installed handlers",
      ...Object.entries(KEYS).map(
        ([key, { about }]) => ` key '${key}' (ascii '${hex(key.charCodeAt(0), 2)}') => ${about}`,
      ),
    ],
  },
  q: { about: 'dump domain (and guest debug) info', lines: domainInfo },
  r: { about: 'dump run queues', lines: runQueues },
};

export const debugKeys = command({
  summary: 'Send debug keys to Xen',
  usage: '<Keys>',
  modifies: true,
  /** What each of the keys tells comes into the hypervisor's log (dmesg). */
  run: async (host: CommandHost, keys: string): Promise<void> => {
    for (const key of keys)
      for (const line of KEYS[key]!.lines(host)) host.toolstack.hypervisor.log.print('warning', line);
  },
  xl: async ({ words }, run) => {
    const { rest } = readWords(words);
    atLeast('debug-keys', rest, 1);
    const unknown = [...rest[0]].find(key => !Object.hasOwn(KEYS, key));
    if (unknown !== undefined)
      throw new Refusal(
        `cannot send debug keys: ${rest[0]}: Xen has no handler for '${unknown}' here; it has ${Object.keys(KEYS).join(' ')}.`,
      );
    await run(rest[0]);
    return '';
  },
});
