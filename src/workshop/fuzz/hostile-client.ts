/** A host with a guest that a hostile client has to itself and one next to it, and rounds of what that client sends. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHost, inTurns } from '../../dom0/service/index.ts';
import { later, sharedMs, soon } from '../../cli/node-clock.ts';
import { Growth } from '../harness/growth.ts';
import { number, within } from '../harness/options.ts';
import { type Main, program } from '../harness/program.ts';
import { repository } from '../../cli/repository.ts';

const MIB = 2 ** 20;
const MEMORY_MIB = 96;
/** Messages between two looks at the guest next to. */
const ROUND = 20_000;
const MOST_GROWTH_MIB = 32;

/** Others have their turn. */
export const turn = (): Promise<void> => new Promise(soon);

export abstract class HostileClient {
  readonly host = createHost({
    version: 'fuzz',
    memory: new SharedArrayBuffer(MEMORY_MIB * MIB),
    runners: inTurns({ soon, later, hostMs: sharedMs }),
    soon,
    later,
    hostMs: sharedMs,
    epochMs: () => Date.now(),
  });
  protected readonly seed: number;
  /** The domain that it has. */
  protected guest = 0;
  private beside = 0;
  /** Guests that it ended. */
  ended = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Sends this many messages. */
  abstract round(messages: number): Promise<void>;
  /** What went wrong in what it was answered: a sentence. */
  abstract problem(): string | undefined;
  /** What it was answered, and how often. */
  abstract summary(): { text: string; answers: number };
  abstract leave(): void;

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

  protected get isThere(): boolean {
    const member = this.host.toolstack.members.get(this.guest);
    return member !== undefined && member.ending === null;
  }

  /** Another guest where it has ended the last one. */
  protected async freshGuest(): Promise<void> {
    if (this.isThere) return;
    // One that crashed is kept for those who look why.
    if (this.host.toolstack.members.has(this.guest)) await this.host.destroy(this.guest);
    // Its memory is given back once nobody touches it.
    while (this.host.toolstack.dying.size > 0) await turn();
    this.guest = await this.create(`guest-${++this.ended}`);
  }

  /** What the guest next to it has done. */
  get besides(): { instructions: number; state: string } {
    const member = this.host.toolstack.member(this.beside);
    return {
      instructions: this.host.toolstack.view.at(member.record.index)!.vcpus()[0]!.look().retired,
      state: member.paused ? 'paused' : 'runs',
    };
  }
}

/** `fuzz:NAME`. `most`: how many messages where the command line does not say. */
export const fuzzClient = (name: string, make: (seed: number) => HostileClient, most = 1_000_000): Main =>
  program({
    name: `fuzz:${name}`,
    options: { messages: number(most), seed: number(1), within: within() },
    run: async ({ messages, seed, within }, write) => {
      let problem: string | undefined;
      const onRejection = (why: unknown): void => {
        problem ??= `an error that nobody caught: ${(why as Error)?.stack ?? String(why)}`;
      };
      process.on('unhandledRejection', onRejection);
      const client = make(seed),
        growth = new Growth(MOST_GROWTH_MIB);
      await client.begin();
      let sent = 0;
      while (sent < messages && problem === undefined && !within.isOver()) {
        const { instructions } = client.besides;
        const round = Math.min(ROUND, messages - sent);
        await client.round(round);
        sent += round;
        const now = client.besides;
        if (now.state !== 'runs') problem ??= `after ${sent} the other guest is paused`;
        if (now.instructions === instructions) problem ??= `after ${sent} the other guest does not run`;
        const wrong = client.problem();
        if (wrong) problem ??= `after ${sent} ${wrong}`;
        growth.begin();
      }
      client.leave();
      process.off('unhandledRejection', onRejection);
      const grown = growth.problem();
      problem ??= grown;
      const { text, answers } = client.summary();
      if (answers === 0) problem ??= 'nothing was answered';
      write(`${sent} messages from seed ${seed}: ${text}, ${client.ended} guests ended\n`);
      write(`${growth.text}\n${problem ?? 'the host and the other guest continued'}\n`);
      for (const { record } of [...client.host.toolstack.members.values()]) await client.host.destroy(record.id);
      return problem === undefined ? 0 : 1;
    },
  });
