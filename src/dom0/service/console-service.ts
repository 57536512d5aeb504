/** The terminals and screens of a host's domains. */
import type { ConsoleInput, ConsoleService, DomainView, Guest, Uses } from '../toolstack/index.ts';
import type { DomainServiceOfDom0 } from './domain-service.ts';
import type { HostParts } from './host-parts.ts';

interface ConsolesHost extends Uses<'toolstack'> {
  readonly parts: HostParts;
  readonly domains: DomainServiceOfDom0;
  readonly sharesMemory: boolean;
}

export class ConsoleServiceOfDom0 implements ConsoleService {
  readonly serveScreen: ConsoleService['serveScreen'];
  readonly showScreenTo: ConsoleService['showScreenTo'];
  private readonly host: ConsolesHost;

  constructor(host: ConsolesHost) {
    this.host = host;
    this.serveScreen = host.parts.serveScreen;
    this.showScreenTo = host.parts.showScreenTo;
  }

  async view(id: number): Promise<DomainView> {
    const { parts, domains, sharesMemory } = this.host;
    const member = domains.member(id);
    const { countersOffset, screenOffset } = member.record;
    const console = member.console.open(message => this.hear(member, message));
    return {
      countersOffset,
      screenOffset,
      console,
      ...(sharesMemory ? { memory: parts.memory as SharedArrayBuffer } : {}),
    };
  }

  showScreen(id: number): boolean {
    return this.host.domains.tell(id);
  }

  /** Somebody types at a domain: where it runs in virtual time, that is an input. */
  hear(member: Guest, message: Uint8Array | ConsoleInput): void {
    const { parts, toolstack } = this.host;
    if (parts.virtual?.note({ kind: 'console', domain: member.record.id, input: message }) ?? true)
      toolstack.inputs.take(member, message);
  }
}
