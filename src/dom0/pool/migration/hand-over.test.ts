/** A move in a pool whose link breaks, or one of whose hosts ends, when its lease has just been handed over. */
import { describe, expect, it } from 'vitest';
import { until } from '../../service/host.test-support.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import { poolTime } from '../pool-clock.test-support.ts';
import { create, KERNEL, member, placesOf } from '../recovery/recovery.test-support.ts';
import { TestRoom } from '../rooms.test-support.ts';

/** Alfa gives leases. Web goes from bravo to charlie, to which it has just been given. */
async function given() {
  const room = new TestRoom();
  const alfa = await member(room, 'alfa');
  const bravo = await member(room, 'bravo', KERNEL);
  const charlie = await member(room, 'charlie', KERNEL);
  const uuid = await create(bravo, '');
  await until(() => alfa.state.leases.get(uuid)?.owner === 'bravo');
  const [id] = bravo.host.toolstack.members.keys();
  const isGiven = new Promise<void>(resolve =>
    alfa.state.onChange(() => alfa.state.leases.get(uuid)?.owner === 'charlie' && resolve()),
  );
  const over = COMMANDS.migrate.run(bravo.host, id!, 'charlie').then(
    () => '',
    (error: Error) => error.message,
  );
  await isGiven;
  return { room, alfa, bravo, charlie, all: [alfa, bravo, charlie], over, id: id! };
}

/** Numbers of the room: alfa's is 1. */
const OTHERS = [2, 3];

describe('a guest that has just been handed over', () => {
  it('runs on the target though its link with the host that it leaves is cut', async () => {
    const { room, bravo, charlie, all } = await given();
    room.passes = (from, to, message) => (OTHERS.includes(from) && OTHERS.includes(to) ? undefined : message);
    await until(() => placesOf([charlie], 'web')[0] === 'charlie');
    expect(placesOf([bravo], 'web')).toEqual([]);
    for (const each of all) each.end();
  });

  it('runs on the target though the host that it leaves has ended', async () => {
    const { alfa, bravo, charlie } = await given();
    bravo.end();
    await until(() => placesOf([charlie], 'web')[0] === 'charlie');
    for (const each of [alfa, charlie]) each.end();
  });

  it('stands still where the target has ended, until somebody says that it is gone for good', async () => {
    const { alfa, bravo, charlie, over, id } = await given();
    charlie.end();
    expect(await over).toMatch(
      /\nWhether web is charlie's is not known here yet\. [^]*\nWhere charlie is gone for good: xl unpause web--migratedaway\.$/,
    );
    expect(placesOf([bravo], 'web--migratedaway')).toEqual(['bravo paused']);
    await bravo.host.unpause(id);
    await until(() => placesOf([bravo], 'web')[0] === 'bravo');
    await poolTime(1000);
    expect(alfa.state.leases.get(bravo.host.member(id).uuid)).toMatchObject({ owner: 'bravo', epoch: 3 });
    for (const each of [alfa, bravo]) each.end();
  });
});
