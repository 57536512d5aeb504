/** `<ringside-guest>`: a guest with its screen and its console as a part of any page. */
import xtermStyle from '@xterm/xterm/css/xterm.css?inline';
import { signal } from '@preact/signals';
import { render } from 'preact';
import { callsOf, type Guest, type Host, type RingsideGuestElement } from '../../api/index.ts';
import { sentence } from '../sentence.ts';
import { createHost } from './create-host.ts';
import { ElementGuest } from './element-guest.ts';
import style from './embed.css?inline';
import { type Boxed, GuestBox, type Phase } from './guest-box.tsx';
import { words } from './words.ts';

/** Machine memory of a host that an element makes for itself, MiB. */
const MEMORY_MIB = 256;

/** What the last component of an address's path is. */
const fileName = (url: string): string => decodeURIComponent(new URL(url).pathname.split('/').at(-1)!);

async function fetched(url: string): Promise<Uint8Array> {
  const answer = await fetch(url).catch(() => {
    throw new Error(words.unreachable(url));
  });
  if (!answer.ok) throw new Error(words.answered(url, answer.status));
  return new Uint8Array(await answer.arrayBuffer());
}

/**
 * Attributes: `definition` (the name of a guest that comes with Ringside), or `src` (addresses, parted by spaces, of a definition and the files that it names,
 * or of a kernel or disk image alone); `memory` (of the host, MiB; 256); `start="click"` (it waits for a press of its button); `show` ("screen" or
 * "console"). Each element has a host of its own, unless `host` was set before it came into the document. Events: `ringside-start`, `ringside-end`
 * (detail: the reason, a sentence), `ringside-error` (likewise).
 */
export class RingsideGuest extends HTMLElement implements Boxed, RingsideGuestElement {
  /** Runs the guest in place of a host of its own; it goes on when the element goes. */
  host: Host | undefined;
  /** Once it runs. */
  guest: Guest | undefined;
  readonly phase = signal<Phase>({ kind: 'waits' });
  private own: Host | undefined;
  private stopFollowing = (): void => {};
  /** Counts starts: what belongs to an earlier one is let go. */
  private turn = 0;

  connectedCallback(): void {
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    if (!shadow.querySelector('style'))
      shadow.append(Object.assign(document.createElement('style'), { textContent: xtermStyle + style }));
    if (!shadow.querySelector('main')) shadow.append(document.createElement('main'));
    render(<GuestBox element={this} />, shadow.querySelector('main')!);
    if (this.getAttribute('start') !== 'click') void this.start();
  }

  disconnectedCallback(): void {
    render(null, this.shadowRoot!.querySelector('main')!);
    void this.end();
    this.phase.value = { kind: 'waits' };
  }

  /** What it is called before it runs. */
  get named(): string {
    return this.getAttribute('definition') ?? (this.addresses[0] ? fileName(this.addresses[0]) : '');
  }

  private get addresses(): string[] {
    const words = this.getAttribute('src')?.trim().split(/\s+/) ?? [];
    return words.filter(word => word !== '').map(word => new URL(word, this.baseURI).href);
  }

  /** Starts the guest, or starts it again; what goes wrong is shown in the element. */
  async start(): Promise<void> {
    await this.end();
    const mine = ++this.turn;
    this.phase.value = { kind: 'starts' };
    try {
      if (this.named === '') throw new Error(words.nothing);
      const host = this.host ?? (await createHost({ memoryMiB: Number(this.getAttribute('memory') ?? MEMORY_MIB) }));
      if (!this.host) {
        // Somebody took the element away meanwhile.
        if (mine !== this.turn) return void host.close();
        this.own = host;
      }
      const guest = await this.begin(host);
      // Of a host that others have, too, it would go on.
      if (mine !== this.turn) return void guest.destroy().catch(() => {});
      this.guest = guest;
      this.follow(host, guest);
      this.tell('start');
    } catch (error) {
      if (mine !== this.turn) return;
      await this.end();
      this.phase.value = { kind: 'failed', why: sentence(error) };
      this.tell('error', sentence(error));
    }
  }

  private async begin(host: Host): Promise<Guest> {
    const definition = this.getAttribute('definition');
    if (definition !== null) return host.start(definition);
    const { addresses } = this;
    const contents = await Promise.all(addresses.map(fetched));
    return host.create(Object.fromEntries(addresses.map((url, i) => [fileName(url), contents[i]!])));
  }

  /** Shows the domain that has the guest's name, and after a reboot the one that has it then. */
  private follow(host: Host, { name }: Guest): void {
    const calls = callsOf(host);
    let shown: ElementGuest | undefined;
    let hasEnded = false;
    const look = (): void => {
      const domain = calls.domains().find(each => each.name === name);
      if (domain && domain.id !== shown?.info.peek().id) {
        shown?.close();
        shown = new ElementGuest(domain, calls.api.view(domain.id), why => this.tell('error', why));
        this.phase.value = { kind: 'runs', guest: shown };
        hasEnded = false;
      } else if (domain && shown) shown.info.value = domain;
      else shown?.leave();
      if (!shown?.over || hasEnded) return;
      hasEnded = true;
      this.tell('end', shown.ended);
    };
    const stop = calls.onDomains(look);
    this.stopFollowing = () => {
      stop();
      shown?.close();
    };
    look();
  }

  private tell(what: 'start' | 'end' | 'error', detail?: string): void {
    this.dispatchEvent(new CustomEvent(`ringside-${what}`, { detail }));
  }

  private async end(): Promise<void> {
    this.turn++;
    this.stopFollowing();
    this.stopFollowing = () => {};
    const { own, guest } = this;
    this.own = this.guest = undefined;
    if (own) await own.close();
    else await guest?.destroy().catch(() => {});
  }
}
