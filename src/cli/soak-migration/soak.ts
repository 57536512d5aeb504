/** Moves one guest between two hosts, there and back. */
import { Neighbourhood } from '../../dom0/pool/index.ts';
import type { Host, HostParts } from '../../dom0/service/index.ts';
import type { Moved } from '../../dom0/toolstack/index.ts';
import { filesOf, lastTurn, problemIn, type SoakGuest, TURNS } from './guests.ts';

export interface SoakParts {
  make(parts: Pick<HostParts, 'memory' | 'neighbours'>): Host;
  soon(callback: () => void): void;
  pause(ms: number): Promise<void>;
  shared: boolean;
}

const MIB = 2 ** 20;
/** Memory beside a guest's own. */
const HOST_MIB = 48;
const SHELL = '/ # ';
/** How often it is looked whether the guest has shown something, and how often before it is given up. */
const LOOK_MS = 20,
  LOOKS = 60_000;

export class Soak {
  private readonly parts: SoakParts;
  private readonly guest: SoakGuest;
  private readonly hosts: readonly [Host, Host];
  private at = 0;
  private id = 0;
  private shown = '';
  private type = (_text: string): void => {};

  constructor(guest: SoakGuest, parts: SoakParts) {
    this.guest = guest;
    this.parts = parts;
    const cable = new Neighbourhood(parts.soon);
    const bytes = (guest.memoryMiB + HOST_MIB) * MIB;
    const host = (name: string): Host =>
      parts.make({
        memory: parts.shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes),
        neighbours: cable.of(name),
      });
    this.hosts = [host('a'), host('b')];
  }

  private get here(): Host {
    return this.hosts[this.at]!;
  }

  private async watch(): Promise<void> {
    const { console } = await this.here.view(this.id);
    const decoder = new TextDecoder();
    // What it had shown comes first: it is shown whole.
    this.shown = '';
    console.onmessage = ({ data }: MessageEvent<{ serial?: Uint8Array }>) => {
      if (data.serial) this.shown += decoder.decode(data.serial, { stream: true });
    };
    this.type = text => console.postMessage(new TextEncoder().encode(text));
  }

  /** @throws Error where it does not come, or something is wrong with the guest */
  private async until(what: string, there: () => boolean): Promise<void> {
    for (let looks = 0; !there(); looks++) {
      const problem = problemIn(this.shown);
      if (problem !== undefined) throw new Error(`${this.guest.name}: ${problem}`);
      if (looks === LOOKS) throw new Error(`${this.guest.name} does not come to ${what}: ${this.shown.slice(-400)}`);
      await this.parts.pause(LOOK_MS);
    }
  }

  async start(): Promise<void> {
    ({ id: this.id } = await this.here.create(filesOf(this.guest)));
    await this.watch();
    await this.until('its shell', () => this.shown.includes(SHELL));
    this.type(TURNS);
    await this.until('its second turn', () => lastTurn(this.shown) >= 2);
  }

  /** It goes on there with the turn that follows, and does two more. @throws Error where something is wrong with it */
  async move(): Promise<Moved> {
    const before = lastTurn(this.shown);
    const moved = await this.here.migrate(this.id, this.at === 0 ? 'b' : 'a');
    this.at = 1 - this.at;
    const [guest] = await this.here.list();
    this.id = guest!.id;
    await this.watch();
    await this.until(`turn ${before + 2}`, () => lastTurn(this.shown) >= before + 2);
    return moved;
  }

  async end(): Promise<void> {
    await this.here.destroy(this.id);
    for (const host of this.hosts) host.toolstack.close();
  }
}
