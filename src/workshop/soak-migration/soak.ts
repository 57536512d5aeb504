/** Moves one guest between two hosts, there and back. */
import { Neighbourhood } from '../../dom0/pool/index.ts';
import type { Host, HostParts } from '../../dom0/service/index.ts';
import type { HostFiles } from '../../dom0/host/files/index.ts';
import type { Moved, MoveWish } from '../../dom0/toolstack/index.ts';
import { filesOf, lastTurn, problemIn, type SoakGuest, TALK, turns } from './guests.ts';
import type { Talk } from './talk.ts';

export interface SoakParts {
  make(parts: Pick<HostParts, 'memory' | 'neighbours' | 'peer' | 'files'>): Host;
  soon(callback: () => void): void;
  pause(ms: number): Promise<void>;
  shared: boolean;
  /** TCP with the guest; absent: it has no network. */
  talk?: Talk;
  /** Of each host, with the image of the guest's disk; absent: it has no disk. */
  files?: readonly [HostFiles, HostFiles];
  /** How it moves. */
  wish?: MoveWish;
}

const MIB = 2 ** 20;
/** Memory next to a guest's own. */
const HOST_MIB = 48;
const SHELL = '/ # ',
  MINIPV = 'minipv> ';
/** How often it is looked whether the guest has shown something, and how often before it is given up. */
const LOOK_MS = 20,
  LOOKS = 60_000;
/** minipv sends, or gets, so much while it moves. */
const BULK_KIB = 4096;
/** Of that, what must have come before it moves. */
const BEGUN_BYTES = 64 * 1024;

/** minipv writes this many sectors of its disk before each move, in this many places one after the other. */
const MINIPV_SECTORS = 256,
  MINIPV_PLACES = 20;

/** At the end of a stream; a move behind that says more. */
const MINIPV_SAYS =
  /(?:stream|serve): (\d+) KiB(?: in (\d+) us, sent again \d+ times)?, crc ([0-9a-f]+)\r?\n[^]*?minipv> /;

/** Both hosts' bridges are one, and the first has the gateway. */
export function wire([a, b]: readonly [Host, Host], soon: (callback: () => void) => void): void {
  const ends: ReturnType<Host['toolstack']['services']['network']['joinHost']>[] = [];
  const to = (end: 0 | 1) => (bytes: Uint8Array) => {
    const frame = bytes.slice();
    soon(() => {
      ends[end]!.port.input({ bytes: frame });
      ends[end]!.wake();
    });
    return true;
  };
  const networks = [a, b].map(({ toolstack }) => toolstack.services.network);
  networks[1]!.hasGateway = false;
  ends.push(networks[0]!.joinHost('b', to(1)), networks[1]!.joinHost('a', to(0)));
}

export class Soak {
  private readonly parts: SoakParts;
  private readonly guest: SoakGuest;
  private readonly hosts: readonly [Host, Host];
  private at = 0;
  private id = 0;
  private shown = '';
  private type = (_text: string): void => {};
  private moves = 0;
  /** Moves with a connection that was there before and behind it. */
  crossed = 0;
  /** How often it represented a page that had not come. */
  faults = 0;

