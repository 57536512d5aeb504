/** What moves and how, and what is refused before the first page: nothing of it stays on the other host. */
import { describe, expect, it, vi } from 'vitest';
import { UsedMemory } from '../../../devices/vga/used-memory.ts';
import { type BlockDevice, deviceOf } from '../../../formats/blocks/index.ts';
import { Arrival as StateArrival, SavedStateError } from '../../../hypervisor/index.ts';
import { soon, testFile, testHost, timersOfTest, until } from '../../service/host.test-support.ts';
import { VIRTUAL_EPOCH_MS } from '../../service/virtual-epoch.ts';
import { VirtualTime } from '../../service/virtual-time.ts';
import { startPostcopy } from '../../toolstack/domains/index.ts';
import { createNetwork } from '../../libvirt/index.ts';
import { inTurns } from '../../toolstack/runners/index.ts';
import { channelPair } from '../neighbours.ts';
import { Line } from './line.ts';
import { bytesOf, encodeOffer, hear, MESSAGE, PROTOCOL, Refused, say, textOf, wordsOf } from './messages.ts';
import { ComingFrames, sendTheRest } from './postcopy.ts';
import { Receiver } from './receiver.ts';
import { migrate, type Ownership as SenderOwnership } from './sender.ts';
import type { Host } from '../../service/host.ts';
import { Cable, GUESTS, hurried, pair, running, toldAtOnce, watch, xl } from './pair.test-support.ts';

const RESUMING = '\nmigration sender: libxl_domain_suspend failed (rc=-3)\nMigration failed, resuming at sender.';

async function booted(host: Host, more = '', name = 'web'): Promise<number> {
  const { id } = await host.create(GUESTS.demo(name, more));
  const shown = await watch(host, id);
  await until(() => shown.text().includes('demo> '));
  return id;
}

/** It goes on where it was, the other host has what it had before, and the sentence ends so. */
async function refused(a: Host, b: Host, why: RegExp): Promise<void> {
  const before = [(await b.list()).length, b.machine.freeFrames];
  const { err } = await xl(a, 'migrate', 'web', 'b');
  expect(err).toMatch(why);
  expect(err.endsWith(RESUMING)).toBe(true);
  expect(await running(a)).toContain('web');
  await until(async () => (await b.list()).length === before[0]);
  expect(b.machine.freeFrames).toBe(before[1]);
}

