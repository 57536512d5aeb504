/** A move in a pool whose link breaks, or one of whose hosts ends, when its lease has just been handed over: with either engine of leases. */
import { expect, it } from 'vitest';
import { until } from '../../service/host.test-support.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import type { LeaseEngine } from '../leases/index.ts';
import { create, KERNEL, member, placesOf } from '../recovery/recovery.test-support.ts';
import { TestRoom } from '../rooms.test-support.ts';

/** This long what a lease that has run out leads to may take, by the wall's clock. */
const SECONDS = 40;

/** Web goes from bravo to charlie; alfa gives leases, where no engine does. `over`: what the command says in the end, but for success. */
async function leaving(engine?: () => LeaseEngine) {
  const room = new TestRoom();
  const of = () => (engine ? { engine: engine() } : {});
  const alfa = await member(room, 'alfa', {}, of());
  const bravo = await member(room, 'bravo', KERNEL, of());
  const charlie = await member(room, 'charlie', KERNEL, of());
  const uuid = await create(bravo, '');
  await until(() => alfa.state.leases.get(uuid)?.owner === 'bravo');
  const [id] = bravo.host.toolstack.members.keys();
  const over = COMMANDS.migrate.run(bravo.host, id!, 'charlie').then(
    () => '',
    (error: Error) => error.message,
  );
  return { room, alfa, bravo, charlie, all: [alfa, bravo, charlie], over, id: id!, uuid };
}

/** It has just been given. */
async function given(engine?: () => LeaseEngine) {
  const going = await leaving(engine);
  const { alfa, bravo, uuid, over } = going;
  const isGiven = new Promise<undefined>(resolve => {
    for (const { state } of [alfa, bravo])
      state.onChange(() => state.leases.get(uuid)?.owner === 'charlie' && resolve(undefined));
  });
  const why = await Promise.race([isGiven, over]);
  if (why !== undefined) throw new Error(`it was over before the lease was given: ${why}`);
  return going;
}

/** Numbers of the room: alfa's is 1. */
const OTHERS = [2, 3];

export function behindHandOver(engine?: () => LeaseEngine): void {
  it('goes on where it was, by a lease of its own again, where the target loses it before it could run', async () => {
    const { bravo, charlie, all, over, uuid } = await leaving(engine);
    const incoming = () => [...charlie.host.toolstack.members.values()][0];
    await until(() => incoming() !== undefined, SECONDS);
    const guest = incoming()!;
    await guest.runner.started;
    await charlie.host.toolstack.remove(guest, false, 'failed');
    expect(await over).toMatch(/^web--incoming was destroyed before it could run\.\n/);
    await until(() => placesOf([bravo], 'web')[0] === 'bravo', SECONDS);
    expect(placesOf([charlie], 'web')).toEqual([]);
    await until(() => bravo.state.leases.get(uuid)?.owner === 'bravo' && bravo.state.leases.get(uuid)!.epoch > 1);
    for (const each of all) each.end();
  });

  // A cluster of etcd has no host that gives leases.
  if (engine === undefined)
    it('runs in one place though the host that gives leases ends in the middle', async () => {
      const { alfa, bravo, charlie, over } = await leaving();
      await until(() => charlie.host.toolstack.members.size > 0, SECONDS);
      alfa.end();
      const why = await over;
      const [there, here] = why === '' ? [charlie, bravo] : [bravo, charlie];
      await until(() => placesOf([there], 'web')[0] === there.name, SECONDS);
      expect(placesOf([here], 'web')).toEqual([]);
      // It is known before the first page from then on.
      const [id] = there.host.toolstack.members.keys();
      await expect(COMMANDS.migrate.run(there.host, id!, here.name)).rejects.toThrow(
        'alfa, which gives leases, is not there,',
      );
      expect(placesOf([there], 'web')).toEqual([there.name]);
      for (const each of [bravo, charlie]) each.end();
    });

  it('runs on the target though its link with the host that it leaves is cut', async () => {
    const { room, bravo, charlie, all } = await given(engine);
    room.passes = (from, to, message) => (OTHERS.includes(from) && OTHERS.includes(to) ? undefined : message);
    await until(() => placesOf([charlie], 'web')[0] === 'charlie', SECONDS);
    expect(placesOf([bravo], 'web')).toEqual([]);
    for (const each of all) each.end();
  });

  it('runs on the target though the host that it leaves has ended', async () => {
    const { alfa, bravo, charlie } = await given(engine);
    bravo.end();
    await until(() => placesOf([charlie], 'web')[0] === 'charlie', SECONDS);
    for (const each of [alfa, charlie]) each.end();
  });

  it('stands still where the target has ended, until somebody says that it is gone for good', async () => {
    const { alfa, bravo, charlie, over, id } = await given(engine);
    charlie.end();
    expect(await over).toMatch(
      /\nWhether web is charlie's is not known here yet\. [^]*\nWhere charlie is gone permanently: xl unpause web--migratedaway\.$/,
    );
    expect(placesOf([bravo], 'web--migratedaway')).toEqual(['bravo paused']);
    await bravo.host.unpause(id);
    await until(() => placesOf([bravo], 'web')[0] === 'bravo', SECONDS);
    const { uuid } = bravo.host.domains.member(id);
    await until(() => bravo.state.leases.get(uuid)?.epoch === 3);
    expect(bravo.state.leases.get(uuid)!.owner).toBe('bravo');
    for (const each of [alfa, bravo]) each.end();
  });
}
