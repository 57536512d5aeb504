/** Makes the guests of several modes, and takes them away. */
import { signal } from '@preact/signals';
import type { NamedFile } from '../../../dom0/service/index.ts';
import { domains, host, info } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { fetchGuest, type Offer, offers } from '../../offered-guests.ts';
import { pageGuests } from '../page-guests.ts';
import { FILES, filesFor, guestsOf, type HostKind, linuxOf, type System } from './modes.ts';
import { hypervisorOfHost } from '../../hypervisors/of-host.ts';

/** What is being made, and why it was not. */
export const starting = signal<{ name: string } | undefined>(undefined),
  problem = signal('');

export const hostKind = (): HostKind => (info.value?.noVt ? 'plain' : hypervisorOfHost());
/** The Linux that is offered, and has what each of its modes needs. */
export const linux = (): Offer | undefined => linuxOf(offers.value.filter(({ saved }) => !saved));

async function filesOf(system: System): Promise<NamedFile[]> {
  if (system === 'minipv') return [{ name: 'minipv.elf', data: await pageGuests.kernel() }];
  const offer = linux();
  if (!offer) throw new Error('This page has no such Linux. Fetch it (npm run guests), and build again.');
  const wanted = { ...offer, files: offer.files.filter(({ name }) => FILES.includes(name)) };
  return fetchGuest(wanted, new AbortController().signal, () => {});
}

/** Those that run already stay; the others are made, one after the other. */
export async function start(system: System): Promise<void> {
  if (starting.peek()) return;
  problem.value = '';
  starting.value = { name: system };
  try {
    const files = await filesOf(system);
    for (const mode of guestsOf(system, hostKind())) {
      const { name } = mode;
      if (domains.peek().some(domain => domain.name === name)) continue;
      starting.value = { name };
      await host.create(filesFor(system, mode, files));
    }
  } catch (error) {
    problem.value = sentence(error);
  } finally {
    starting.value = undefined;
  }
}

const NAMES: ReadonlySet<string> = new Set(
  (['minipv', 'linux'] as const).flatMap(system =>
    (['xen', 'kvm'] as const).flatMap(kind => guestsOf(system, kind).map(({ name }) => name)),
  ),
);
/** A guest of this name is one of several modes. */
export const isOneOf = (name: string): boolean => NAMES.has(name);

/** Destroys those of them that are there. */
export async function end(): Promise<void> {
  for (const { id, name } of domains.peek().filter(domain => isOneOf(domain.name)))
    await host.destroy(id).catch(error => {
      problem.value = `${name}: ${sentence(error)}`;
    });
}