describe('a host that cannot take a guest', () => {
  it('says so before the first page: its name, its UUID or its station is taken', async () => {
    const { a, b } = pair();
    const uuid = '00112233-4455-6677-8899-aabbccddeeff';
    await booted(a, `uuid = "${uuid}"\nvif = ["mac=00:16:3e:12:34:56"]\n`);
    const { id } = await b.create(GUESTS.demo('web'));
    await refused(
      a,
      b,
      /libxl__domain_rename: Domain with name "web" already exists\.[\s\S]*There is a domain called web already\./,
    );
    await b.destroy(id);
    const other = await b.create(GUESTS.demo('other', `uuid = "${uuid}"\n`));
    await refused(a, b, /other has the UUID 00112233-.* already\. Destroy or rename it, and migrate this one again\./);
    await b.destroy(other.id);
    await b.create(GUESTS.demo('third', 'vif = ["mac=00:16:3e:12:34:56"]\n'));
    await refused(a, b, /third has the station address 00:16:3e:12:34:56 already\./);
  });

  it('says so where it has not the bridge of a card, and restores no guest that has one', async () => {
    const { a, b } = pair();
    await createNetwork(a, "<network><name>apart</name><bridge name='virbr7'/></network>");
    const id = await booted(a, 'vif = ["bridge=virbr7"]\n');
    const why = /Could not find bridge device virbr7\. This host has the bridges xenbr0: make/;
    await refused(a, b, why);
    const state = { name: 'web.save', data: await a.save(id) };
    await expect(b.restore(state)).rejects.toThrow(why);
    expect(await b.list()).toEqual([]);
    await createNetwork(b, "<network><name>apart</name><bridge name='virbr7'/></network>");
    await b.restore(state);
    expect(await running(b)).toEqual(['web']);
  });

  it('says so where it has too little memory, or no VT-x', async () => {
    const cable = new Cable();
    const a = testHost({ neighbours: cable.of('a') });
    const b = testHost({ neighbours: cable.of('b'), memory: new SharedArrayBuffer(12 * 2 ** 20) });
    await booted(a);
    await refused(a, b, /The host has \d+ MiB free and the guest wants 8/);
    b.machine.hasVt = false;
    await refused(a, b, /HVM guest support is unavailable: is VT\/AMD-V supported/);
  });

  it('says so where it does not know the disk', async () => {
    const openMedium = (): BlockDevice => deviceOf(2 ** 20, (_at, into) => into.fill(7));
    const { a, b } = pair({ openMedium });
    const disk = testFile('d.img', new Uint8Array(2 ** 20));
    const { id } = await a.create([...GUESTS.demo('web', 'disk = ["d.img,raw,hda,w"]\n'), disk]);
    const shown = await watch(a, id);
    await until(() => shown.text().includes('demo> '));
    await refused(
      a,
      b,
      /No file here has the contents of d\.img \(1048576 bytes, SHA-256 30e14955ebf13522…\)\. Copy it to this host/,
    );
  });

  it('says so where its processors have not what the guest was shown, before the first page', async () => {
    const { a, b, cable } = pair();
    await booted(a);
    const kinds: number[] = [];
    cable.passes = (from, bytes) => {
      if (from !== 'a' || bytes.length < 8) return true;
      const [kind] = new Uint32Array(bytes.slice(0, 4).buffer);
      // X86_CPUID_POLICY: leaves of 24 bytes behind a header of 8; EBX of leaf 7 has AVX-512 (bit 16), say.
      if (kind === 0x11 && bytes.length > 32)
        for (let at = 8; at + 24 <= bytes.length; at += 24) if (bytes[at] === 7) bytes[at + 14]! |= 1;
      kinds.push(kind!);
      return true;
    };
    await refused(a, b, /features in leaf 0x7 that this version does not have \(0x10000\)/);
    expect([kinds.includes(0x11), kinds.filter(kind => kind === 0x11).length, kinds.at(-1)]).toEqual([true, 1, 0x10]);
  });

  it('says so of a state that does not fit while the guest still runs', async () => {
    const { a, b, cable } = pair();
    await booted(a);
    let rehearsals = 0,
      ends = 0;
    cable.passes = (from, bytes) => {
      const [type, length] = new Uint32Array(bytes.slice(0, 8).buffer);
      // xl's header, whose magic number follows, ends with the domain's configuration.
      if (from === 'a' && type === MESSAGE.REHEARSE && bytes.length === 8 + length!) {
        rehearsals++;
        bytes[bytes.length - 1000]! ^= 1;
      }
      // RINGSIDE_CHECKSUMS: the guest is paused.
      if (from === 'a' && type === 0x80000003) ends++;
      return true;
    };
    await refused(a, b, /\nweb is damaged: the checksum of record /);
    expect([rehearsals, ends]).toEqual([1, 0]);
    // So does whoever it is sent to next.
    await refused(a, b, /\nweb is damaged: the checksum of record /);
    expect([rehearsals, ends]).toEqual([2, 0]);
  });

  it('says so of a state that its devices do not take while the guest still runs, and of one that comes before the guest', async () => {
    const { a, b, cable } = pair();
    await booted(a);
    let ends = 0,
      isEarly = false;
    cable.passes = (from, bytes) => {
      const [type] = new Uint32Array(bytes.slice(0, 4).buffer);
      if (from === 'a' && type === 0x80000003) ends++;
      // In place of the stream's beginning.
      if (isEarly && from === 'a' && type === MESSAGE.STREAM) bytes[0] = MESSAGE.REHEARSE;
      return true;
    };
    const rehearse = vi.spyOn(StateArrival.prototype, 'rehearse').mockImplementation(() => {
      throw new SavedStateError('The state of web cannot be restored: it has a card that is not here.');
    });
    await refused(a, b, /\nThe state of web cannot be restored: it has a card that is not here\./);
    rehearse.mockRestore();
    isEarly = true;
    await refused(a, b, /\na sends a state of a guest before the guest\./);
    expect(ends).toBe(0);
  });

  it('says so of post-copy where nobody could stand for memory, and where all of it has to be there', async () => {
    const { a, b } = pair();
    await booted(a);
    const unsupported = async (...words: string[]): Promise<string> => {
      const { err } = await xl(a, 'migrate', ...words, 'b');
      expect((await b.list()).length).toBe(0);
      return err;
    };
    expect(await unsupported('--postcopy', 'web')).toContain(
      'unsupported configuration: guests of this host share one thread, which cannot wait for memory. Migrate web without --postcopy.',
    );
    expect(await unsupported('--postcopy', '-p', 'web')).toContain(
      'unsupported configuration: post-copy migration is not supported with non-live or paused migration',
    );
    expect(await unsupported('--postcopy', '--debug', 'web')).toContain('leave --debug out');
    await a.create(GUESTS.minipv('para'));
    expect(await unsupported('--postcopy', 'para')).toContain('Migrate para without --postcopy.');
    expect(await running(a)).toEqual(['web', 'para']);
  });

  it('says so where it runs in virtual time, before the first page', async () => {
    const cable = new Cable();
    const a = testHost({ neighbours: cable.of('a') });
    const timers = timersOfTest();
    const virtual = new VirtualTime({ wallMs: () => performance.now(), soon: timers.soon, speed: Infinity });
    const runners = inTurns({ ...timers, pace: virtual });
    const b = testHost({ neighbours: cable.of('b'), virtual, runners, epochMs: () => VIRTUAL_EPOCH_MS });
    await booted(a);
    await refused(a, b, /web runs by the clock on the wall, and this host in virtual time\. Take a host of its kind\./);
  });

  it('says so to one that moves domains in another way, and tells it nothing else', async () => {
    const { a, b, cable } = pair();
    await booted(a);
    const line = new Line(await cable.of('a').connect('b', 'migrate'), 'b');
    expect((await hear(line)).type).toBe(MESSAGE.READY);
    const offer = {
      protocol: PROTOCOL + 1,
      token: 't',
      name: 'web',
      paused: false,
      toolstack: {},
      copies: [],
      images: [],
      sendsImages: false,
      postcopy: false,
    };
    await say(line, MESSAGE.OFFER, encodeOffer(offer));
    const { type, body } = await hear(line);
    expect([type, textOf(body)]).toEqual([
      MESSAGE.REFUSED,
      `The other host moves domains by version ${PROTOCOL + 1} of the protocol, and this one by ${PROTOCOL}. Take the same version of Ringside on both hosts.`,
    ]);
    expect(await b.list()).toEqual([]);
  });

  it('is not there, or is the host itself', async () => {
    const { a } = pair();
    await booted(a);
    expect((await xl(a, 'migrate', 'web', 'c')).err).toBe('c does not answer');
    expect((await xl(a, 'migrate', 'nobody', 'b')).err).toContain('nobody is an invalid domain identifier');
    expect(await running(a)).toEqual(['web']);
  });
});

