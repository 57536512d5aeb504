import { describe, expect, it } from 'vitest';
import type { ByteChannel } from '../host/nbd/index.ts';
import { later, until } from '../service/host.test-support.ts';
import { WINDOW_BYTES } from './channels.ts';
import { newCode, readCode, secretsOf } from './code.ts';
import type { Pool } from './pool.ts';
import { poolLater, poolMs, poolTime } from './pool-clock.test-support.ts';
import type { Room } from './room.ts';
import { enter, random, reach, TestRoom } from './rooms.test-support.ts';

const MIB = 2 ** 20;
const DEAF = { came: () => {}, gone: () => {}, message: () => {}, drained: () => {}, closed: () => {} };

/** All that comes, and what is said at the end. */
function heardBy(channel: ByteChannel): { bytes: number; first: number[]; end: (string | undefined)[] } {
  const heard = { bytes: 0, first: [] as number[], end: [] as (string | undefined)[] };
  channel.listen(
    bytes => {
      heard.bytes += bytes.length;
      if (heard.first.length < 8) heard.first.push(...bytes.subarray(0, 8));
    },
    why => void heard.end.push(why),
  );
  return heard;
}

describe('the code of a pool', () => {
  it('is read as people write it, and refused in words', () => {
    const code = newCode(random);
    expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$/);
    expect(readCode(` ${code.toUpperCase().replaceAll('-', ' ')}`)).toBe(code);
    expect(readCode('OIL0-0000-0000-0000')).toBe('0110-0000-0000-0000');
    expect(() => readCode('abc')).toThrow('is no code of a pool: it has 16 letters and digits');
  });

  it('gives hubs a name of the room that says nothing of it', async () => {
    const [one, two] = await Promise.all([secretsOf('0000-0000-0000-0000'), secretsOf('0000-0000-0000-0001')]);
    expect(one.room).toMatch(/^[0-9a-f]{32}$/);
    expect(one.room).not.toBe(two.room);
  });
});

