/** The host's domains, defined, running or both: the one place that joins what is kept (managed/) with what is there (toolstack.ts). */
import { type Definition, newDefinition } from '../../definitions/config/index.ts';
import type { DomainService } from '../command-host.ts';
import type { ManagedDomain, ManagedDomains } from '../managed/index.ts';
import type { Member } from '../running-domain.ts';
import type { Toolstack } from '../toolstack.ts';
import type { Viewers } from '../viewers.ts';
import type { DomainInfo } from '../wire.ts';
import type { JobInfo, Status } from './words.ts';

/** The UUID of Domain 0. */
export const NO_UUID = '00000000-0000-0000-0000-000000000000';

export interface Domain {
  name: string;
  /** Absent: it is defined, and not there. One that is there may have stopped (`status`). */
  id?: number;
  status: Status;
  /** What it is, with what was changed since it was created. */
  definition: Definition;
  /** As it is kept; absent: it is transient. */
  managed?: ManagedDomain;
  /** What is done with it now. */
  job?: JobInfo;
}

/** What the join is of. */
interface DomainsParts {
  readonly toolstack: Toolstack<Viewers>;
  readonly managed: ManagedDomains | undefined;
  readonly domains: Pick<DomainService, 'all' | 'member'>;
}

class Domains {
  private readonly parts: DomainsParts;

  constructor(parts: DomainsParts) {
    this.parts = parts;
  }

  /** Domain 0 where there is Xen, then those that are there, by their ids, then what is defined alone. */
  async list(): Promise<Domain[]> {
    const { toolstack, managed } = this.parts;
    const kept = (await managed?.list()) ?? [];
    const there = this.parts.domains.all();
    return [
      ...(toolstack.hypervisor.hasDomain0 ? [this.domain0()] : []),
      ...there.map((info): Domain => {
        const same = kept.find(({ name }) => name === info.name);
        return { ...this.there(info), ...(same ? { managed: same } : {}) };
      }),
      ...kept
        .filter(({ name }) => !there.some(domain => domain.name === name))
        .map((each): Domain => {
          const reason = toolstack.halted.get(each.name) ?? 'unknown';
          return {
            name: each.name,
            definition: each.definition,
            managed: each,
            status: { state: 'shut off', reason },
          };
        }),
    ];
  }

  private domain0(): Domain {
    const status: Status = { state: 'running', reason: 'booted' };
    return { name: 'Domain-0', id: 0, status, definition: this.definition(0) };
  }

  /** One of a Domain 0 that is gone is known by what that has listed. */
  private there({ id, name, type, memoryMiB, vcpus }: DomainInfo): Domain {
    const { toolstack } = this.parts;
    const member = toolstack.members.get(id) ?? toolstack.dying.get(id);
    if (!member) {
      const definition = { ...newDefinition(), name, type, memoryMiB, vcpus };
      return { id, name, status: { state: 'crashed', reason: 'unknown' }, definition };
    }
    const job = toolstack.jobs.of(name);
    return { id, name, status: toolstack.status(member), definition: this.ofMember(member), ...(job ? { job } : {}) };
  }

  /** By its number, its name, or its UUID. */
  async find(word: string): Promise<Domain | undefined> {
    const all = await this.list();
    return (
      all.find(({ id }) => String(id) === word) ??
      all.find(({ name }) => name === word) ??
      all.find(({ definition }) => definition.uuid === word.toLowerCase())
    );
  }

  /** The one of that name that has not stopped. */
  running(name: string): Member<Viewers> | undefined {
    return [...this.parts.toolstack.members.values()].find(member => member.name === name && !member.ending);
  }

  /** What is defined and does not run; a domain of that name may be there that has stopped. */
  async halted(): Promise<ManagedDomain[]> {
    const kept = (await this.parts.managed?.list()) ?? [];
    return kept.filter(({ name }) => !this.running(name));
  }

  /** What a domain is now, by its number. @throws Error with a sentence where there is none */
  definition(id: number): Definition {
    if (id === 0) return { ...newDefinition(), name: 'Domain-0', kind: 'pv', uuid: NO_UUID };
    return this.ofMember(this.parts.domains.member(id));
  }

  private ofMember({ blueprint, name, uuid, memoryMiB, record }: Member<Viewers>): Definition {
    const shares = this.parts.toolstack.queue.shares(record.index);
    const { definition } = blueprint;
    // It may have more again.
    const hasLess = definition.maxMemoryMiB === undefined && memoryMiB < definition.memoryMiB;
    return {
      ...definition,
      name,
      uuid,
      memoryMiB,
      ...(hasLess ? { maxMemoryMiB: definition.memoryMiB } : {}),
      ...(shares ? { weight: shares.weight, cap: shares.cap } : {}),
    };
  }
}

/** The domains of a host, as they are when they are asked for. */
export const domainsOf = (host: DomainsParts): Domains => new Domains(host);