describe('numbers of frames and files', () => {
  it('are words of 32 bits, and what is none is refused', () => {
    expect([...wordsOf(Uint8Array.of(9, 1, 0, 0, 0, 2, 0, 0, 0x80).subarray(1))]).toEqual([1, 0x8000_0002]);
    expect(() => wordsOf(new Uint8Array(5))).toThrow(
      /^The other host sends 5 bytes in place of numbers, which have four each\.$/,
    );
  });

  it.each([
    ['a half of a number', [0, 0, 0, 0, 1, 0], /^migration sender: The other host sends 6 bytes in place of numbers/],
    ['a range without a length', [0, 0, 0, 0], /wants memory, and does not say which\. web waits on b/],
    [
      'a frame without memory',
      bytesOf([0x8_0000, 1]),
      /wants guest frame 0x80000, and there is no memory\. web waits on b/,
    ],
    [
      'more frames than there are',
      bytesOf([0, 0xffff_ffff]),
      /wants guest frame 0x[0-9a-f]+, and there is no memory\. web/,
    ],
    ['a frame twice', bytesOf([2, 2, 3, 1]), /wants memory, and does not say which\. web waits on b/],
  ])('end the line where they name %s, and nothing is sent', async (_what, bytes, why) => {
    const { a } = pair({ later: hurried });
    const guest = a.domains.member(await booted(a));
    const { ends } = channelPair(soon);
    const there = new Line(ends[1], 'a');
    const told: string[] = [];
    const sent = sendTheRest({
      host: a,
      guest,
      to: 'b',
      line: new Line(ends[0], 'b'),
      again: () => Promise.reject(new Refused('That is enough.')),
      progress: () => told.push('sent'),
      tell: line => told.push(line),
    });
    await say(there, MESSAGE.LACKS, Uint8Array.from(bytes));
    await expect(hear(there)).rejects.toThrow(/^a has hung up\.$/);
    await expect(sent).rejects.toThrow(/^That is enough\.$/);
    expect(told).toEqual([expect.stringMatching(why)]);
  });
});