describe('members of a pool', () => {
  it('know each other by name, and when one leaves', async () => {
    const room = new TestRoom();
    const alfa = await enter(room.enter(), 'alfa');
    const bravo = await enter(room.enter(), 'bravo');
    await until(() => alfa.hosts.length === 1);
    expect([alfa.hosts[0]!.name, bravo.hosts[0]!.name]).toEqual(['bravo', 'alfa']);
    const charlie = await enter(room.enter(), 'charlie');
    expect(charlie.hosts.map(({ name }) => name)).toEqual(['alfa', 'bravo']);
    bravo.leave();
    await until(() => alfa.hosts.map(({ name }) => name).join() === 'charlie');
    await expect(alfa.connect('bravo', 'migrate')).rejects.toThrow(
      'There is no host bravo in this pool. There are: charlie.',
    );
    charlie.leave();
    alfa.leave();
  });

  it('come again after a sleep in place of what others still have of them, and nobody else does', async () => {
    const room = new TestRoom();
    let sleptMs = 0;
    const alfa = await enter(room.enter(), 'alfa');
    const bravo = await enter(room.enter(), 'bravo', {
      hostMs: () => performance.now() + sleptMs,
      // Its place in the room is still taken: nobody has heard that it is gone.
      again: async () => room.enter(),
    });
    const rooms = room.size;
    room.keepsWhoLeaves = true;
    sleptMs = 60_000;
    await until(() => bravo.away !== undefined);
    await until(() => room.size > rooms);
    await until(() => alfa.hosts.length === 1 && bravo.hosts.length === 1 && bravo.away === undefined);
    expect(alfa.said).toEqual([]);
    // With its name and id, but without what alfa gave it.
    const thief = await enter(room.enter(), 'bravo', { hostMs: () => performance.now() }).catch(
      (error: Error) => error,
    );
    expect((thief as Error).message).toContain('There is a host bravo in this pool already.');
    expect(alfa.hosts.map(({ name }) => name)).toEqual(['bravo']);
    await reach(bravo, alfa);
    alfa.leave();
    bravo.leave();
  });

  it('are forgotten once they have left, under however many names they came', async () => {
    const room = new TestRoom();
    const alfa = await enter(room.enter(), 'alfa');
    const kept = (): number =>
      Object.values(alfa).reduce((sum: number, value) => sum + (value instanceof Map ? value.size : 0), 0);
    const before = kept();
    for (let visit = 0; visit < 20; visit++) {
      const hostile = await enter(room.enter(), `zulu-${visit}`);
      await until(() => alfa.hosts.length === 1);
      hostile.leave();
      await until(() => alfa.hosts.length === 0);
    }
    expect(kept()).toBe(before);
    alfa.leave();
  });

  it('have their numbers in one room: whoever is of the same in another has not said what they did', async () => {
    const rooms = [new TestRoom(), new TestRoom()] as const;
    let sleptMs = 0;
    const timers: (() => void)[] = [];
    const alfa = await enter(rooms[0].enter(), 'alfa', {
      hostMs: () => performance.now() + sleptMs,
      again: async () => rooms[1].enter(),
      later: (ms, callback) => {
        if (ms === 10_000) timers.push(callback);
        return later(ms, callback);
      },
    });
    const bravo = await enter(rooms[0].enter(), 'bravo');
    const thief = rooms[0].enter();
    const { me } = thief;
    const asked = timers.length;
    // It does not hear that bravo is there.
    rooms[0].passes = (from, to, message) => (from === me - 1 && to === me ? undefined : message);
    void enter(thief, 'bravo', { later: () => () => {} });
    await until(() => timers.length > asked);
    while (rooms[1].enter().me < me - 1);
    const charlie = await enter(rooms[1].enter(), 'charlie');
    sleptMs = 60_000;
    await until(() => alfa.away !== undefined);
    await until(() => alfa.hosts.length === 1);
    for (const callback of timers) callback();
    expect([alfa.hosts.map(({ name }) => name), alfa.said]).toEqual([
      ['charlie'],
      ['This host slept, and others have given it up. This host joins again by itself.'],
    ]);
    for (const pool of [alfa, bravo, charlie]) pool.leave();
  });

  it('are held to their roles: a viewer has the state alone, a giver takes no guests', async () => {
    const room = new TestRoom();
    const alfa = await enter(room.enter(), 'alfa');
    const viewer = await enter(room.enter(), 'viewer', { me: { role: 'viewer' } });
    const giver = await enter(room.enter(), 'giver', { me: { role: 'giver' } });
    for (const pool of [alfa, viewer, giver])
      for (const service of ['state', 'migrate', 'frames'] as const) pool.serve(service, () => {});
    await until(() => alfa.hosts.length === 2 && viewer.hosts.length === 2);
    await viewer.connect('alfa', 'state');
    await expect(viewer.connect('alfa', 'migrate')).rejects.toThrow('viewer is a viewer of this pool');
    await expect(alfa.connect('viewer', 'frames')).rejects.toThrow('viewer is a viewer of this pool');
    // One that does not hold itself to it.
    Object.assign(viewer, { reaches: () => true });
    await expect(viewer.connect('alfa', 'frames')).rejects.toThrow('viewer is a viewer of this pool');
    await giver.connect('alfa', 'migrate');
    await expect(alfa.connect('giver', 'migrate')).rejects.toThrow('giver takes no guests from other hosts.');
    expect(() => giver.setReceives(true)).toThrow('giver is a giver of this pool, and takes no guests.');
    alfa.setReceives(false);
    await expect(giver.connect('alfa', 'migrate')).rejects.toThrow('alfa takes no guests from other hosts.');
    await giver.connect('alfa', 'frames');
    expect([alfa.first, viewer.first, alfa.taking]).toEqual(['alfa', 'viewer', ['alfa', 'giver']]);
    for (const pool of [alfa, viewer, giver]) pool.leave();
  });

  it('connect to what another serves, both ways, and end in order', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await enter(room.enter(), 'alfa'), await enter(room.enter(), 'bravo')];
    const from: string[] = [];
    let there: ReturnType<typeof heardBy> | undefined;
    alfa.serve('migrate', (channel, host) => {
      from.push(host);
      there = heardBy(channel);
      channel.send(Uint8Array.of(7));
    });
    await expect(bravo.connect('alfa', 'frames')).rejects.toThrow('alfa takes no connections for "frames".');
    const channel = await bravo.connect('alfa', 'migrate');
    const here = heardBy(channel);
    channel.send(Uint8Array.of(1, 2, 3));
    await until(() => there?.bytes === 3 && here.bytes === 1);
    channel.close('bravo has seen enough.');
    await until(() => there!.end.length === 1 && here.end.length === 1);
    expect([from, there, here]).toEqual([
      ['bravo'],
      { bytes: 3, first: [1, 2, 3], end: ['bravo has seen enough.'] },
      { bytes: 1, first: [7], end: [undefined] },
    ]);
    alfa.leave();
    bravo.leave();
  });

  it('hold no more of a channel than its window, and let others pass meanwhile', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await enter(room.enter(), 'alfa'), await enter(room.enter(), 'bravo')];
    let passed = 0;
    room.passes = (_from, _to, message) => {
      passed += message.length;
      return message;
    };
    const served: ByteChannel[] = [];
    alfa.serve('migrate', channel => void served.push(channel));
    const [slow, quick] = [await bravo.connect('alfa', 'migrate'), await bravo.connect('alfa', 'migrate')];
    let drained = 0;
    slow.onDrained(() => drained++);
    served[0]!.pause();
    const [ofSlow, ofQuick] = served.map(heardBy) as [ReturnType<typeof heardBy>, ReturnType<typeof heardBy>];
    for (let i = 0; i < 16; i++) slow.send(new Uint8Array(MIB).fill(i));
    for (let i = 0; i < 4; i++) quick.send(new Uint8Array(MIB));
    await until(() => ofQuick.bytes === 4 * MIB);
    expect(ofSlow.bytes).toBe(0);
    expect(slow.waitingBytes).toBe(16 * MIB - WINDOW_BYTES);
    expect(passed).toBeLessThan(4 * MIB + WINDOW_BYTES + 100_000);
    served[0]!.resume();
    await until(() => ofSlow.bytes === 16 * MIB);
    expect([slow.waitingBytes, drained]).toEqual([0, 1]);
    alfa.leave();
    bravo.leave();
  });

  it('tell both ends of a channel when its host is gone', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await enter(room.enter(), 'alfa'), await enter(room.enter(), 'bravo')];
    let there: ReturnType<typeof heardBy> | undefined;
    alfa.serve('migrate', channel => {
      there = heardBy(channel);
    });
    const here = heardBy(await bravo.connect('alfa', 'migrate'));
    bravo.leave();
    await until(() => there!.end.length === 1);
    expect([there!.end, here.end]).toEqual([['bravo has left the pool.'], ['This host has left the pool.']]);
    alfa.leave();
  });

  it('refuse a second one of the same name or id, whoever was there first', async () => {
    const room = new TestRoom();
    const alfa = await enter(room.enter(), 'alfa');
    await expect(enter(room.enter(), 'alfa')).rejects.toThrow(
      'There is a host alfa in this pool already. Join with another --name.',
    );
    const me = { id: '0'.repeat(32), name: 'bravo', version: 'test' };
    const bravo = await enter(room.enter(), 'bravo', { me });
    await expect(enter(room.enter(), 'charlie', { me: { ...me, name: 'charlie' } })).rejects.toThrow(
      "bravo of this pool has this host's id. Start one of them with another --state.",
    );
    await until(() => alfa.hosts.length === 1);
    alfa.leave();
    bravo.leave();
  });
});

