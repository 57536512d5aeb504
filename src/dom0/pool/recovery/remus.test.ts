/** Guests that Remus protects: what somebody outside was answered is never lost, wherever their host ends. */
import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Later } from '../../host/index.ts';
import { later, until } from '../../service/host.test-support.ts';
import { joinNetworks } from '../one-network.ts';
import { poolTime } from '../pool-clock.test-support.ts';
import { TestRoom } from '../rooms.test-support.ts';
import { xl } from '../migration/pair.test-support.ts';
import { Client } from './client.test-support.ts';
import { create, KERNEL, member, placesOf, type PoolMember } from './recovery.test-support.ts';

const GUEST = '10.0.2.50';
const COUNTS = `extra = "ip ${GUEST}"`;
const ASK_MS = 5;

/** Alfa gives leases, bravo has a guest, charlie is to go on with it; somebody on alfa's bridge asks it. */
async function three(more = '') {
  const room = new TestRoom();
  const [alfa, bravo, charlie] = [
    await member(room, 'alfa'),
    await member(room, 'bravo', KERNEL),
    await member(room, 'charlie', KERNEL),
  ];
  for (const { pool, host } of [alfa, bravo, charlie])
    joinNetworks({ pool, network: host.toolstack.services.network, later: later as Later, say: () => {} });
  const uuid = await create(bravo, `${COUNTS}\n${more}`);
  await until(() => alfa.state.leases.get(uuid)?.owner === 'bravo');
  const client = asks(alfa);
  await until(() => client.answers.length > 2);
  return { room, alfa, bravo, charlie, uuid, client, all: [alfa, bravo, charlie] };
}

const clients: Client[] = [];
/** Somebody on a host's bridge who asks all the time. */
function asks({ host }: PoolMember): Client {
  const client = new Client(host, GUEST, () => performance.now());
  const again = (): void => {
    if (!clients.includes(client)) return;
    client.ask();
    later(ASK_MS, again);
  };
  clients.push(client);
  again();
  return client;
}
/** It has come to a host, and answers there. */
async function answersAt(host: PoolMember, client: Client): Promise<void> {
  await until(() => placesOf([host], 'web')[0] === host.name);
  const before = client.answers.length;
  await until(() => client.answers.length > before + 2);
}
const askNoMore = (): void => void (clients.length = 0);

const checkpointsOf = (charlie: PoolMember, uuid: string): number | undefined =>
  charlie.replicas.list.get(uuid)?.at()?.atMs;
const notes = ({ host }: PoolMember): string[] =>
  host.tasks.list().flatMap(({ command, message }) => (command.startsWith('remus') ? [message ?? ''] : []));

async function isProtected(charlie: PoolMember, uuid: string): Promise<void> {
  await until(() => checkpointsOf(charlie, uuid));
  const first = checkpointsOf(charlie, uuid)!;
  await until(() => checkpointsOf(charlie, uuid)! > first);
}

describe('a guest that Remus protects', () => {
  it.each([0, 130])('goes on where its host ends %d ms later, and nothing that it answered is lost', async ms => {
    const { alfa, bravo, charlie, uuid, client } = await three();
    void xl(bravo.host, 'remus', '-i', '20', 'web', 'charlie');
    await isProtected(charlie, uuid);
    await new Promise(resolve => setTimeout(resolve, ms));
    bravo.end();
    await answersAt(charlie, client);
    expect(client.wentBack).toBe(false);
    expect(placesOf([alfa, charlie], 'web')).toEqual(['charlie']);
    expect(alfa.state.leases.get(uuid)!.owner).toBe('charlie');
    expect(notes(charlie)).toEqual([
      expect.stringMatching(/^bravo is lost, where web ran\. It goes on here as domain \d+, /),
    ]);
    askNoMore();
    for (const each of [alfa, charlie]) each.end();
  });

  it('forgets what it answered since the last checkpoint where its output is not held, which is unsafe', async () => {
    const { alfa, bravo, charlie, uuid, client } = await three();
    void xl(bravo.host, 'remus', '-F', '-n', '-i', '600000', 'web', 'charlie');
    await until(() => checkpointsOf(charlie, uuid));
    const since = client.answers.length;
    await until(() => client.answers.length > since + 5);
    bravo.end();
    await answersAt(charlie, client);
    expect(client.wentBack).toBe(true);
    askNoMore();
    for (const each of [alfa, charlie]) each.end();
  });

  it('answers nobody where its host is cut off, and stands still there', async () => {
    const { alfa, bravo, charlie, uuid, client } = await three();
    void xl(bravo.host, 'remus', '-i', '20', 'web', 'charlie');
    await isProtected(charlie, uuid);
    const inside = asks(bravo);
    await until(() => inside.answers.length > 2);
    bravo.cutOff();
    await answersAt(charlie, client);
    expect(placesOf([bravo], 'web')).toEqual(['bravo paused']);
    // Those on bravo's side, too, have heard nothing that charlie's guest does not know.
    const { count, atMs } = inside.last!;
    expect(client.answers.find(answer => answer.atMs > atMs)!.count).toBeGreaterThan(count);
    expect(client.wentBack).toBe(false);
    askNoMore();
    for (const each of [alfa, bravo, charlie]) each.end();
  });

  it('goes on unprotected where the other host is lost, which is told in words, and answers', async () => {
    const { alfa, bravo, charlie, uuid, client } = await three();
    const over = xl(bravo.host, 'remus', '-i', '20', 'web', 'charlie');
    await isProtected(charlie, uuid);
    const before = alfa.state.leases.get(uuid)!;
    charlie.end();
    expect((await over).err).toMatch(
      /charlie[^\n]*\nRemus: Backup failed\? resuming domain at primary\.\nweb goes on here without protection\.$/,
    );
    const told = client.answers.length;
    await until(() => client.answers.length > told + 2);
    // The copy that charlie has rests on a lease that is no more.
    expect(alfa.state.leases.get(uuid)).toMatchObject({ owner: 'bravo', epoch: before.epoch + 1, local: true });
    expect(placesOf([alfa, bravo], 'web')).toEqual(['bravo']);
    askNoMore();
    for (const each of [alfa, bravo]) each.end();
  });

  it('is told of where its lease is another one by now, on which the copy does not rest', async () => {
    const { bravo, charlie, uuid, all } = await three();
    const over = xl(bravo.host, 'remus', '-i', '20', 'web', 'charlie');
    await isProtected(charlie, uuid);
    await bravo.ownership.notCopied([...bravo.host.toolstack.members.values()][0]!);
    expect((await over).err).toMatch(
      /^web has a new lease, on which the copy on charlie does not rest\. Protect it again\./m,
    );
    askNoMore();
    for (const each of all) each.end();
  });

  it('is nobody’s to go on with once that is ended, and its host lost then', async () => {
    const { alfa, bravo, charlie, uuid, client } = await three();
    const stop = new AbortController();
    const wish = { intervalMs: 20, holdsOutput: true, holdsDisk: true, signal: stop.signal };
    const [guest] = [...bravo.host.toolstack.members.values()];
    const over = bravo.host.protect!(guest!, 'charlie', wish);
    await isProtected(charlie, uuid);
    await expect(bravo.host.protect!(guest!, 'charlie', wish)).rejects.toThrow('web is protected already.');
    await expect(charlie.failover.restore('web')).rejects.toThrow('web goes on here by itself where its host is lost');
    stop.abort();
    await over;
    await until(() => charlie.replicas.list.size === 0);
    const told = client.answers.length;
    await until(() => client.answers.length > told + 2);
    bravo.end();
    await poolTime(30_000);
    expect(placesOf([alfa, charlie], 'web')).toEqual([]);
    askNoMore();
    for (const each of [alfa, charlie]) each.end();
  });

  it('is one guest, though ha = 1 would have another host start it anew', async () => {
    const { alfa, bravo, charlie, uuid, client, room } = await three('ha = 1');
    const delta = await member(room, 'delta', KERNEL);
    void xl(bravo.host, 'remus', '-i', '20', 'web', 'charlie');
    await isProtected(charlie, uuid);
    bravo.end();
    await answersAt(charlie, client);
    expect(client.wentBack).toBe(false);
    expect(placesOf([alfa, charlie, delta], 'web')).toEqual(['charlie']);
    askNoMore();
    for (const each of [alfa, charlie, delta]) each.end();
  });
});

