/** Hosts in processes of their own, which know each other by a hub in this one; and what such a process does. */
import { type ChildProcess, fork } from 'node:child_process';
import { getRandomValues } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { membershipOf, newCode, secretsOf } from '../../dom0/pool/index.ts';
import { Hub } from '../../cli/pool/hub.ts';
import { repository } from '../../cli/repository.ts';
import { tuneEngine } from '../../cli/tune-engine.ts';
import { Beats } from './beats.ts';
import { memoryFor, type MakeHost, type Sides } from './moves.ts';
import type { Row } from './guest.ts';
import { HostSide, type Side } from './side.ts';

const ASKED = [
  'create',
  'round',
  'spin',
  'move',
  'arrives',
  'wentOnMs',
  'problem',
  'destroy',
  'serve',
  'ping',
  'silenceMs',
  'close',
] as const satisfies (keyof Side)[];

interface Question {
  what: (typeof ASKED)[number];
  given: unknown[];
}
type Answer = { answer: unknown } | { error: string };

/** A host in another process. One thing is asked of it at a time. */
class FarSide {
  private readonly child: ChildProcess;
  private settle: { resolve: (answer: unknown) => void; reject: (error: Error) => void } | undefined;
  /** It is in the pool. */
  readonly joined: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.child = child;
    this.joined = this.answer();
    child.on('message', heard => {
      const said = heard as Answer;
      if ('error' in said) this.settle?.reject(new Error(said.error));
      else this.settle?.resolve(said.answer);
    });
    child.on('exit', status => this.settle?.reject(new Error(`The process of a host ended (status ${status}).`)));
  }

  private answer(): Promise<unknown> {
    return new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  ask(what: Question['what'], given: unknown[]): Promise<unknown> {
    const answer = this.answer();
    this.child.send({ what, given } satisfies Question);
    return answer;
  }

  end(): void {
    this.child.disconnect();
  }
}

const asSide = (far: FarSide): Side =>
  Object.fromEntries(ASKED.map(what => [what, (...given: unknown[]) => far.ask(what, given)])) as unknown as Side;

/** Two hosts, each in a process; `end` once nobody asks them anything. @throws Error with a sentence */
export async function sidesInProcesses(row: Row): Promise<{ sides: Sides; end(): void }> {
  const code = newCode(count => getRandomValues(new Uint8Array(count)));
  const { room } = await secretsOf(code);
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const hub = new Hub(server, { rooms: [room], most: 2, say: () => {} });
  const address = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/#${code}`;
  const program = join(repository(), 'scripts', 'program.mjs');
  const far = (name: string): FarSide =>
    new FarSide(fork(program, ['bench-migration', '--host', name, '--join', address, '--row', JSON.stringify(row)]));
  const [a, b] = [far('a'), far('b')];
  await Promise.all([a.joined, b.joined]);
  return {
    sides: { a: asSide(a), b: asSide(b) },
    end: () => {
      a.end();
      b.end();
      hub.close();
      server.close();
    },
  };
}

/** This process is one of the two hosts, until its parent lets go of it. */
export async function beSide(
  { host: name, join: address, row: text }: { host: string; join: string; row: string },
  make: MakeHost,
  pause: (ms: number) => Promise<void>,
): Promise<void> {
  // As `ringside sh` does.
  tuneEngine();
  const row = JSON.parse(text) as Row;
  const memory = memoryFor(row);
  const host = make({ memory });
  const membership = membershipOf(host);
  const { pool } = await membership.join(address, { name });
  for (let tries = 0; !pool.hosts.some(other => other.name !== name); tries++) {
    if (tries > 1000) throw new Error('The other host does not come.');
    await pause(10);
  }
  const side = new HostSide(host, row, pause, new Beats({ memory }));
  const say = (answer: Answer): void => void process.send!(answer);
  process.on('message', heard => {
    const { what, given } = heard as Question;
    (side[what] as (...given: unknown[]) => Promise<unknown>)(...given).then(
      answer => say({ answer }),
      (error: Error) => say({ error: error.message }),
    );
  });
  say({ answer: 'joined' });
  await new Promise<void>(resolve => process.once('disconnect', resolve));
}