describe('a host that refuses a guest and hangs up at once', () => {
  async function two() {
    const cable = new Cable();
    const a = testHost({ neighbours: toldAtOnce(cable.of('a'), MESSAGE.REFUSED) });
    await booted(a);
    return { a, b: testHost({ neighbours: cable.of('b') }), cable };
  }

  it('is heard where the sender waits to be let', async () => {
    const { a, b } = await two();
    await b.create(GUESTS.demo('web'));
    await refused(a, b, /There is a domain called web already\./);
  });

  it('is heard where the sender still sends, and has not asked yet', async () => {
    const { a, b, cable } = await two();
    cable.passes = (from, bytes) => {
      if (from === 'a' && bytes[0] === MESSAGE.OFFER && bytes.length > 8) bytes.fill(0xff, 8);
      return true;
    };
    await refused(a, b, /^The other host does not say what is to come\./m);
  });

  it('is heard while memory goes there', async () => {
    const { a, b, cable } = await two();
    let isTaken = false,
      pieces = 0;
    cable.passes = (from, bytes) => {
      isTaken ||= from === 'b' && bytes[0] === MESSAGE.ACCEPTED;
      if (isTaken && from === 'a' && ++pieces === 4) b.toolstack.jobs.abort('web');
      return true;
    };
    await refused(a, b, /^operation aborted: migration in job: canceled by client$/m);
    expect(isTaken).toBe(true);
  });

  it('is heard where the sender is about to give its permission', async () => {
    const { a, b, cable } = await two();
    let left = (): void => {};
    const hasLeft = new Promise<void>(resolve => (left = resolve));
    cable.passes = (from, bytes) => {
      if (from === 'b' && bytes[0] === MESSAGE.REFUSED) left();
      return true;
    };
    // The pool takes its time, and the other host thinks better of it meanwhile.
    const handOver: SenderOwnership['handOver'] = async (_guest, _to, offer) => {
      b.toolstack.jobs.abort('web');
      await hasLeft;
      for (let turns = 0; turns < 50; turns++) await new Promise<void>(resolve => soon(resolve));
      await expect(offer(1)).rejects.toThrow();
      return false;
    };
    const neighbours = toldAtOnce(cable.of('a'), MESSAGE.REFUSED);
    const [guest] = a.toolstack.members.values();
    const moved = migrate(
      { host: a, neighbours, ownership: { handOver, confirmed: async () => 1, takeBack: () => {} } },
      guest!,
      'b',
    );
    await expect(moved).rejects.toThrow(
      /^operation aborted: migration in job: canceled by client\nMigration failed, resuming at sender\.$/,
    );
    expect(await running(a)).toEqual(['web']);
  });
});

it('says why it cannot start a guest, though the link breaks right behind that', async () => {
  const { a, b, cable } = pair();
  await booted(a);
  b.toolstack.rename = () => {
    throw new Error('no room in the store');
  };
  const remove = b.toolstack.remove.bind(b.toolstack);
  b.toolstack.remove = async (...given) => {
    for (let turns = 0; turns < 50; turns++) await new Promise<void>(resolve => soon(resolve));
    return remove(...given);
  };
  cable.passes = (from, bytes) => !(from === 'b' && bytes[0] === MESSAGE.GO);
  const { err } = await xl(a, 'migrate', 'web', 'b');
  expect(err).toMatch(/\nno room in the store\nmigration sender: Target reports startup failure \(status code 1\)\./);
  expect([await running(a), await b.list()]).toEqual([['web'], []]);
});

