/** A room of one process, for tests: messages arrive when the event loop had its turn, and the test may see and change each. */
import { getRandomValues } from 'node:crypto';
import { later, until } from '../service/host.test-support.ts';
import { newCode, secretsOf } from './code.ts';
import { hostIdOf } from './names.ts';
import { Pool, type PoolParts } from './pool.ts';
import type { Room, RoomListener } from './room.ts';

export const random = (count: number): Uint8Array => getRandomValues(new Uint8Array(count));

export class TestRoom {
  private readonly there = new Map<number, RoomListener>();
  private last = 0;
  /** As a hub, which does not notice yet that somebody sleeps. */
  keepsWhoLeaves = false;

  get size(): number {
    return this.there.size;
  }

  /** What passes; undefined: it is lost. */
  passes = (_from: number, _to: number, message: Uint8Array): Uint8Array | undefined => message;

  enter(): Room {
    const me = ++this.last;
    return {
      me,
      waitingBytes: 0,
      listen: listener => {
        const others = [...this.there.keys()];
        for (const other of this.there.values()) setImmediate(() => other.came(me));
        this.there.set(me, listener);
        return others;
      },
      send: (to, message) => {
        const passed = this.passes(me, to, message.slice());
        setImmediate(() => {
          if (passed) this.there.get(to)?.message(me, passed as Uint8Array<ArrayBuffer>);
          this.there.get(me)?.drained();
        });
      },
      leave: () => {
        if (this.keepsWhoLeaves) return;
        this.there.delete(me);
        for (const other of this.there.values()) setImmediate(() => other.gone(me));
      },
    };
  }
}

const ids = new Map<string, string>();
/** The same name has the same id. */
const idOf = (name: string): string => {
  if (!ids.has(name)) ids.set(name, hostIdOf(random(16)));
  return ids.get(name)!;
};

export const testCode = newCode(random);

export async function enter(
  room: Room,
  name: string,
  { me, ...parts }: Partial<Omit<PoolParts, 'me'>> & { me?: Partial<PoolParts['me']> } = {},
): Promise<Pool & { said: string[] }> {
  const said: string[] = [];
  const pool = await Pool.enter({
    me: { id: idOf(name), name, version: 'test', role: 'member', ...me },
    secret: (await secretsOf(testCode)).secret,
    room,
    random,
    later,
    hostMs: () => performance.now(),
    say: sentence => said.push(sentence),
    ...parts,
  });
  return Object.assign(pool, { said });
}

/** Resolves once all that one sends has come to the other. */
export async function reach(from: Pool, to: Pool): Promise<void> {
  let got = 0;
  to.serve('migrate', channel =>
    channel.listen(
      bytes => void (got += bytes.length),
      () => {},
    ),
  );
  (await from.connect(to.me, 'migrate')).send(new Uint8Array(1000));
  await until(() => got === 1000);
}
