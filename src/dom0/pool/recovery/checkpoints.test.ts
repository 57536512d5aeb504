/** Checkpoints of a guest on another host: what is kept there is the guest as it was, and only what has changed goes. */
import { describe, expect, it } from 'vitest';
import type { SavedPages } from '../../../hypervisor/index.ts';
import { until } from '../../service/host.test-support.ts';
import type { Host } from '../../service/host.ts';
import { type Cable, GUESTS, pair, running, toldAtOnce, watch } from '../migration/pair.test-support.ts';
import { Line } from '../migration/line.ts';
import { hear, say as send, textOf } from '../migration/messages.ts';
import { CHECKPOINT, encodeKept } from './checkpoint-messages.ts';
import { Checkpointing } from './checkpointing.ts';
import { Replicas } from './replicas.ts';

const NEVER = new AbortController().signal;

/** Contents by guest frame; what has none, or zeros, is left out. */
function contents(pages: Iterable<SavedPages>): Map<number, string> {
  const found = new Map<number, string>();
  for (const { pfns, types, bytes } of pages) {
    let at = 0;
    types.forEach((type, i) => {
      found.delete(pfns[i]!);
      if (type > 12) return;
      const page = Buffer.from(bytes.subarray(at, at + 4096));
      at += 4096;
      if (page.some(byte => byte !== 0)) found.set(pfns[i]!, page.toString('latin1'));
    });
  }
  return found;
}

async function kept(
  kind: keyof typeof GUESTS,
  type?: string,
  most?: { bytes: number; guests: number },
  ownerOf?: (uuid: string) => string | undefined,
) {
  const { a, b, cable } = pair();
  const replicas = new Replicas(b, ownerOf, most);
  cable.of('b').serve('checkpoints', (channel, from) => void replicas.serve(channel, from));
  const { id } = await a.create(kind === 'minipv' ? GUESTS.minipv('web', '', type) : GUESTS.demo('web'));
  const shown = await watch(a, id);
  await until(() => shown.text().endsWith('> '));
  const guest = a.domains.member(id);
  const parts = { host: a, neighbours: toldAtOnce(cable.of('a'), CHECKPOINT.REFUSED) };
  const open = (keep = 5) => Checkpointing.open(parts, guest, 'b', keep);
  return { a, b, cable, guest, shown, replicas, open, id };
}

/** Host `from` says whose checkpoints it has; what it is answered, and its line. */
async function answered(cable: Cable, from: string, uuid: string, name = 'web'): Promise<[number, string, Line]> {
  const line = new Line(await cable.of(from).connect('b', 'checkpoints'), 'b');
  await send(line, CHECKPOINT.OF, encodeKept({ uuid, name, keep: 1 }));
  const { type, body } = await hear(line);
  return [type, textOf(body), line];
}

const say = async (shown: { text(): string; type(text: string): void }, line: string): Promise<void> => {
  const before = shown.text().length;
  shown.type(`${line}\r`);
  await until(() => shown.text().length > before + line.length && shown.text().endsWith('> '));
};
const typeAt = async (host: Host, line: string): Promise<string> => {
  const [{ id }] = await host.list();
  const there = await watch(host, id);
  await until(() => there.text().length > 0);
  await say(there, line);
  return there.text();
};

