/**
 * What the machine itself says of a domain, as numbers by name: for checks of lessons, which ask the counters of the hypervisor, the rings and the store, and
 * never the guest. Everything is read, and nothing changes. A family of facts is one file, one line here, and a row of table.ts for each.
 */
import type { CommandHost } from '../../toolstack/index.ts';
import type { RingFacts } from '../front-rings.ts';
import { controls } from './controls.ts';
import { counters } from './counters.ts';
import { disks } from './disks.ts';
import { grants } from './grants.ts';
import { memory } from './memory.ts';
import { moves } from './moves.ts';
import { notes } from './notes.ts';
import { ports } from './ports.ts';
import { processor } from './processor.ts';
import { rings } from './rings.ts';
import { store } from './store.ts';
import type { Facts, Family } from './told.ts';

export type { Facts } from './told.ts';

const FAMILIES: readonly Family[] = [
  counters,
  controls,
  processor,
  memory,
  ports,
  grants,
  notes,
  rings,
  disks,
  store,
  moves,
];

/** `ofDevices`: their rings. @throws Error with a sentence where there is no such domain */
export function factsOf(host: CommandHost, id: number, ofDevices: readonly RingFacts[]): Facts {
  const member = host.domains.member(id);
  const domain = host.toolstack.view.at(member.record.index);
  if (!domain) throw new Error(`${member.name} has no record in the machine's memory any more.`);
  const facts: Facts = { counts: {}, values: { id } };
  for (const family of FAMILIES) family({ host, id, member, domain, rings: ofDevices }, facts);
  return facts;
}
