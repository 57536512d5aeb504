/**
 * All facts that a lesson may ask of a guest, a row each, as the families next to this file tell them: the author's guide is made of it (docs/lessons.md), and
 * what a lesson names must be in it. A word in capitals represents what is the guest's own.
 */
import { EXIT_NAMES, EXIT_SWITCHES } from '../../../hypervisor/view/index.ts';
import { HYPERCALL_NAMES } from '../../../hypervisor/interfaces/xen/index.ts';
import { nearest } from '../../definitions/config/index.ts';

export interface FactRow {
  name: string;
  /** A count is taken since the step began, a value is as it is. */
  kind: 'count' | 'value';
  says: string;
}

const count = (name: string, says: string): FactRow => ({ name, kind: 'count', says }),
  value = (name: string, says: string): FactRow => ({ name, kind: 'value', says });

export const FACTS: readonly FactRow[] = [
  count('exits', 'VM exits of all reasons'),
  count('exit.REASON', 'those of one reason'),
  count('hypercalls', 'hypercalls of all numbers'),
  count('hypercall.CALL', 'those of one number'),
  count('ioreqs', 'requests to the device model'),
  count('port_bytes', 'bytes that went through ports'),
  count('apic_reads', 'reads of the local APIC that left the guest'),
  count('retired', 'instructions that the guest finished'),
  count('run_us', 'microseconds of its own clock that it ran'),
  count('held_us', 'microseconds in which it had a processor, by the scheduler’s clock'),
  count('wait_us', 'microseconds in which it could have run, and another did'),
  count('dispatches', 'times that it was given a processor'),
  value('weight', 'weight at the credit scheduler'),
  value('cap', 'cap in per cent of one processor; 0: none'),
  value('control.SWITCH', '1 where it was chosen to exit, else 0'),
  value('control.exceptions', 'exception bitmap: bit n, vector n exits'),
  value('control.ple-gap', 'PLE_Gap, clocks of the TSC'),
  value('control.ple-window', 'PLE_Window'),
  value('reg.eip', 'EIP of the first vCPU'),
  value('reg.cpl', 'privilege level that it runs at'),
  value('reg.cs', 'selector in CS'),
  value('reg.cr3', 'CR3'),
  value('memory_mib', 'MiB of its definition'),
  value('pages', 'pages of 4 KiB that it has'),
  value('max_pages', 'pages that it may have'),
  value('host_free_pages', 'pages of the host that nobody has'),
  value('ports', 'event channels that are open'),
  value('port.N.state', 'of port N: EVTCHNSTAT (event_channel.h), 0: closed'),
  value('port.N.pending', '1 where its pending bit is set'),
  value('port.N.masked', '1 where its mask bit is set'),
  value('port.N.remote', 'port at the other end'),
  value('grants', 'entries of the grant table that grant something'),
  value('mappings', 'frames of others that it has mapped by their grants'),
  value('grant.N.flags', 'of entry N: flags (grant_table.h, GTF_*), 0: it grants nothing'),
  value('grant.N.readers', 'mappings of it to read'),
  value('grant.N.writers', 'mappings of it to write'),
  value('note.NOTE', 'what a small guest noted of its own doing'),
  count('ring.DEVICE.req_prod', 'requests that the front end of DEVICE put into its ring'),
  count('ring.DEVICE.rsp_prod', 'answers that the back end put there'),
  count('ring.DEVICE.events_in', 'events that Domain 0 heard for it: doorbells'),
  count('ring.DEVICE.events_out', 'events that Domain 0 sent for it'),
  value('ring.DEVICE.waiting', 'requests in it that the back end has not taken'),
  count('disk.DEVICE.reads', 'requests to read at the block back end'),
  count('disk.DEVICE.writes', 'requests to write'),
  count('disk.DEVICE.read_sectors', 'sectors of 512 bytes that were read'),
  count('disk.DEVICE.written_sectors', 'sectors that were written'),
  value('store.PATH', 'a number in XenStore below the guest’s home, as store.memory/target'),
  value('back.PATH', 'a number below its back ends in Domain 0, as back.vbd/51712/state'),
  value('order.PATH', 'place of a node among those of its device, by when the guest wrote it: 1 is the first'),
  value('id', 'domain number'),
  value('move.rounds', 'rounds in which its memory was copied while it ran, when it was moved last'),
  value('move.round.N', 'pages of round N, from 1 on'),
  value('move.pages', 'pages of all rounds'),
  value('move.rest_kib', 'KiB that were sent while it was paused'),
  value('move.down_us', 'microseconds that it was paused'),
  value('move.total_us', 'microseconds from the first page to its first step there'),
];

/** What a word in capitals may be. */
export const WORDS: Readonly<Record<string, readonly string[] | RegExp>> = {
  REASON: EXIT_NAMES,
  CALL: HYPERCALL_NAMES,
  SWITCH: EXIT_SWITCHES,
  N: /\d+/,
  NOTE: /[\w.]+/,
  DEVICE: /\w+(?:\.[tr]x)?/,
  PATH: /[\w./:-]+/,
};

/** `IDT_N`: what came through the hypervisor's own interrupt table. */
const OF_A_VECTOR = /^exit\.(?:IDT|REASON)_\d+$/;

const patternOf = ({ name }: FactRow): RegExp =>
  new RegExp(
    `^${name
      .split('.')
      .map(part => {
        const known = WORDS[part];
        return known === undefined ? part : known instanceof RegExp ? known.source : `(?:${known.join('|')})`;
      })
      .join('\\.')}$`,
  );
const PATTERNS = FACTS.map(row => ({ row, pattern: patternOf(row) }));

/** Rows that a fact may be of: one, unless it is a mistake of the table. */
export const rowsOfFact = (name: string): FactRow[] =>
  OF_A_VECTOR.test(name)
    ? FACTS.filter(row => row.name === 'exit.REASON')
    : PATTERNS.filter(({ pattern }) => pattern.test(name)).map(({ row }) => row);

/** The fact that a misspelt one was meant to be; undefined: none is near. */
export const nearestFact = (name: string): string | undefined =>
  nearest(
    name,
    FACTS.flatMap(row => {
      const [head = '', word = ''] = row.name.split('.'),
        known = WORDS[word];
      return Array.isArray(known) ? known.map(each => `${head}.${each}`) : [row.name];
    }),
  );