describe('checkpoints of a guest', () => {
  it('are its memory as it was at their moments, though only what changed has come', async () => {
    const { a, guest, shown, replicas, open } = await kept('demo');
    const line = await open();
    const first = await line.take(NEVER);
    await say(shown, 'help');
    const second = await line.take(NEVER);
    await say(shown, 'help');
    const third = await line.take(NEVER);
    expect(second.pages).toBeLessThan(first.pages / 4);
    expect(third.pages).toBeLessThan(first.pages / 4);
    expect(third.bytes).toBeLessThan(first.bytes / 2);
    a.toolstack.setPaused(guest, true);
    await line.take(NEVER);
    const now = await a.toolstack.look(guest);
    const replica = replicas.list.get(guest.uuid)!;
    expect(replica.points.map(({ atMs }) => atMs).slice(0, 3)).toEqual([first.atMs, second.atMs, third.atMs]);
    expect(contents(replica.pagesOf(replica.at()!))).toEqual(contents(now.pages));
    // Somebody else's state of it in between does not take what the next one needs.
    a.toolstack.setPaused(guest, false);
    await say(shown, 'help');
    await a.save(guest.record.id);
    await say(shown, 'help');
    a.toolstack.setPaused(guest, true);
    await line.take(NEVER);
    expect(contents(replica.pagesOf(replica.at()!))).toEqual(contents((await a.toolstack.look(guest)).pages));
  });

  it('are put together where only some are kept', async () => {
    const { a, guest, shown, replicas, open } = await kept('demo');
    const line = await open(2);
    for (let i = 0; i < 4; i++) {
      await line.take(NEVER);
      await say(shown, 'help');
    }
    a.toolstack.setPaused(guest, true);
    await line.take(NEVER);
    const replica = replicas.list.get(guest.uuid)!;
    expect(replica.points).toHaveLength(2);
    expect(contents(replica.pagesOf(replica.at()!))).toEqual(contents((await a.toolstack.look(guest)).pages));
  });

  it.each([
    ['demo', undefined],
    ['minipv', 'pvh'],
    ['minipv', 'pv'],
  ] as const)('let %s (%s) go on on the other host where this one is lost', async (kind, type) => {
    const { b, cable, guest, shown, replicas, open } = await kept(kind, type);
    const line = await open();
    await line.take(NEVER);
    await say(shown, 'help');
    await line.take(NEVER);
    const text = shown.text();
    cable.end('a');
    const { guest: again } = await replicas.restore(guest.uuid);
    expect([again.uuid, again.name, await running(b)]).toEqual([guest.uuid, 'web', ['web']]);
    expect(await typeAt(b, 'help')).toContain(text.slice(0, text.indexOf('> ')));
  });

  it('are refused in words where what is kept, states among it, would be too much', async () => {
    const { a, guest, replicas, open } = await kept('demo', undefined, { bytes: 16 * 2 ** 20, guests: 1 });
    const line = await open(100);
    a.toolstack.setPaused(guest, true);
    await line.take(NEVER);
    const problem = await (async () => {
      for (let count = 1; count < 100; count++) await line.take(NEVER);
    })().catch((error: Error) => error.message);
    expect(problem).toBe('This host keeps 16 MiB of checkpoints, and has no room for more.');
    // Of a guest that is paused hardly a page is another: by pages alone there would be 57.
    expect(replicas.list.get(guest.uuid)!.points.length).toBeLessThan(30);
  });

  it('are of so many guests, each of which counts with its first one', async () => {
    const { cable, guest, replicas, open } = await kept('demo', undefined, { bytes: 2 ** 30, guests: 1 });
    const answer = async (uuid: string) => (await answered(cable, 'a', uuid, 'db')).slice(0, 2);
    for (let i = 0; i < 5; i++) expect(await answer(`guest ${i}`)).toEqual([CHECKPOINT.READY, '']);
    expect(replicas.list.size).toBe(0);
    await (await open()).take(NEVER);
    expect(await answer('guest 5')).toEqual([
      CHECKPOINT.REFUSED,
      'This host keeps checkpoints of as many guests as it takes: 1.',
    ]);
    expect(await answer(guest.uuid)).toEqual([CHECKPOINT.READY, '']);
    expect([...replicas.list.keys()]).toEqual([guest.uuid]);
  });

  it('come from one host, whose guest it is', async () => {
    const owners = new Map<string, string>();
    const { cable, guest, replicas, open } = await kept('demo', undefined, undefined, uuid => owners.get(uuid));
    const line = await open();
    await line.take(NEVER);
    const answer = async (from: string) => (await answered(cable, from, guest.uuid)).slice(0, 2);
    expect(await answer('c')).toEqual([CHECKPOINT.REFUSED, 'a sends checkpoints of web already.']);
    await line.take(NEVER);
    expect(replicas.list.get(guest.uuid)!.points).toHaveLength(2);
    await line.end();
    // As long as nobody has said whose it is they are that host's, though it sends none.
    await until(async () => String((await answer('c'))[1]).startsWith('What is kept of web came from a. '));
    expect(replicas.list.get(guest.uuid)!.points).toHaveLength(2);
    // What is to go on by itself is known to be its host's.
    const remus = new Line(await cable.of('a').connect('b', 'checkpoints'), 'b');
    await send(remus, CHECKPOINT.OF, encodeKept({ uuid: 'other', name: 'web', keep: 1, epoch: 1 }));
    expect(textOf((await hear(remus)).body)).toBe('Whose web is has not come here yet. Try again.');
    owners.set(guest.uuid, 'a');
    await until(async () => (await answer('c'))[1] === 'web is a guest of a.');
    expect(await answer('a')).toEqual([CHECKPOINT.READY, '']);
  });

  it('do not count that come late, when another host has gone on with their guest', async () => {
    const owners = new Map<string, string>();
    const { guest, replicas, open } = await kept('demo', undefined, undefined, uuid => owners.get(uuid));
    owners.set(guest.uuid, 'a');
    const line = await open();
    await line.take(NEVER);
    owners.set(guest.uuid, 'c');
    await expect(line.take(NEVER)).rejects.toThrow('web is a guest of c.');
    expect(replicas.list.get(guest.uuid)!.points).toHaveLength(1);
  });

  it('go on from the beginning where their host has a new line, though the end of the old one has not come', async () => {
    const { cable, guest, replicas, open } = await kept('demo');
    const [, , before] = await answered(cable, 'a', guest.uuid);
    await (await open()).take(NEVER);
    expect(await before.ended).toEqual(new Error('b has hung up.'));
    expect(replicas.list.get(guest.uuid)!.points).toHaveLength(1);
  });

  it('go to one host at a time, since what was written since the last one is known once', async () => {
    const { a, guest, open } = await kept('demo');
    const line = await open();
    await expect(open()).rejects.toThrow('Checkpoints of web go to b already.');
    await line.end();
    await until(() =>
      open().then(
        again => again.end().then(() => true),
        () => false,
      ),
    );
    expect([guest.name, await running(a)]).toEqual(['web', ['web']]);
  });

  it('give way to those of others once their guest has ended', async () => {
    const { cable, guest, replicas, open } = await kept('demo', undefined, { bytes: 2 ** 30, guests: 1 });
    const line = await open();
    await line.take(NEVER);
    expect((await answered(cable, 'c', 'another', 'db'))[0]).toBe(CHECKPOINT.REFUSED);
    await line.end();
    await until(() => replicas.list.get(guest.uuid)!.isOver);
    expect((await answered(cable, 'c', 'another', 'db'))[0]).toBe(CHECKPOINT.READY);
    expect(replicas.list.size).toBe(0);
  });

  it('leave no line open where they are refused', async () => {
    const { a, cable, guest } = await kept('demo', undefined, { bytes: 2 ** 30, guests: 0 });
    let isClosed = false;
    const { me, connect } = toldAtOnce(cable.of('a'), CHECKPOINT.REFUSED);
    const neighbours = {
      me,
      connect: async (...to: Parameters<typeof connect>) => {
        const channel = await connect(...to);
        const close = channel.close.bind(channel);
        return Object.assign(channel, { close: () => void ((isClosed = true), close()) });
      },
    };
    await expect(Checkpointing.open({ host: a, neighbours }, guest, 'b', 1)).rejects.toThrow(
      'This host keeps checkpoints of as many guests as it takes: 0.',
    );
    expect(isClosed).toBe(true);
  });

  it('end with the words of the host that takes no more, though it hangs up at once', async () => {
    const { a, cable, open } = await kept('demo');
    const line = await open();
    cable.passes = (from, bytes) => {
      // A type that there is not, in place of the first pages.
      if (from === 'a' && bytes[0] === CHECKPOINT.PAGES) bytes[0] = 99;
      return true;
    };
    await expect(line.take(NEVER)).rejects.toThrow(/^The other host sends message 99 in a checkpoint\.$/);
    expect(await running(a)).toEqual(['web']);
  });

  it('count as they were wherever the link breaks, until they are whole', async () => {
    const { a, cable, guest, shown, replicas, open } = await kept('demo');
    let line = await open();
    await line.take(NEVER);
    const replica = replicas.list.get(guest.uuid)!;
    const newest = (): Map<number, string> => contents(replica.pagesOf(replica.at()!));
    const now = async (): Promise<Map<number, string>> => contents((await a.toolstack.look(guest)).pages);
    let before = newest(),
      stayed = 0,
      isCut = true;
    for (let count = 0; isCut; count += 1 + Math.floor(count / 8)) {
      await say(shown, 'help');
      a.toolstack.setPaused(guest, true);
      let passed = 0;
      isCut = false;
      cable.passes = () => {
        if (passed++ < count) return true;
        isCut = true;
        return false;
      };
      const problem = await line.take(NEVER).catch((error: Error) => error.message);
      cable.passes = () => true;
      const state = await now();
      // An acknowledgement that is lost is of a checkpoint that counts.
      if (isCut) expect([before, state]).toContainEqual(newest());
      else expect([typeof problem, newest()]).toEqual(['object', state]);
      if (isCut) expect(problem).toBe('The link to b broke: the cable was pulled');
      if (before.size === newest().size && [...before].every(([gfn, text]) => newest().get(gfn) === text)) stayed++;
      before = newest();
      a.toolstack.setPaused(guest, false);
      if (isCut) line = await open();
    }
    expect(stayed).toBeGreaterThan(3);
  }, 60_000);

  it('are told apart by UUID where two guests have one name', async () => {
    const { a, cable, guest, replicas, open } = await kept('demo');
    const line = await open();
    await line.take(NEVER);
    expect(replicas.find('web')).toEqual([guest.uuid, replicas.list.get(guest.uuid)]);
    await line.end();
    await a.destroy(guest.record.id);
    const other = a.domains.member((await a.create(GUESTS.demo('web'))).id);
    const second = await Checkpointing.open({ host: a, neighbours: cable.of('a') }, other, 'b', 1);
    await second.take(NEVER);
    expect(() => replicas.find('web')).toThrow(
      `2 guests of which snapshots are kept here are called web. Name one by its UUID: ${guest.uuid}, ${other.uuid}.`,
    );
    expect(replicas.find(other.uuid)?.[0]).toBe(other.uuid);
  });
});
