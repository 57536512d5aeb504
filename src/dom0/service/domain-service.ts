/** The domains of a host as its administrators list and find them, and those who hear of each change. */
import { coreFiles } from '../toolstack/index.ts';
import { typeOf } from '../../hypervisor/kinds/index.ts';
import { DOMAIN_0, skipIds } from '../../hypervisor/memory/index.ts';
import type { HostFacts } from '../definitions/index.ts';
import {
  type DomainInfo,
  type DomainService,
  type Guest,
  hasScreen,
  hasStopped,
  type Task,
  type Uses,
} from '../toolstack/index.ts';
import { fell } from './told.ts';

/** Gets what there is whenever something changes; `show`: a domain whose window is asked for. */
export type HostListener = (domains: DomainInfo[], tasks: Task[], show?: number) => void;

export class DomainServiceOfDom0 implements DomainService {
  readonly lost = new Map<number, DomainInfo>();
  private readonly host: Uses<'toolstack' | 'tasks' | 'files'>;
  private readonly listeners = new Set<HostListener>();

  constructor(host: Uses<'toolstack' | 'tasks' | 'files'>) {
    this.host = host;
  }

  get facts(): HostFacts {
    const { toolstack } = this.host;
    return {
      isTaken: name => toolstack.isTaken(name),
      ownerOf: uuid => toolstack.ownerOf(uuid)?.name,
      stationProblem: mac => toolstack.stations.problem(mac),
      places: toolstack.services.network.places,
      pcpus: toolstack.queue.pcpus,
      hasVt: toolstack.machine.hasVt,
      hypervisor: toolstack.hypervisor,
      freeMiB: Math.max(0, (toolstack.machine.freeFrames >>> 8) - 1),
    };
  }

  /** Domains of a Domain 0 that is gone, as it listed them last: listed as they are until they are destroyed. Their ids are not used again. */
  async recall(lost: DomainInfo[]): Promise<void> {
    for (const info of lost) this.lost.set(info.id, info);
    skipIds(this.host.toolstack.machine, Math.max(0, ...lost.map(({ id }) => id)));
    this.tell();
  }

  all(): DomainInfo[] {
    const { members, dying } = this.host.toolstack;
    return [...this.lost.values(), ...[...members.values(), ...dying.values()].map(member => this.describe(member))];
  }

  describe(member: Guest): DomainInfo {
    const { toolstack } = this.host;
    const job = toolstack.jobs.of(member.name);
    const writable = (member.blueprint.drives ?? []).filter(
      ({ readOnly, medium }) => !readOnly && !(medium && 'device' in medium),
    ).length;
    return {
      id: member.record.id,
      name: member.name,
      state: toolstack.state(member),
      status: toolstack.status(member),
      ...(job ? { job } : {}),
      type: typeOf(member.blueprint.definition.kind),
      memoryMiB: member.memoryMiB,
      vcpus: member.record.vcpus,
      definition: member.blueprint.text,
      ...(hasScreen(member.blueprint) ? { hasScreen: true } : {}),
      ...(member.model ? { modelInDomain0: true } : {}),
      ...(writable > 0 ? { disks: writable } : {}),
      ...(member.restarts ? { restarts: { count: member.restarts.count, why: member.restarts.why } } : {}),
      ...(member.attachments.devices.some(({ isWaiting }) => isWaiting) ? { waitsForRoom: true } : {}),
      ...(member.ending ? { ended: member.ending.sentence, ...(fell(member.ending) ? { fell: true } : {}) } : {}),
    };
  }

  member(id: number): Guest {
    return this.refusingLost(id).member(id);
  }

  living(id: number): Guest {
    return this.refusingLost(id).living(id);
  }

  /** Pause at a domain that is just started again as a new one means the new one. */
  standing(id: number): Guest {
    return this.refusingLost(id).standing(id);
  }

  private refusingLost(id: number): Uses<'toolstack'>['toolstack'] {
    if (id === 0)
      throw new Error('Domain 0 is the host itself, and no guest: reboot and poweroff in its shell end it.');
    const lost = this.lost.get(id);
    if (lost)
      throw new Error(`${hasStopped(lost.name, { sentence: lost.ended ?? 'Domain 0 ended.' })} Create it again.`);
    return this.host.toolstack;
  }

  unit(id: number): { name: string; record: { index: number; vcpus: number } } {
    return id === 0 ? { name: 'Domain-0', record: { index: DOMAIN_0, vcpus: 1 } } : this.living(id);
  }

  /** Ends what is done with a domain. @throws Error with libvirt's sentence where that cannot be */
  async abortJob(id: number): Promise<void> {
    this.host.toolstack.jobs.abort(this.member(id).name);
  }

  async dumpCore(member: Guest, path: string): Promise<void> {
    return (await coreFiles.load()).dumpCore(this.host, member, path);
  }

  /** Called whenever a domain or a task changes (wrap with comlink.proxy). */
  async subscribe(listener: HostListener): Promise<void> {
    this.listen(listener);
    this.tell();
  }

  listen(listener: HostListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Those who listen get what there is now; false: nobody does. */
  tell(show?: number): boolean {
    const domains = this.all();
    for (const listener of this.listeners) listener(domains, this.host.tasks.list(), show);
    return this.listeners.size > 0;
  }
}