describe('a hub that reads and changes what passes', () => {
  it('sees nothing of what members say', async () => {
    const room = new TestRoom();
    const passed: number[] = [];
    room.passes = (_from, _to, message) => {
      passed.push(...message);
      return message;
    };
    const [alfa, bravo] = [await enter(room.enter(), 'alfa'), await enter(room.enter(), 'bravo')];
    await until(() => alfa.hosts.length === 1);
    const text = String.fromCharCode(...passed);
    expect(text.length).toBeGreaterThan(100);
    for (const word of ['alfa', 'bravo', 'name', 'version']) expect(text).not.toContain(word);
    alfa.leave();
    bravo.leave();
  });

  const hostile: Record<string, (message: Uint8Array, number: number) => Uint8Array | undefined> = {
    changes: message => message.map((byte, i) => (i === 3 ? byte ^ 1 : byte)),
    loses: () => undefined,
    repeats: (message, number) => (number === 1 ? message : last),
    cuts: message => message.subarray(0, message.length - 1),
  };
  let last = new Uint8Array();
  for (const [what, change] of Object.entries(hostile))
    it(`ends a link when it ${what} a message`, async () => {
      const room = new TestRoom();
      const [alfa, bravo] = [await enter(room.enter(), 'alfa'), await enter(room.enter(), 'bravo')];
      const got: number[] = [];
      alfa.serve('migrate', channel =>
        channel.listen(
          bytes => void got.push(...bytes),
          () => {},
        ),
      );
      const channel = await bravo.connect('alfa', 'migrate');
      let number = 0;
      room.passes = (from, _to, message) => {
        if (from !== 2) return message;
        const passed = ++number <= 2 ? change(message, number) : message;
        last = message as Uint8Array<ArrayBuffer>;
        return passed;
      };
      for (let i = 1; i < 6; i++) {
        channel.send(Uint8Array.of(i));
        await new Promise(resolve => setTimeout(resolve, 5));
      }
      await until(() => alfa.hosts.length === 0);
      expect(alfa.said).toEqual([expect.stringContaining('bravo sent what does not open with the key of this pool')]);
      expect(got).toEqual(what === 'repeats' ? [1] : []);
      alfa.leave();
      bravo.leave();
    });
});