  constructor(guest: SoakGuest, parts: SoakParts) {
    this.guest = guest;
    this.parts = parts;
    const cable = new Neighbourhood(parts.soon);
    const bytes = (guest.memoryMiB + HOST_MIB) * MIB;
    const host = (name: string, files?: HostFiles, peer?: HostParts['peer']): Host =>
      parts.make({
        memory: parts.shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes),
        neighbours: cable.of(name),
        ...(files ? { files } : {}),
        ...(peer ? { peer } : {}),
      });
    this.hosts = [host('a', parts.files?.[0], parts.talk?.peer), host('b', parts.files?.[1])];
    if (parts.talk) wire(this.hosts, parts.soon);
  }

  private get here(): Host {
    return this.hosts[this.at]!;
  }

  private get isMinipv(): boolean {
    return this.guest.folder === undefined;
  }

  private async watch(): Promise<void> {
    const { console } = await this.here.consoles.view(this.id);
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
      const problem = problemIn(this.shown) ?? this.parts.talk?.problem;
      if (problem !== undefined)
        throw new Error(`${this.guest.name}: ${problem} The guest’s last lines:\n${this.shown.slice(-1500)}`);
      if (looks === LOOKS) throw new Error(`${this.guest.name} does not come to ${what}: ${this.shown.slice(-400)}`);
      await this.parts.pause(LOOK_MS);
    }
  }

  async start(): Promise<void> {
    const { talk, files } = this.parts;
    const has = { network: talk !== undefined, disk: files !== undefined };
    ({ id: this.id } = await this.here.create(filesOf(this.guest, has)));
    await this.watch();
    const prompt = this.isMinipv ? MINIPV : SHELL;
    await this.until('its shell', () => this.shown.includes(prompt));
    if (this.isMinipv) return this.startMinipv();
    if (talk) {
      this.type(TALK);
      await this.until('its first line by TCP', () => talk.heard > 0);
      talk.begin();
    }
    this.type(turns(files && this.guest.disk.device));
    await this.until('its second turn', () => lastTurn(this.shown) >= 2);
  }

  private async startMinipv(): Promise<void> {
    if (!this.parts.talk) return;
    this.type('dhcp\r');
    await this.until('its address', () => /dhcp: 10\.0\.2\.15\s/.test(this.shown));
  }

  private async toTheOther(): Promise<Moved> {
    const to = this.at === 0 ? 'b' : 'a';
    const moved = await this.here.migrate(this.id, to, this.parts.wish);
    this.at = 1 - this.at;
    const [guest] = await this.here.list();
    this.id = guest!.id;
    this.faults += this.here.toolstack.members.get(this.id)?.postcopy?.faults ?? 0;
    await this.watch();
    return moved;
  }

  /** It goes on there with what follows. @throws Error where something is wrong with it */
  async move(): Promise<Moved> {
    this.moves++;
    if (this.isMinipv) return this.moveMinipv();
    const { talk } = this.parts;
    const before = lastTurn(this.shown);
    const moved = await this.toTheOther();
    const [heard, echoed] = [talk?.heard ?? 0, talk?.echoed ?? 0];
    await this.until(`turn ${before + 2}`, () => lastTurn(this.shown) >= before + 2);
    if (talk) {
      await this.until('its next lines by TCP', () => talk.heard >= heard + 2 && talk.echoed >= echoed + 2);
      this.crossed++;
    }
    return moved;
  }

  /** What it has written to its disk before a move is there behind it. */
  private async moveMinipv(): Promise<Moved> {
    if (!this.parts.files) return this.moveSumming();
    const at = (this.moves % MINIPV_PLACES) * MINIPV_SECTORS;
    const { device } = this.guest.disk;
    const wrote = await this.crcOf(`fill ${device} ${at} ${MINIPV_SECTORS} ${this.moves}`);
    const moved = await this.moveSumming();
    const read = await this.crcOf(`sum ${device} ${at} ${MINIPV_SECTORS}`);
    if (read !== wrote)
      throw new Error(`${this.guest.name}: sectors from ${at} on have CRC ${read}, and it had written ${wrote}`);
    return moved;
  }

  /** What minipv says of sectors of its disk. */
  private async crcOf(command: string): Promise<string> {
    const from = this.shown.length;
    const said = (): RegExpExecArray | null => /crc ([0-9a-f]+)\r?\n[^]*minipv> $/.exec(this.shown.slice(from));
    this.type(`${command}\r`);
    await this.until(`the end of ${command}`, () => said() !== null);
    return said()![1]!;
  }

  /** It sends and receives alternately; it sums up what it sends of its memory, and what comes. */
  private async moveSumming(): Promise<Moved> {
    const { talk } = this.parts;
    if (!talk) return this.toTheOther();
    const sends = this.moves % 2 === 1;
    const from = this.shown.length;
    this.type(sends ? `stream 10.0.2.2 ${BULK_KIB} sum\r` : 'serve sum\r');
    // Its shell takes what comes to that port, too, and sums up nothing.
    if (!sends) await this.until('its server', () => this.shown.slice(from).includes('serve sum\r\n'));
    const bulk = sends ? talk.takes() : talk.sends(BULK_KIB * 1024);
    await this.until('its stream', () => bulk.bytes >= BEGUN_BYTES);
    const startedMs = Date.now();
    const moved = await this.toTheOther();
    const isOpen = bulk.bytes < BULK_KIB * 1024;
    const said = (): RegExpExecArray | null =>
      MINIPV_SAYS.exec(this.shown.slice(this.shown.lastIndexOf(sends ? 'stream 10' : 'serve sum')));
    await this.until('the end of its stream', () => bulk.isOver && said() !== null);
    const [, kib, us, crc] = said()!;
    if (Number(kib) !== BULK_KIB || parseInt(crc!, 16) !== bulk.crc)
      throw new Error(
        `${this.guest.name}: ${kib} KiB with CRC ${crc}, and ${bulk.bytes} bytes with ${bulk.crc.toString(16)} here`,
      );
    // Its clock did not go back, nor leap: it represented the move, and went on.
    if (us !== undefined && Number(us) > 2000 * (Date.now() - startedMs + 1000))
      throw new Error(`${this.guest.name}: its stream took ${us} us by its clock`);
    if (isOpen) this.crossed++;
    return moved;
  }

  async end(): Promise<void> {
    this.parts.talk?.close();
    // Domain 0: it was never there.
    if (this.id !== 0) await this.here.destroy(this.id);
    for (const host of this.hosts) host.toolstack.close();
  }
}
