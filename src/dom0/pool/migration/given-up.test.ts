/** A move that is given up (Ctrl-C, virsh domjobabort) before any of its messages: the guest runs where its lease is, and nothing else of it is anywhere. */
import { expect, it } from 'vitest';
import { until } from '../../service/host.test-support.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import { create, KERNEL, member, placesOf } from '../recovery/recovery.test-support.ts';
import { TestRoom } from '../rooms.test-support.ts';

/** Each is a move of its own; a whole one has more than sixty messages. */
const EACH = 4,
  LEAST = 7;

it('runs where its lease is', async () => {
  const room = new TestRoom();
  const alfa = await member(room, 'alfa');
  const hosts = [await member(room, 'bravo', KERNEL), await member(room, 'charlie', KERNEL)];
  const uuid = await create(hosts[0]!, '');
  const ownerOf = (): string | undefined => alfa.state.leases.get(uuid)?.owner;
  await until(() => ownerOf() === 'bravo');
  const said = new Set<string>();
  let givenUp = 0;
  for (let begun = -1, at = 0; givenUp > begun; ) {
    begun = givenUp;
    const [from, to] = [hosts[at]!, hosts[1 - at]!];
    let left = EACH * givenUp;
    room.passes = (_from, _to, message) => {
      if (left-- === 0) {
        givenUp++;
        const { jobs } = from.host.toolstack;
        try {
          jobs.abort('web');
        } catch (error) {
          said.add((error as Error).message.replace(/:.*/s, ''));
        }
      }
      return message;
    };
    const [id] = from.host.toolstack.members.keys();
    const why = await COMMANDS.migrate.run(from.host, id!, to.name).then(
      () => '',
      (error: Error) => error.message,
    );
    if (why === '') at = 1 - at;
    else expect(why).toMatch(/canceled by client$/);
    await until(() => ownerOf() === hosts[at]!.name && placesOf(hosts, 'web').join() === hosts[at]!.name);
    const all = () => hosts.flatMap(({ host }) => [...host.toolstack.members.values()].map(({ name }) => name));
    await until(() => all().join() === 'web');
  }
  expect(givenUp).toBeGreaterThan(LEAST);
  // It is refused once the guest may run there.
  expect([...said]).toEqual(['Requested operation is not valid']);
  for (const each of [alfa, ...hosts]) each.end();
});