it('goes on where it was, though the link breaks while a host that could not start it clears up', async () => {
  const { a, b, cable } = pair();
  await booted(a);
  b.toolstack.rename = () => {
    throw new Error('no room in the store');
  };
  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await new Promise<void>(resolve => soon(resolve));
  };
  const remove = b.toolstack.remove.bind(b.toolstack);
  b.toolstack.remove = async (...given) => {
    await turns(50);
    cable.cutAll('the cable was pulled');
    await turns(500);
    return remove(...given);
  };
  const { err } = await xl(a, 'migrate', 'web', 'b');
  expect(err).toMatch(/\nno room in the store\nmigration sender: Target reports startup failure \(status code 1\)\./);
  await until(async () => (await b.list()).length === 0);
  expect(await running(a)).toEqual(['web']);
});

it('says that it waits for no lease where it refuses the last of a guest', async () => {
  const { a, b, cable } = pair();
  await booted(a);
  const receiver = new Receiver({
    host: b,
    ownership: {
      receive: () => Promise.reject(new Error('it waits')),
      isStill: async () => true,
      begun: () => {},
      decline: () => {},
    },
  });
  cable.of('b').serve('migrate', (channel, from) => void receiver.serve(channel, from));
  const rest = vi.spyOn(StateArrival.prototype, 'rest').mockImplementation(() => {
    throw new SavedStateError('The state of web cannot be restored: it has a card that is not here.');
  });
  const [guest] = a.toolstack.members.values();
  const told: unknown[] = [];
  const handOver: SenderOwnership['handOver'] = async (_guest, _to, offer, lost) => {
    await offer(1).catch(() => {});
    told.push(await lost);
    return false;
  };
  const ownership = { handOver, confirmed: async () => 1, takeBack: () => {} };
  const moved = migrate({ host: a, neighbours: cable.of('a'), ownership }, guest!, 'b');
  await expect(moved).rejects.toThrow(/it has a card that is not here\.\nMigration failed, resuming at sender\.$/);
  rest.mockRestore();
  expect([told, await running(a), await b.list()]).toEqual([[true], ['web'], []]);
});

it('does not run by a lease that has run out while it got its other ends', async () => {
  const { a, b, cable } = pair();
  await booted(a, 'vif = ["mac=00:16:3e:12:34:56"]\n');
  const connect = b.toolstack.services.network.connect.bind(b.toolstack.services.network);
  let hasLease = false;
  b.toolstack.services.network.connect = async () => {
    hasLease = false;
    return connect();
  };
  const declined: string[] = [];
  const receiver = new Receiver({
    host: b,
    ownership: {
      receive: async () => (hasLease = true),
      isStill: async () => hasLease,
      begun: () => {},
      decline: uuid => void declined.push(uuid),
    },
  });
  cable.of('b').serve('migrate', (channel, from) => void receiver.serve(channel, from));
  const [guest] = a.toolstack.members.values();
  const handOver: SenderOwnership['handOver'] = async (_guest, _to, offer, lost) => {
    await offer(1);
    expect(await lost).toBe(false);
    return false;
  };
  const ownership = { handOver, confirmed: async () => 1, takeBack: () => {} };
  const moved = migrate({ host: a, neighbours: cable.of('a'), ownership }, guest!, 'b');
  await expect(moved).rejects.toThrow(
    /^The lease of .* is not this host's: it is not the guest that has come from a\./,
  );
  expect([await running(a), await b.list(), declined]).toEqual([['web'], [], [guest!.uuid]]);
});

