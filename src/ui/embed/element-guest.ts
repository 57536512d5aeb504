/** The guest of an element: what it shows, and its state, until it is gone. */
import { signal } from '@preact/signals';
import type { DomainInfo, DomainView } from '../../dom0/service/index.ts';
import { GuestLink } from '../guest-link.ts';
import { GuestTerminal } from '../terminal.ts';
import { words } from './words.ts';

export class ElementGuest extends GuestLink {
  readonly info = signal<DomainInfo>(undefined as unknown as DomainInfo);
  readonly terminal: GuestTerminal;

  /** `onFailure`: its console cannot be shown; a sentence. */
  constructor(info: DomainInfo, view: Promise<DomainView>, onFailure: (why: string) => void) {
    super();
    this.info.value = info;
    this.terminal = new GuestTerminal(words.consoleOf(info.name), serial => this.send({ serial }), onFailure);
    view.then(
      opened => this.open(opened),
      () => this.leave(),
    );
  }

  protected write(bytes: Uint8Array): void {
    if (bytes.length > 0) this.terminal.write(bytes);
  }

  /** Why it does not run any more, a sentence; undefined: it runs. */
  get ended(): string | undefined {
    const { name, ended } = this.info.value;
    return ended ?? (this.gone.value ? words.gone(name) : undefined);
  }

  get over(): boolean {
    return this.ended !== undefined;
  }

  /** Its memory may be another's from now on. */
  leave(): void {
    this.gone.value = true;
    this.memory = undefined;
  }

  override close(): void {
    this.leave();
    super.close();
    this.terminal.dispose();
  }
}
