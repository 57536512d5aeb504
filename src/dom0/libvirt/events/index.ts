/** What becomes of domains, as libvirt tells it. */
import type { CommandHost } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { refOf } from '../domains.ts';
import { driverOf } from '../hypervisors/index.ts';
import type { DomainEvent, Done } from './kinds.ts';
import { DomainWatch } from './watch.ts';

export type { DomainEvent, EventKind, EventOf, EventParameter } from './kinds.ts';

const listening = new WeakMap<CommandHost['toolstack'], Set<(event: DomainEvent) => void>>();

/** Something was done by a call that nothing else shows: reported where the host's driver does. */
export function tellOfDomain(host: Pick<CommandHost, 'toolstack'>, domain: Domain, done: Done): void {
  if (!driverOf(host).reports.has(done.kind)) return;
  for (const tell of listening.get(host.toolstack) ?? []) tell({ ...done, domain: refOf(domain) });
}

/** Tells what becomes of domains from now on; the result ends that. */
export function listenToLives(host: CommandHost, tell: (event: DomainEvent) => void): () => void {
  const { toolstack } = host;
  const watch = new DomainWatch(host, tell);
  const all = listening.get(toolstack) ?? new Set();
  listening.set(toolstack, all.add(tell));
  const stop = host.domains.listen(() => void watch.look());
  void watch.look();
  return () => {
    stop();
    watch.end();
    all.delete(tell);
  };
}
