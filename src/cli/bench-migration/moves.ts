/** Two hosts in one process, and a guest that moves from one to the other and back. */
import type { Host, HostParts } from '../../dom0/service/index.ts';
import { Neighbourhood } from '../../dom0/pool/index.ts';
import type { Moved } from '../../dom0/toolstack/index.ts';
import { type Dial, writer, writerProblem } from './writer.ts';

export interface Row {
  name: string;
  mib: number;
  dial: Dial;
}

/** How both hosts are made. */
export type MakeHost = (parts: Pick<HostParts, 'memory' | 'neighbours'>) => Host;

/** Memory beside a guest's own. */
const HOST_MIB = 48;

/** The guest's count must have come so far before it moves again. */
const ROUNDS = 2;

export class Moves {
  private readonly hosts: readonly [Host, Host];
  private at = 0;
  private readonly names = ['a', 'b'] as const;
  private readonly row: Row;
  private readonly pause: (ms: number) => Promise<void>;

  constructor(
    row: Row,
    make: MakeHost,
    { soon, pause }: { soon: (callback: () => void) => void; pause: (ms: number) => Promise<void> },
  ) {
    this.row = row;
    this.pause = pause;
    const cable = new Neighbourhood(soon);
    const host = (name: string): Host => {
      const memory = new SharedArrayBuffer((row.mib + HOST_MIB) * 2 ** 20);
      return make({ memory, neighbours: cable.of(name) });
    };
    this.hosts = [host('a'), host('b')];
  }

  private get here(): Host {
    return this.hosts[this.at]!;
  }

  private id = 0;

  async start(): Promise<void> {
    const { mib, dial } = this.row;
    const files = [
      { name: 'w.cfg', data: new Blob([`name = "w"\ntype = "hvm"\nmemory = ${mib}\nkernel = "w.elf"\n`]) },
      { name: 'w.elf', data: new Blob([writer(dial) as BlobPart]) },
    ];
    ({ id: this.id } = await this.here.create(files));
  }

  /** The first word of a guest frame. */
  private readonly word = (gfn: number): number => {
    const { machine } = this.here.toolstack;
    return machine.words[machine.secondStage(this.here.member(this.id).record).mfn(gfn) << 10]! >>> 0;
  };

  /** Lets the guest run until it has written all of it. @throws Error where it does not */
  private async runs(): Promise<void> {
    if (this.row.dial.frames === 0) return this.pause(100);
    const before = this.word(0x200);
    for (let tries = 0; this.word(0x200) < before + ROUNDS; tries++) {
      if (tries > 6000) throw new Error(`${this.row.name} does not go on on host ${this.names[this.at]}.`);
      await this.pause(10);
    }
  }

  /** @throws Error where the guest lost something */
  async move(): Promise<Moved> {
    await this.runs();
    const to = 1 - this.at;
    const moved = await this.here.migrate(this.id, this.names[to]!);
    this.at = to;
    [{ id: this.id }] = await this.here.list();
    await this.runs();
    await this.here.pause(this.id);
    for (let tries = 0; tries < 100 && (await this.here.list())[0]!.state !== 'p'; tries++) await this.pause(10);
    await this.pause(20);
    const problem = writerProblem(this.row.dial, this.word);
    if (problem !== undefined) throw new Error(`${this.row.name} lost something: ${problem}.`);
    await this.here.unpause(this.id);
    return moved;
  }

  async end(): Promise<void> {
    await this.here.destroy(this.id);
    for (const host of this.hosts) host.toolstack.close();
  }
}
