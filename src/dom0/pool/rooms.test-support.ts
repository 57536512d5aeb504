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
  /** What comes in place of one that has passed. */
  garbles = (_from: number, _to: number, message: Uint8Array): Uint8Array[] => [message];
  /** Whether a member is told that another came or has gone. */
  tells = (_word: 'came' | 'gone', _to: number): boolean => true;

  /** It ends, and is there again when it is opened. */
  close(): void {
    this.isClosed = true;
    for (const [number, { closed }] of this.there) {
      this.there.delete(number);
      setImmediate(() => closed('The hub of this pool does not answer any more.'));
    }
  }
  private isClosed = false;

  open(): void {
    this.isClosed = false;
  }

  enter(): Room {
    if (this.isClosed) throw new Error('the hub does not answer');
    const me = ++this.last;
    return {
      me,
      waitingBytes: 0,
      listen: listener => {
        const others = [...this.there.keys()];
        this.tell('came', me);
        this.there.set(me, listener);
        return others;
      },
      send: (to, message) => {
        const passed = this.passes(me, to, message.slice());
        const all = passed ? this.garbles(me, to, passed) : [];
        setImmediate(() => {
          for (const each of all) this.there.get(to)?.message(me, each.slice() as Uint8Array<ArrayBuffer>);
          this.there.get(me)?.drained();
        });
      },
      leave: () => {
        if (this.keepsWhoLeaves) return;
        this.there.delete(me);
        this.tell('gone', me);
      },
    };
  }

  private tell(word: 'came' | 'gone', member: number): void {
    for (const [number, other] of this.there) if (this.tells(word, number)) setImmediate(() => other[word](member));
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
