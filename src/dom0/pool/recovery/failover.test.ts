/** Guests whose hosts are lost: another one starts them, and never two run. */
import { describe, expect, it } from 'vitest';
import { until } from '../../service/host.test-support.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import { leaseClock, WALL_GRAIN_MS } from '../leases/lease-clock.ts';
import { poolMs, poolTime } from '../pool-clock.test-support.ts';
import { TestRoom } from '../rooms.test-support.ts';
import { create, guestFile, KERNEL, member, placesOf, type PoolMember } from './recovery.test-support.ts';

const notes = ({ host }: PoolMember): string[] =>
  host.tasks.list().flatMap(({ command, message }) => (command.startsWith('ha-start') ? [message ?? ''] : []));

/** A guest on bravo that others guard, in a pool whose leases alfa gives. */
async function guarded(files: Record<string, Uint8Array | string> = KERNEL) {
  const room = new TestRoom();
  const more = { again: async () => room.enter() };
  const alfa = await member(room, 'alfa', {}, more);
  const bravo = await member(room, 'bravo', KERNEL, more);
  const charlie = await member(room, 'charlie', files, more);
  const uuid = await create(bravo);
  await until(() => charlie.state.guardedOf('bravo').has(uuid));
  return { room, alfa, bravo, charlie, all: [alfa, bravo, charlie], uuid };
}

