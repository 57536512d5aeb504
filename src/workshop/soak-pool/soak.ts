/** Many hosts of one hub, each with a guest, as a class has them: hosts and hub share this process, and what they say to each other goes through real sockets. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Membership, membershipOf, newCode, secretsOf } from '../../dom0/pool/index.ts';
import type { ConsoleOutput } from '../../dom0/service/index.ts';
import { hostHere, pause, random } from '../fuzz/pool/arena.ts';
import { Hub } from '../../cli/pool/hub.ts';
import { repository } from '../../cli/repository.ts';

type Host = ReturnType<typeof hostHere>;

const GUEST_MIB = 16,
  /** Room for another guest, so that hosts can be emptied. */
  HOST_MIB = 64;
const LOOK_MS = 50;

/** One host with its guest. */
class Member {
  readonly name: string;
  readonly host: Host = hostHere(HOST_MIB);
  readonly membership: Membership = membershipOf(this.host);
  /** What its guest has printed, here or where it is now. */
  address = '';
  private shown = '';
  private typed: MessagePort | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get guest(): string {
    return `guest-${this.name}`;
  }

  async start(kernel: Blob): Promise<void> {
    const definition = `name = "${this.guest}"\ntype = "pvh"\nmemory = ${GUEST_MIB}\nkernel = "minipv.elf"\nvif = [ "" ]\n`;
    const { id } = await this.host.create([
      { name: 'guest.cfg', data: new Blob([definition]) },
      { name: 'minipv.elf', data: kernel },
    ]);
    const { console } = await this.host.consoles.view(id);
    console.onmessage = ({ data }) => {
      const message = data as ConsoleOutput;
      if ('serial' in message) this.shown += new TextDecoder().decode(message.serial);
    };
    this.typed = console;
    await until(`the prompt of ${this.guest}`, () => this.shown.endsWith('> '));
  }

  /** Types a line at its guest; what it answers. */
  async ask(line: string): Promise<string> {
    const from = this.shown.length + line.length;
    this.typed!.postMessage(new TextEncoder().encode(`${line}\r`));
    await until(`an answer of ${this.guest} to ${line}`, () => this.shown.length > from && this.shown.endsWith('> '));
    return this.shown.slice(from);
  }

  /** Names of the guests that are here. */
  get guests(): string[] {
    return [...this.host.toolstack.members.values()].filter(({ ending }) => !ending).map(({ name }) => name);
  }
}

/** @throws Error: it lasts too long */
async function until(what: string, isSo: () => boolean, mostMs = 120_000): Promise<void> {
  for (let ms = 0; !isSo(); ms += LOOK_MS) {
    if (ms > mostMs) throw new Error(`${what} did not come within ${mostMs / 1000} s`);
    await pause(LOOK_MS);
  }
}

export class PoolSoak {
  private readonly members: Member[];
  private readonly code = newCode(random);
  private server!: Server;
  private hub!: Hub;
  private readonly most: number;

  /** `most`: that the hub takes. */
  constructor(count: number, most: number) {
    this.most = most;
    this.members = Array.from({ length: count }, (_, i) => new Member(`host-${i + 1}`));
  }

  private async serve(port: number): Promise<number> {
    this.server = createServer();
    await new Promise<void>(resolve => this.server.listen(port, '127.0.0.1', resolve));
    this.hub = new Hub(this.server, {
      rooms: [(await secretsOf(this.code)).room],
      most: this.most,
      say: () => {},
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Hosts come one after the other, each with its guest. */
  async join(): Promise<void> {
    const kernel = new Blob([readFileSync(join(repository(), 'guests/minipv/minipv.elf'))]);
    const port = await this.serve(0);
    for (const member of this.members) {
      await member.membership.join(`ws://127.0.0.1:${port}/#${this.code}`, { name: member.name });
      await member.start(kernel);
    }
  }

  /** Everybody sees all hosts, all guests with where they run, and whose they are. */
  async list(): Promise<void> {
    for (const { name, membership } of this.members)
      await until(`the whole list on ${name}`, () => {
        const { pool, state } = membership.here;
        const { leases } = state;
        return (
          pool.inOrder.length === this.members.length &&
          state.guests.length === this.members.length &&
          state.guests.every(({ uuid, host }) => leases.get(uuid)?.owner === host)
        );
      });
  }

  /** One DHCP gives each guest an address of its own, and each guest reaches each other. @throws Error: one does not */
  async ping(): Promise<number> {
    for (const member of this.members) {
      const [, address] = /dhcp: ([\d.]+)/.exec(await member.ask('dhcp')) ?? [];
      if (address === undefined) throw new Error(`${member.guest} got no address`);
      if (this.members.some(other => other.address === address)) throw new Error(`${address} was given twice`);
      member.address = address;
    }
    let pings = 0;
    for (const from of this.members)
      for (const to of this.members) {
        if (to === from) continue;
        // Its first frame asks for the other's station.
        if (!/ping: [12] of 2/.test(await from.ask(`ping ${to.address} 2`)))
          throw new Error(`${from.guest} does not reach ${to.guest} at ${to.address}`);
        pings++;
      }
    return pings;
  }

  /** Density: hosts are emptied without anybody's word. How many are empty then; no guest is lost, and none runs twice. @throws Error: so it is */
  async balance(empty: number): Promise<number> {
    for (const { membership } of this.members) membership.here.state.setWish({ mode: 'density', automatic: true });
    const emptied = (): number => this.members.filter(({ guests }) => guests.length === 0).length;
    await until(`${empty} empty hosts`, () => emptied() >= empty, 300_000);
    for (const { membership } of this.members) membership.here.state.setWish({ mode: 'off', automatic: false });
    await until('the end of all moves', () =>
      this.members.every(
        ({ membership, host }) =>
          membership.here.state.moves.size === 0 &&
          host.domains.all().every(({ name }) => !/--(incoming|migratedaway)$/.test(name)),
      ),
    );
    this.refuseLost();
    await this.list();
    return emptied();
  }

  private refuseLost(): void {
    const there = this.members.flatMap(({ guests }) => guests).sort();
    const all = this.members.map(({ guest }) => guest).sort();
    if (there.join() !== all.join()) throw new Error(`there are ${there.join(', ')}`);
  }

  /** The hub ends and starts again: everybody comes back with all that was known. @throws Error: something is lost */
  async restart(): Promise<void> {
    const known = (): string => {
      const { state } = this.members[0]!.membership.here;
      return JSON.stringify([...state.leases].sort());
    };
    const before = known();
    const { port } = this.server.address() as AddressInfo;
    this.hub.close();
    await new Promise<void>(resolve => void this.server.close(() => resolve()));
    await until('the loss of the hub', () =>
      this.members.every(({ membership }) => membership.here.pool.away !== undefined),
    );
    await this.serve(port);
    await until('the return of all', () =>
      this.members.every(({ membership }) => membership.here.pool.away === undefined),
    );
    await this.list();
    this.refuseLost();
    if (known() !== before) throw new Error(`leases were ${before}, and are ${known()}`);
  }

  /** In order, the last one alone. */
  async leave(): Promise<void> {
    for (const [i, { membership }] of this.members.entries()) {
      await membership.leave();
      const [next] = this.members.slice(i + 1);
      if (next)
        await until(
          `its absence on ${next.name}`,
          () => next.membership.here.pool.inOrder.length === this.members.length - i - 1,
        );
    }
    this.refuseLost();
    await until('the leave of all', () => this.hub.health.members.length === 0);
    for (const { host } of this.members) host.toolstack.close();
    this.hub.close();
    this.server.close();
  }
}