describe('xl remus', () => {
  it('refuses what it could not keep', async () => {
    const room = new TestRoom();
    const alfa = await member(room, 'alfa', KERNEL);
    const bravo = await member(room, 'bravo');
    const words = async (...given: string[]): Promise<string> => (await xl(alfa.host, 'remus', ...given)).err;
    const uuid = await create(alfa, 'replicate = "every=600,to=bravo"');
    await until(() => alfa.state.leases.get(uuid)?.owner === 'alfa');
    expect(await words('-n', 'web', 'bravo')).toMatch(/^Unsafe mode must be enabled/);
    expect(await words('-i', 'soon', 'web', 'bravo')).toBe('-i soon: write milliseconds, such as -i 200.');
    expect(await words('-c', 'web', 'bravo')).toMatch(/^COLO is not supported/);
    expect(await words('web', 'bravo')).toMatch(/^replicate = "…" of web has its snapshots go to bravo, /);
    for (const each of [alfa, bravo]) each.end();
  });

  it('refuses a disk that would be ahead of the guest, unless that is wished', async () => {
    const room = new TestRoom();
    const alfa = await member(room, 'alfa', KERNEL);
    await create(alfa, '');
    const [guest] = [...alfa.host.toolstack.members.values()];
    const drive = {
      place: 0,
      vdev: 'xvda',
      kind: 'disk',
      readOnly: false,
      medium: { name: 'nbd://there/web', device: true },
    };
    const served = { ...guest!, blueprint: { ...guest!.blueprint, drives: [drive] } } as unknown as typeof guest;
    const wish = { intervalMs: 10, blackhole: true, holdsOutput: true, signal: AbortSignal.abort() };
    await expect(alfa.host.protect!(served!, 'bravo', { ...wish, holdsDisk: true })).rejects.toThrow(
      /^nbd:\/\/there\/web cannot be taken back to a checkpoint: what web wrote since would be on it\. /,
    );
    await alfa.host.protect!(served!, 'bravo', { ...wish, holdsDisk: false });
    alfa.end();
  });

  it('takes checkpoints for nobody where they go to /dev/null, and waits for its end once, however many', async () => {
    const any = vi.spyOn(AbortSignal, 'any');
    onTestFinished(() => any.mockRestore());
    const room = new TestRoom();
    const alfa = await member(room, 'alfa', KERNEL);
    await create(alfa, '');
    const [guest] = [...alfa.host.toolstack.members.values()];
    const stop = new AbortController();
    let count = 0,
      most = 0;
    await alfa.host.protect!(guest!, 'nowhere', {
      intervalMs: 10,
      blackhole: true,
      holdsOutput: true,
      holdsDisk: true,
      signal: stop.signal,
      taken: () => {
        most = Math.max(most, ...any.mock.results.map(({ value }) => getEventListeners(value, 'abort').length));
        if (++count === 3) stop.abort();
      },
    });
    expect([count, placesOf([alfa], 'web')]).toEqual([3, ['alfa']]);
    expect(most).toBe(0);
    alfa.end();
  });
});