describe('a guest with ha = 1', () => {
  it('is started by one of those that have its files where its host is lost', async () => {
    const { alfa, bravo, charlie, uuid } = await guarded();
    const [{ mac }] = [...bravo.host.toolstack.members.values()][0]!.blueprint.definition.cards;
    bravo.end();
    await until(() => placesOf([alfa, charlie], 'web').length > 0);
    await until(() => alfa.state.guardedOf('charlie').has(uuid));
    expect(placesOf([alfa, charlie], 'web')).toEqual(['charlie']);
    const [guest] = [...charlie.host.toolstack.members.values()];
    expect([guest!.uuid, guest!.blueprint.definition.cards[0]!.mac]).toEqual([uuid, mac]);
    expect(alfa.state.leases.get(uuid)).toMatchObject({ owner: 'charlie', epoch: 2 });
    expect(notes(charlie)).toEqual([`bravo is lost, where web ran. It starts here as domain ${guest!.record.id}.`]);
    expect(notes(alfa)).toEqual(['bravo is lost, and alfa cannot start it: /boot/minipv.elf is not here.']);
    for (const each of [alfa, charlie]) each.end();
  });

  it('stands still on a host that is cut off before another one starts it', async () => {
    const { alfa, bravo, charlie } = await guarded();
    bravo.cutOff();
    await until(() => placesOf([bravo], 'web')[0] === 'bravo paused');
    expect(placesOf([alfa, charlie], 'web')).toEqual([]);
    await until(() => placesOf([charlie], 'web')[0] === 'charlie');
    expect(placesOf([bravo], 'web')).toEqual(['bravo paused']);
    expect(bravo.pool.said.at(-1)).toMatch(/^web is paused: alfa has not confirmed for 8 s that it is this host's\./);
    for (const each of [alfa, bravo, charlie]) each.end();
  });

  it('has nothing leave a host that is cut off, or that slept, though it still runs there', async () => {
    const wall = { ms: 0 };
    const leaseMs = leaseClock(poolMs, [{ nowMs: () => poolMs() + wall.ms, grainMs: WALL_GRAIN_MS }], 12_000);
    const room = new TestRoom();
    const alfa = await member(room, 'alfa');
    const bravo = await member(room, 'bravo', KERNEL, { leaseMs });
    const uuid = await create(bravo);
    await until(() => alfa.state.leases.get(uuid)?.owner === 'bravo' && bravo.ownership.holds(uuid));
    const { network } = bravo.host.toolstack.services;
    const fenced: number[] = [];
    const { fence } = network;
    network.fence = domid => void (fenced.push(domid), fence.call(network, domid));
    const [domid] = [...bravo.host.toolstack.members.keys()];
    const seen: string[] = [];
    network.bridge.tap((_frame, port, direction) => void (direction === 'in' && seen.push(port.name)));
    const [own, other] = [`vif${domid}.7`, 'vif99.0'].map(name => network.bridge.addPort(name, { deliver: () => {} }));
    const frame = { bytes: new Uint8Array(60).fill(2) };
    const send = (): string[] => {
      seen.length = 0;
      for (const port of [own!, other!]) port.input(frame);
      return seen.filter(name => name.endsWith('.7') || name === other!.name);
    };
    expect(send()).toEqual([own!.name, other!.name]);
    // It slept, and nobody has told it that time has passed.
    wall.ms += 60_000;
    expect([send(), placesOf([bravo], 'web')]).toEqual([[other!.name], ['bravo']]);
    await until(() => placesOf([bravo], 'web')[0] === 'bravo paused' || fenced.length > 0);
    expect(fenced).toEqual([domid]);
    await until(() => bravo.ownership.isSure(uuid));
    expect(send()).toEqual([own!.name, other!.name]);
    for (const each of [alfa, bravo]) each.end();
  });

  it.concurrent.each([{ outages: [8] }, { outages: [3, 3] }, { outages: [2, 2, 2, 2] }, { outages: [30] }])(
    'goes on where it is through outages of the hub, with three seconds behind each: $outages s',
    async ({ outages }) => {
      const { room, alfa, bravo, charlie, all, uuid } = await guarded();
      for (const seconds of outages) {
        room.close();
        await poolTime(seconds * 1000);
        room.open();
        await poolTime(3000);
      }
      await until(() => all.every(({ pool }) => pool.hosts.length === 2));
      await poolTime(20_000);
      expect(all.flatMap(each => placesOf([each], 'web'))).toEqual(['bravo']);
      expect([notes(alfa), notes(charlie)]).toEqual([[], []]);
      expect(alfa.state.leases.get(uuid)).toMatchObject({ owner: 'bravo', epoch: 1 });
      expect(bravo.pool.away).toBeUndefined();
      for (const each of all) each.end();
    },
  );

  it('is not started where other contents have the names of its files', async () => {
    const { alfa, bravo, charlie } = await guarded({ '/boot/minipv.elf': guestFile('demo/demo.elf') });
    bravo.end();
    await until(() => notes(charlie).length > 0);
    expect(notes(charlie)).toEqual([
      'bravo is lost, and charlie cannot start it: /boot/minipv.elf is another file here.',
    ]);
    expect(placesOf([alfa, charlie], 'web')).toEqual([]);
    for (const each of [alfa, charlie]) each.end();
  });

  it('is left alone where it has ended, and where its host has left in order', async () => {
    const { alfa, bravo, charlie, uuid } = await guarded();
    await bravo.host.destroy([...bravo.host.toolstack.members.keys()][0]!);
    await until(() => !charlie.state.guardedOf('bravo').has(uuid));
    const again = await create(bravo);
    await until(() => charlie.state.guardedOf('bravo').has(again));
    bravo.failover.leave();
    bravo.ownership.leave();
    await until(() => !charlie.state.guardedOf('bravo').has(again));
    await until(() => charlie.state.leases.get(again)?.owner === undefined);
    expect(placesOf([bravo], 'web')).toEqual(['bravo']);
    for (const each of [alfa, bravo, charlie]) each.end();
  });

  it('waits where the host that gives leases is lost, too, until another one takes its place', async () => {
    const { alfa, bravo, charlie } = await guarded();
    bravo.end();
    alfa.end();
    await until(() => charlie.pool.hosts.length === 0);
    expect(placesOf([charlie], 'web')).toEqual([]);
    charlie.ownership.takeOver();
    await until(() => placesOf([charlie], 'web')[0] === 'charlie');
    charlie.end();
  });

  it('is not started where guests of others are not taken', async () => {
    const { alfa, bravo, charlie } = await guarded();
    charlie.pool.setReceives(false);
    bravo.end();
    await until(() => notes(alfa).length > 0);
    await until(() => alfa.state.coordinator?.name === 'alfa');
    expect([placesOf([alfa, charlie], 'web'), notes(charlie)]).toEqual([[], []]);
    charlie.pool.setReceives(true);
    await until(() => placesOf([charlie], 'web')[0] === 'charlie');
    for (const each of [alfa, charlie]) each.end();
  });

  it('is started by one host of three that could', async () => {
    const room = new TestRoom();
    const all = [await member(room, 'alfa')];
    for (const name of ['bravo', 'charlie', 'delta', 'echo']) all.push(await member(room, name, KERNEL));
    const uuid = await create(all[1]!);
    await until(() => all[4]!.state.guardedOf('bravo').has(uuid));
    all[1]!.end();
    const others = all.filter(({ name }) => name !== 'bravo');
    const places = await until(() => placesOf(others, 'web').length > 0 && placesOf(others, 'web'));
    await until(() => others.some(({ name, state }) => state.guardedOf(name).has(uuid)));
    expect(placesOf(others, 'web')).toEqual(places);
    expect(places).toHaveLength(1);
    for (const each of others) each.end();
  });

  it('is not started once more where it is destroyed as soon as it runs again', async () => {
    const { room, alfa, bravo, charlie, uuid } = await guarded();
    const delta = await member(room, 'delta', KERNEL);
    await until(() => delta.state.guardedOf('bravo').has(uuid));
    bravo.end();
    const others = [charlie, delta];
    const [where] = await until(() => {
      const there = others.filter(each => placesOf([each], 'web').length > 0);
      return there.length > 0 && there;
    });
    await until(() => notes(where!).length > 0);
    await where!.host.destroy([...where!.host.toolstack.members.keys()][0]!);
    await poolTime(40_000);
    expect(placesOf([alfa, ...others], 'web')).toEqual([]);
    for (const each of [alfa, ...others]) each.end();
  });

  it('moves, and is guarded where it has come to', async () => {
    const { alfa, bravo, charlie, uuid } = await guarded();
    await COMMANDS.migrate.run(bravo.host, [...bravo.host.toolstack.members.keys()][0]!, 'charlie');
    await until(() => alfa.state.guardedOf('charlie').has(uuid));
    charlie.end();
    await until(() => placesOf([alfa, bravo], 'web')[0] === 'bravo');
    expect(alfa.state.leases.get(uuid)).toMatchObject({ owner: 'bravo', epoch: 3 });
    for (const each of [alfa, bravo]) each.end();
  });
});

describe('a guest whose snapshots are kept elsewhere', () => {
  const REPLICATED = 'replicate = "every=1,to=charlie"';

  it('goes on from the last one where its host is lost, and there alone', async () => {
    const room = new TestRoom();
    const alfa = await member(room, 'alfa', KERNEL);
    const bravo = await member(room, 'bravo', KERNEL);
    const charlie = await member(room, 'charlie');
    const uuid = await create(bravo, `ha = 1\n${REPLICATED}`);
    await until(() => alfa.state.guardedOf('bravo').has(uuid));
    await until(() => (charlie.replicas.list.get(uuid)?.points.length ?? 0) > 2);
    bravo.end();
    await until(() => placesOf([alfa, charlie], 'web').length > 0);
    const { atMs } = charlie.replicas.list.get(uuid)!.at()!;
    expect(placesOf([alfa, charlie], 'web')).toEqual(['charlie']);
    await until(() => notes(charlie).length > 0);
    const [id] = charlie.host.toolstack.members.keys();
    const at = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
    expect(notes(charlie)).toEqual([
      `bravo is lost, where web ran. It goes on here as domain ${id}, as it was at ${at}.`,
    ]);
    expect(alfa.state.leases.get(uuid)!.owner).toBe('charlie');
    for (const each of [alfa, charlie]) each.end();
  });

  it.each([0, 2600])('loses no more than its interval where its host ends %d ms later', async ms => {
    const room = new TestRoom();
    const alfa = await member(room, 'alfa');
    const bravo = await member(room, 'bravo', KERNEL, { hostMs: poolMs, epochMs: poolMs });
    const charlie = await member(room, 'charlie');
    const uuid = await create(bravo, 'ha = 1\nreplicate = "every=4,to=charlie"');
    const last = () => charlie.replicas.list.get(uuid)?.at()?.atMs;
    await until(() => alfa.state.guardedOf('bravo').has(uuid));
    await until(last);
    const first = last();
    await until(() => last() !== first);
    await poolTime(ms);
    const endedMs = poolMs();
    bravo.end();
    await until(() => placesOf([alfa, charlie], 'web')[0] === 'charlie');
    expect(endedMs - last()!).toBeLessThanOrEqual(4000);
    for (const each of [alfa, charlie]) each.end();
  });

  it('goes on as it was at any of them by hand, and not while it runs elsewhere', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [
      await member(room, 'alfa'),
      await member(room, 'bravo', KERNEL),
      await member(room, 'charlie'),
    ];
    // Its snapshots come by the clock of this machine, and the one that is wanted must still be there at the end.
    const uuid = await create(bravo, 'replicate = "every=1,to=charlie,keep=100"');
    const points = () => charlie.replicas.list.get(uuid)?.points ?? [];
    await until(() => points().length > 2);
    await expect(charlie.failover.restore('db')).rejects.toThrow('Nothing is kept here of db.');
    await expect(charlie.failover.restore('web', 0)).rejects.toThrow('The first snapshot of web is from ');
    const restored = charlie.failover.restore('web', points()[1]!.atMs);
    // As long as its host is there it is its host's.
    await poolTime(30_000);
    expect(placesOf([bravo, charlie], 'web')).toEqual(['bravo']);
    bravo.end();
    expect(await restored).toMatch(/^It goes on here as domain \d+, as it was at /);
    expect(placesOf([alfa, charlie], 'web')).toEqual(['charlie']);
    await until(() => alfa.state.leases.get(uuid)?.owner === 'charlie');
    for (const each of [alfa, charlie]) each.end();
  });
});

describe('a guest without ha = 1', () => {
  it('goes on where nobody can confirm that it is its host’s, and is started by nobody else', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await member(room, 'alfa', KERNEL), await member(room, 'bravo', KERNEL)];
    const uuid = await create(bravo, '');
    await until(() => alfa.state.leases.get(uuid)?.owner === 'bravo');
    bravo.cutOff();
    // As long as another host needs to start one that has it.
    await poolTime(20_000);
    expect(placesOf([alfa, bravo], 'web')).toEqual(['bravo']);
    for (const each of [alfa, bravo]) each.end();
  });
});
