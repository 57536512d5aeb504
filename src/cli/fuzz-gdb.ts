/**
 * npm run -s fuzz:gdb -- [--messages N] [--seed S]
 *
 * A hostile debugger: N messages (1,000,000 unless told), malformed and nearly right, to the stub of a guest that is stepped, run, written to and killed by them. It
 * passes if every answer is a whole packet, nothing is thrown, memory does not grow, and the guest beside it runs on.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHost, inTurns } from '../dom0/service/index.ts';
import { GdbStub } from '../dom0/toolstack/debugger/index.ts';
import { gdbPacket, PacketReader } from '../formats/gdb/index.ts';
import { usedMiB } from './fuzz/used.ts';
import { gdbMessage } from './fuzz/gdb/messages.ts';
import { picker } from './fuzz/pick.ts';
import { later, sharedMs, soon } from './node-clock.ts';
import { numbersOf } from './numbers.ts';
import { repository } from './repository.ts';

const WRONG_USE = 2;
const MIB = 2 ** 20;
const MEMORY_MIB = 96;
/** Messages that go at once, before the guests have their turn. */
const BATCH = 16;
const ROUND = 20_000;
const MOST_GROWTH_MIB = 32;
const LONGEST_ANSWER = 0x8000;

const turn = (): Promise<void> => new Promise(soon);

class Attack {
  readonly host = createHost({
    version: 'fuzz',
    memory: new SharedArrayBuffer(MEMORY_MIB * MIB),
    runners: inTurns({ soon, later, hostMs: sharedMs }),
    soon,
    later,
    hostMs: sharedMs,
    epochMs: () => Date.now(),
  });
  private readonly seed: number;
  private guest = 0;
  private beside = 0;
  private stub: GdbStub | undefined;
  answers = 0;
  /** What is no packet among them. */
  bad = 0;
  stubs = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  async begin(): Promise<void> {
    this.beside = await this.create('beside');
  }

  private async create(name: string): Promise<number> {
    const kernel = readFileSync(join(repository(), 'guests/demo/demo.elf'));
    const config = `name = "${name}"\nbuilder = "hvm"\nmemory = 8\nkernel = "demo.elf"\non_reboot = "destroy"\non_crash = "destroy"\n`;
    const { id } = await this.host.create([
      { name: `${name}.cfg`, data: new Blob([config]) },
      { name: 'demo.elf', data: new Blob([kernel]) },
    ]);
    return id;
  }

  private isThere(id: number): boolean {
    const member = this.host.toolstack.members.get(id);
    return member !== undefined && member.ending === null;
  }

  /** What the guest beside it has done. */
  get besides(): { instructions: number; state: string } {
    const member = this.host.toolstack.member(this.beside);
    return {
      instructions: this.host.toolstack.view.at(member.record.index)!.vcpus()[0]!.look().retired,
      state: member.paused ? 'paused' : 'runs',
    };
  }

  private async fresh(): Promise<GdbStub> {
    this.stub?.end();
    if (!this.isThere(this.guest)) {
      // One that crashed is kept for those who look why.
      if (this.host.toolstack.members.has(this.guest)) await this.host.destroy(this.guest);
      // Its memory is given back once nobody touches it.
      while (this.host.toolstack.dying.size > 0) await turn();
      this.guest = await this.create(`guest-${++this.stubs}`);
    }
    const reader = new PacketReader(LONGEST_ANSWER);
    const stub: GdbStub = new GdbStub(this.host.toolstack, this.host.member(this.guest), {
      send: bytes => {
        for (const { kind } of reader.push(bytes)) {
          if (kind === 'packet') this.answers++;
          else if (kind === 'bad') this.bad++;
        }
      },
      close: () => {
        stub.end();
        if (this.stub === stub) this.stub = undefined;
      },
    });
    await stub.begin();
    this.stub = stub;
    return stub;
  }

  async round(messages: number): Promise<void> {
    const pick = picker(this.seed + messages + this.answers);
    for (let sent = 0; sent < messages; ) {
      const stub = this.stub && this.isThere(this.guest) ? this.stub : await this.fresh();
      for (let i = 0; i < BATCH && sent < messages; i++, sent++) stub.receive(gdbMessage(pick));
      await turn();
      // It may run: whoever debugs it wants it back. And half a packet is ended.
      stub.receive(Uint8Array.of(...gdbPacket(new Uint8Array(0)), 3));
      await turn();
    }
  }

  end(): void {
    this.stub?.end();
  }
}

export async function main(argv: string[], write = (text: string) => void process.stdout.write(text)): Promise<number> {
  let messages: number, seed: number;
  try {
    ({ messages, seed } = numbersOf(argv, { messages: 1_000_000, seed: 1 }));
  } catch (error) {
    process.stderr.write(`fuzz:gdb: ${(error as Error).message}\n`);
    return WRONG_USE;
  }
  let problem: string | undefined;
  const onRejection = (why: unknown): void => {
    problem ??= `an error that nobody caught: ${(why as Error)?.stack ?? String(why)}`;
  };
  process.on('unhandledRejection', onRejection);
  const attack = new Attack(seed);
  await attack.begin();
  let before: number | undefined,
    sent = 0;
  while (sent < messages && problem === undefined) {
    const { instructions } = attack.besides;
    const round = Math.min(ROUND, messages - sent);
    await attack.round(round);
    sent += round;
    const now = attack.besides;
    if (now.state !== 'runs') problem ??= `after ${sent} the guest beside it is paused`;
    if (now.instructions === instructions) problem ??= `after ${sent} the guest beside it stands still`;
    if (attack.bad > 0) problem ??= `after ${sent} an answer was no packet`;
    // What is loaded and compiled at first is no growth.
    before ??= usedMiB();
  }
  attack.end();
  process.off('unhandledRejection', onRejection);
  const grownMiB = usedMiB() - (before ?? 0);
  if (grownMiB > MOST_GROWTH_MIB) problem ??= `memory grew by ${grownMiB.toFixed(1)} MiB`;
  if (attack.answers === 0) problem ??= 'nothing was answered';
  write(`${sent} messages from seed ${seed}: ${attack.answers} answers, ${attack.stubs} guests ended\n`);
  write(
    `memory grew by ${grownMiB.toFixed(1)} MiB (at most ${MOST_GROWTH_MIB})\n${problem ?? 'the host and the guest beside went on'}\n`,
  );
  for (const { record } of [...attack.host.toolstack.members.values()]) await attack.host.destroy(record.id);
  return problem === undefined ? 0 : 1;
}