it('does not take its wait for a silent member for a sleep', async () => {
  const room = new TestRoom();
  room.enter().listen(DEAF);
  const parts = { again: async (): Promise<Room> => room.enter(), later: poolLater, hostMs: poolMs };
  const alfa = await enter(room.enter(), 'alfa', parts);
  await poolTime(5000);
  expect([alfa.said, alfa.away]).toEqual([[], undefined]);
  alfa.leave();
});

describe('a link that meets a bad message', () => {
  const both = async (room: TestRoom): Promise<(Pool & { said: string[] })[]> => {
    const parts = { again: async (): Promise<Room> => room.enter(), later: poolLater, hostMs: poolMs };
    const alfa = await enter(room.enter(), 'alfa', parts);
    return [alfa, await enter(room.enter(), 'bravo', parts)];
  };
  /** Both show each other, and what one says comes to the other. */
  const have = async (alfa: Pool, bravo: Pool): Promise<void> => {
    const shows = (pool: Pool, name: string): boolean => pool.hosts.map(each => each.name).join() === name;
    for (let isSo = false; !isSo; ) {
      await until(() => shows(alfa, 'bravo') && shows(bravo, 'alfa'));
      isSo = await Promise.all([reach(alfa, bravo), reach(bravo, alfa)]).then(
        () => true,
        () => false,
      );
    }
    for (const pool of [alfa, bravo]) pool.leave();
  };

  const kinds: Record<string, () => (message: Uint8Array) => Uint8Array[]> = {
    lost: () => () => [],
    doubled: () => message => [message, message],
    changed: () => message => [message.map((byte, i) => (i === message.length - 1 ? byte ^ 1 : byte))],
    reordered: () => {
      let first: Uint8Array | undefined;
      return message => {
        if (first) return [message, first];
        first = message;
        return [];
      };
    },
  };
  /** Of one's messages from bravo's coming on: its salt, who it is, its next look at the link, and the next. */
  const cases = Object.keys(kinds).flatMap(kind =>
    [0, 1, 2, 3].flatMap(at => [1, 2].map(of => [kind, at, of] as const)),
  );
  it.concurrent.each(cases)(
    'is made again, and both ends show the same: %s, at message %i of %i',
    async (kind, at, of) => {
      const room = new TestRoom();
      const garbles = kinds[kind]!();
      const garbled = kind === 'reordered' ? 2 : 1;
      let count = 0;
      room.garbles = (from, _to, message) => {
        if (from !== of) return [message];
        const number = count++;
        return number >= at && number < at + garbled ? garbles(message) : [message];
      };
      const [alfa, bravo] = await both(room);
      await until(() => count >= at + garbled);
      await have(alfa!, bravo!);
    },
  );

  it.concurrent.each(['came', 'gone'] as const)('is made though the word that a host %s was lost', async word => {
    const room = new TestRoom();
    let isLost = word === 'came';
    room.tells = each => !(isLost && each === word && !(isLost = false));
    const [alfa, bravo] = await both(room);
    if (word === 'gone') {
      isLost = true;
      // It takes another seat.
      room.garbles = (from, _to, message) => (from === 1 ? [] : [message]);
      await until(() => !isLost);
    }
    await have(alfa!, bravo!);
  });

  it.concurrent.each(['before', 'after'])(
    'costs nobody another link where a stranger sends it, who came %s both',
    async when => {
      const room = new TestRoom();
      const comes = (): Room => {
        const seat = room.enter();
        seat.listen(DEAF);
        return seat;
      };
      const early = when === 'before' ? comes() : undefined;
      const [alfa, bravo] = (await both(room)) as [Pool & { said: string[] }, Pool];
      const seen = new Set<string>();
      for (const pool of [alfa, bravo])
        pool.onChange(() => seen.add(`${pool.hosts.map(({ name }) => name).join()} ${pool.away ?? 'is here'}`));
      const stranger = early ?? comes();
      const others = [1, 2, 3].filter(number => number !== stranger.me);
      let answers = 0;
      room.passes = (_from, to, message) => {
        if (to === stranger.me) answers++;
        return message;
      };
      const LENGTHS = [16, 3, 16, 40, 16];
      for (let round = 0; round < 100; round++) {
        await poolTime(200);
        for (const length of LENGTHS) for (const other of others) stranger.send(other, random(length));
      }
      expect([...seen].sort()).toEqual(['alfa is here', 'bravo is here']);
      // A new link takes a salt and perhaps a byte, twice a second at most; not an answer to each message.
      expect(answers).toBeLessThan(others.length * 100 * 2);
      expect(alfa.said).toHaveLength(1);
      await have(alfa, bravo);
    },
  );

  it('takes other hosts a seat now and then, whatever one member goes on to send', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = (await both(room)) as [Pool & { said: string[] }, Pool];
    const hostile = await enter(room.enter(), 'hostile', { later: poolLater, hostMs: poolMs });
    let seats = 0;
    alfa.onChange(() => void (alfa.away !== undefined && seats++));
    room.garbles = (from, _to, message) => (from === 3 ? [message.map(byte => byte ^ 1)] : [message]);
    await poolTime(20_000);
    expect([seats > 0, seats < 7]).toEqual([true, true]);
    hostile.leave();
    room.garbles = (_from, _to, message) => [message];
    await have(alfa, bravo);
  });
});