describe('a guest that moves', () => {
  it('takes a screen of many MiB along, which is tried on the other host, too', async () => {
    const { a, b } = pair();
    await booted(a);
    const save = vi.spyOn(UsedMemory.prototype, 'save').mockReturnValue(new Uint8Array(15 * 2 ** 20).fill(7));
    expect((await xl(a, 'migrate', 'web', 'b')).err).toBe('');
    save.mockRestore();
    expect(await running(b)).toEqual(['web']);
  });

  it('stays paused where that is wished, and says on the bridge where its station is', async () => {
    const { a, b } = pair();
    await booted(a, 'vif = ["mac=00:16:3e:12:34:56"]\n');
    expect((await xl(a, 'migrate', '-p', 'web', 'b')).err).toBe('');
    expect((await b.list()).map(({ name, state }) => [name, state])).toEqual([['web', 'p']]);
    const stations = b.toolstack.services.network.bridge;
    const rows = stations.stations();
    expect(rows.filter(({ isLocal }) => !isLocal).map(({ mac }) => mac)).toContain('00:16:3e:12:34:56');
    await b.unpause((await b.list())[0]!.id);
    expect(await running(b)).toEqual(['web']);
  });

  it.each([
    ['', 0],
    [', though the link breaks before it says so', 1],
  ])('runs there where it may go on before its memory, and all of that has gone%s', async (_how, cut) => {
    const { a, b, cable } = pair({ later: hurried });
    const id = await booted(a);
    let isOffered: boolean | undefined,
      lacks = 0;
    // It is asked then whether its guests are in workers.
    Object.defineProperty(b.toolstack.runners, 'elsewhere', { get: () => isOffered === true });
    cable.passes = (from, [type]) => {
      if (from === 'a') isOffered ??= type === MESSAGE.OFFER || undefined;
      else if (type === MESSAGE.ACCEPTED) isOffered = false;
      else if (type === MESSAGE.RECEIVED) startPostcopy(a.toolstack.jobs, 'web');
      else if (type === MESSAGE.LACKS) return ++lacks !== cut;
      return true;
    };
    await a.migrate(id, 'b', { postcopy: 'when-asked' });
    expect([await a.list(), await running(b)]).toEqual([[], ['web']]);
  });

  it('is not waited for where it ended before its memory had come, while nobody heard of that', async () => {
    const { b } = pair();
    const id = await booted(b);
    const guest = b.domains.member(id);
    b.machine.secondStage(guest.record).setAway(0x700);
    const coming = ComingFrames.of(b, guest)!;
    await b.destroy(id);
    const { ends } = channelPair(soon);
    await expect(coming.takeFrom(new Line(ends[0], 'a'))).rejects.toThrow(
      /^web has ended here before all of its memory had come\.$/,
    );
  });

  it('stays where it is when its job is aborted, and has libvirt’s words for it', async () => {
    const { a, b, cable } = pair();
    await booted(a);
    let pieces = 0;
    cable.passes = () => {
      if (++pieces === 20) a.toolstack.jobs.abort('web');
      return true;
    };
    const { err } = await xl(a, 'migrate', 'web', 'b');
    expect(err).toMatch(/operation aborted: migration out job: canceled by client$/);
    expect(await running(a)).toEqual(['web']);
    await until(async () => (await b.list()).length === 0);
    expect(a.toolstack.jobs.completed('web')).toMatchObject({ type: 'Cancelled', operation: 'Outgoing migration' });
  });

  it('stays where it is when nobody wants it to go any more before it begins, and the other host hears nothing', async () => {
    const { a, cable } = pair();
    const id = await booted(a);
    let pieces = 0;
    cable.passes = () => ++pieces > 0;
    const moved = migrate({ host: a, neighbours: cable.of('a') }, a.domains.member(id), 'b', {
      signal: AbortSignal.abort(),
    });
    await expect(moved).rejects.toThrow(/^operation aborted: migration out job: canceled by client$/);
    expect([await running(a), pieces]).toEqual([['web'], 0]);
  });

  it('is told of by its job: rounds, bytes, and how long it stood still', async () => {
    const { a } = pair();
    await booted(a);
    await xl(a, 'migrate', 'web', 'b');
    const { type, memory } = a.toolstack.jobs.completed('web')!;
    expect(type).toBe('Completed');
    expect(memory!.totalBytes).toBeGreaterThan(7 * 2 ** 20);
    expect([memory!.remainingBytes, memory!.iteration >= 1, memory!.downtimeMs! >= 0]).toEqual([0, true, true]);
  });
});
