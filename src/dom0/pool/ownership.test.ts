import { describe, expect, it } from 'vitest';
import type { ByteChannel } from '../host/nbd/index.ts';
import { until } from '../service/host.test-support.ts';
import type { Guest } from '../toolstack/index.ts';
import { handOver, host, leaseAt as lease, WEB } from './ownership.test-support.ts';
import { LEASE_TIMING } from './leases/messages.ts';
import { poolLater as later, poolMs as hostMs, poolTime } from './pool-clock.test-support.ts';
import { enter, TestRoom } from './rooms.test-support.ts';
import type { Room } from './room.ts';

/** What a host sends goes into its room, or waits. */
class SlowLine {
  private readonly room: TestRoom;
  private waiting: (() => void)[] | undefined;

  constructor(room: TestRoom) {
    this.room = room;
  }

  enter(): Room {
    const room = this.room.enter();
    const send = (to: number, message: Uint8Array): void => {
      const [bytes, go] = [message.slice(), () => room.send(to, bytes)];
      if (this.waiting) this.waiting.push(go);
      else go();
    };
    return { ...room, send };
  }

  stall(): void {
    this.waiting = [];
  }

  flow(): void {
    const { waiting = [] } = this;
    this.waiting = undefined;
    for (const go of waiting) go();
  }
}

describe('whose a guest is', () => {
  it('is its host’s as long as it runs there, and the target’s once it was handed over', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [await host(room, 'alfa'), await host(room, 'bravo'), await host(room, 'charlie')];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1');
    expect(charlie.ownership.coordinatorName).toBe('alfa');
    expect(await handOver(bravo, charlie)).toBe(true);
    await until(() => lease(alfa) === 'charlie 2' && lease(charlie) === 'charlie 2');
    expect([charlie.ownership.holds(WEB), bravo.ownership.holds(WEB)]).toEqual([true, false]);
    // And to who gives leases.
    expect(await handOver(charlie, alfa)).toBe(true);
    await until(() => lease(bravo) === 'alfa 3');
    alfa.lose();
    await until(() => lease(bravo) === 'undefined 4');
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('is said by the first of those that have come at once, and met each other before one gave leases', async () => {
    const room = new TestRoom();
    const hosts = await Promise.all(['alfa', 'bravo', 'charlie'].map(name => host(room, name, 3)));
    expect(hosts.map(({ state }) => state.coordinator)).toEqual([undefined, undefined, undefined]);
    hosts[2]!.run();
    await until(() => hosts.every(each => lease(each) === 'charlie 1'));
    expect(hosts.map(({ state }) => state.coordinator)).toEqual(hosts.map(() => ({ name: 'alfa', term: 1 })));
    for (const { pool } of hosts) pool.leave();
  });

  it('is not said anew by a coordinator that takes the place of one that left or was lost', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [await host(room, 'alfa'), await host(room, 'bravo'), await host(room, 'charlie')];
    charlie.run();
    await until(() => lease(bravo) === 'charlie 1');
    alfa.ownership.passOn();
    await until(() => charlie.ownership.coordinatorName === 'bravo');
    alfa.pool.leave();
    // It is lost without a word, and with it every answer: a move waits until somebody takes its place.
    bravo.pool.leave();
    const delta = await host(room, 'delta');
    await until(() => delta.ownership.coordinatorName === 'bravo');
    const moved = handOver(charlie, delta);
    charlie.ownership.takeOver();
    expect(await moved).toBe(true);
    await until(() => lease(delta) === 'delta 2');
    charlie.pool.leave();
    delta.pool.leave();
  });

  it('is the first host’s where two run it: the second stands still, and is told', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await host(room, 'alfa'), await host(room, 'bravo')];
    bravo.run();
    await until(() => lease(alfa) === 'bravo 1');
    alfa.run();
    await until(() => alfa.guests.get(1)!.paused);
    expect(alfa.pool.said).toEqual([
      'web runs on bravo, too, which has the newer lease: the one here is paused. Destroy it, or the other.',
    ]);
    expect([bravo.guests.get(1)!.paused, lease(alfa)]).toEqual([false, 'bravo 1']);
    alfa.pool.leave();
    bravo.pool.leave();
  });

  it('is not its first host’s again where a copy went on and ended, while that one asked for a lease of which there is none', async () => {
    const room = new TestRoom();
    const alfa = await host(room, 'alfa');
    const line = new SlowLine(room);
    const [bravo, charlie] = [await host(line, 'bravo'), await host(room, 'charlie')];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1');
    const epoch = await bravo.ownership.copied(WEB);
    await until(() => lease(charlie) === 'bravo 2');
    line.stall();
    const isMine = bravo.ownership.notCopied([...bravo.guests.values()][0] as unknown as Guest);
    expect(await charlie.ownership.takeCopyOf(WEB, { from: 'bravo', epoch }, true)).toBe(true);
    charlie.run();
    charlie.ownership.begun(WEB);
    expect([lease(charlie), bravo.guests.get(1)!.paused]).toEqual(['charlie 3', true]);
    charlie.lose();
    await until(() => lease(alfa) === 'undefined 4');
    line.flow();
    expect(await isMine).toBe(false);
    expect([lease(alfa), bravo.guests.get(1)!.paused]).toEqual(['undefined 4', true]);
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('is no copy that was kept where the guest itself has come, and was handed over', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [await host(room, 'alfa'), await host(room, 'bravo'), await host(room, 'charlie')];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1');
    const epoch = await bravo.ownership.copied(WEB);
    // The line by which copies come has broken.
    const goesOn = charlie.ownership.takeCopyOf(WEB, { from: 'bravo', epoch }, true);
    expect(await handOver(bravo, charlie)).toBe(true);
    expect(await goesOn).toBe(false);
    expect([lease(alfa), charlie.ownership.holds(WEB)]).toEqual(['charlie 3', true]);
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('comes to a host whose kept copy of it counts no more: what comes is left alone, and nothing is said', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [await host(room, 'alfa'), await host(room, 'bravo'), await host(room, 'charlie')];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1');
    const epoch = await bravo.ownership.copied(WEB);
    const goesOn = charlie.ownership.takeCopyOf(WEB, { from: 'bravo', epoch }, true);
    charlie.guests.set(1, { uuid: WEB, name: 'web--incoming', paused: false, pauses: 0 });
    await bravo.ownership.notCopied([...bravo.guests.values()][0] as unknown as Guest);
    expect(await goesOn).toBe(false);
    expect([charlie.guests.get(1)!.paused, charlie.pool.said]).toEqual([false, []]);
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('is its host’s as before where the coordinator slept, and nobody could renew', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [
      await host(room, 'alfa'),
      await host(room, 'bravo', 1, true),
      await host(room, 'charlie', 1, true),
    ];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1');
    alfa.sleep(60_000);
    expect(await charlie.ownership.take(WEB)).toBe(false);
    expect([lease(alfa), bravo.guests.get(1)!.paused]).toEqual(['bravo 1', false]);
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('is still the target’s, which is not ready, once that is confirmed again; and not where another has it by now', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [
      await host(room, 'alfa'),
      await host(room, 'bravo', 1, true),
      await host(room, 'charlie', 1, true),
    ];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1');
    expect(await handOver(bravo, charlie)).toBe(true);
    expect(await charlie.ownership.isStill(WEB)).toBe(true);
    charlie.sleep(9000);
    let isKnown = false;
    const isStill = charlie.ownership.isStill(WEB).finally(() => (isKnown = true));
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
    expect([isKnown, charlie.ownership.isSure(WEB)]).toEqual([false, false]);
    expect([await isStill, charlie.ownership.isSure(WEB)]).toEqual([true, true]);
    await until(() => lease(alfa) === 'charlie 2');
    expect(await handOver(charlie, bravo)).toBe(true);
    expect(await charlie.ownership.isStill(WEB)).toBe(false);
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('is its host’s by the lease that it has where the target refuses it, though nobody gives leases then', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [await host(room, 'alfa'), await host(room, 'bravo'), await host(room, 'charlie')];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1' && bravo.ownership.holds(WEB));
    alfa.end();
    const guest = bravo.guests.get(1) as unknown as Guest;
    let said = 0;
    const offer = async (): Promise<void> => {
      said++;
      throw new Error('it has hung up');
    };
    expect(await bravo.ownership.handOver(guest, 'charlie', offer, Promise.resolve(true))).toBe(false);
    expect([said, lease(bravo), bravo.ownership.holds(WEB)]).toEqual([1, 'bravo 1', true]);
    for (const { pool } of [bravo, charlie]) pool.leave();
  });

  it('is not to move while nobody gives leases: that is said before, and with what to do', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [await host(room, 'alfa'), await host(room, 'bravo'), await host(room, 'charlie')];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1' && bravo.ownership.holds(WEB));
    expect(await bravo.ownership.confirmed(WEB)).toBe(1);
    // The pools' clock goes by steps: what is asked in the step of an answer counts as answered.
    await poolTime(1);
    // It hangs, and its place in the room is still its own.
    room.passes = (from, to, message) => ([from, to].includes(1) ? undefined : message);
    await expect(bravo.ownership.confirmed(WEB)).rejects.toThrow(
      /^alfa, which gives leases, has not answered for 10 s,/,
    );
    alfa.end();
    await until(() => bravo.pool.hosts.length === 1);
    const copied = bravo.ownership.copied(WEB);
    await expect(copied).rejects.toThrow(/^alfa, which gives leases, is not there, .* pool emergency\.$/);
    charlie.ownership.takeOver();
    await until(() => bravo.ownership.coordinatorName === 'charlie');
    expect(await bravo.ownership.confirmed(WEB)).toBe(1);
    for (const { pool } of [bravo, charlie]) pool.leave();
  });

  it('stands still on a host that slept while its monotonic clock stood still, before anybody tells it a word', async () => {
    const room = new TestRoom();
    const [alfa, bravo] = [await host(room, 'alfa'), await host(room, 'bravo', 1, true)];
    bravo.run();
    await until(() => lease(alfa) === 'bravo 1' && bravo.ownership.holds(WEB));
    expect(bravo.ownership.isSure(WEB)).toBe(true);
    bravo.sleep(60_000);
    expect(bravo.ownership.isSure(WEB)).toBe(false);
    await until(() => bravo.guests.get(1)!.pauses > 0);
    // Nobody had taken it meanwhile.
    await until(() => !bravo.guests.get(1)!.paused && bravo.ownership.isSure(WEB));
    // A clock that is set back may hide a sleep.
    bravo.setClock(-3_600_000);
    expect(bravo.ownership.isSure(WEB)).toBe(false);
    await until(() => bravo.ownership.isSure(WEB));
    for (const { pool } of [alfa, bravo]) pool.leave();
  });

  it('is nobody else’s too early where the clock of the host that gives leases is set forward', async () => {
    const room = new TestRoom();
    const [alfa, bravo, charlie] = [
      await host(room, 'alfa'),
      await host(room, 'bravo', 1, true),
      await host(room, 'charlie', 1, true),
    ];
    bravo.run();
    await until(() => lease(charlie) === 'bravo 1' && bravo.ownership.holds(WEB));
    // Nobody hears bravo from now on.
    room.passes = (from, to, message) => ([from, to].includes(2) ? undefined : message);
    const cutMs = hostMs();
    for (let i = 0; i < 4; i++) {
      await poolTime(500);
      alfa.setClock(2000);
    }
    const asking = setInterval(() => void charlie.ownership.take(WEB), 20);
    await until(() => lease(alfa).startsWith('charlie'));
    clearInterval(asking);
    expect(hostMs() - cutMs).toBeGreaterThanOrEqual(LEASE_TIMING.takeOverMs - LEASE_TIMING.renewMs);
    expect(bravo.guests.get(1)!.paused).toBe(true);
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('is the host’s that is started again with its wall clock an hour back', async () => {
    const room = new TestRoom();
    const alfa = await host(room, 'alfa');
    const before = await host(room, 'bravo', 1, true);
    before.run();
    await until(() => lease(alfa) === 'bravo 1');
    before.end();
    await until(() => alfa.pool.hosts.length === 0);
    const bravo = await host(room, 'bravo', 1, true, () => Date.now() - 3_600_000);
    bravo.run();
    await until(() => bravo.ownership.holds(WEB) && lease(alfa) === 'bravo 2');
    await poolTime(2 * LEASE_TIMING.takeOverMs);
    // It renews, hands over and gives back as any other.
    expect([bravo.ownership.holds(WEB), bravo.guests.get(1)!.paused]).toEqual([true, false]);
    const charlie = await host(room, 'charlie', 1, true);
    await until(() => bravo.pool.hosts.length === 2);
    expect(await handOver(bravo, charlie)).toBe(true);
    expect(lease(alfa)).toBe('charlie 3');
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('is told to nobody who asks wrongly', async () => {
    const room = new TestRoom();
    const alfa = await host(room, 'alfa');
    const hostile = await enter(room.enter(), 'zulu', { later, hostMs });
    const channels: ByteChannel[] = [];
    hostile.serve('leases', channel => void channels.push(channel));
    const wrong = [
      'x',
      'null',
      '{"request":{}}',
      '{"request":{"number":1,"guest":"g","what":"steal","epoch":1}}',
      '{"request":{"number":1,"guest":"g","what":"renew"}}',
      '{"request":{"number":-1,"guest":"g","what":"ask"}}',
    ];
    for (const [i, text] of wrong.entries()) {
      await until(() => channels.length > i);
      const message = new TextEncoder().encode(text);
      channels[i]!.listen(
        () => {},
        () => {},
      );
      const count = alfa.pool.said.length;
      channels[i]!.send(Uint8Array.from([message.length, 0, 0, 0, ...message]));
      // Nothing is asked and nothing answered in `null`: it is no error, and no request.
      if (text === 'null') channels[i]!.send(Uint8Array.from([1, 0, 0, 0, 0x78]));
      await until(() => alfa.pool.said.length > count);
      expect(alfa.pool.said.at(-1)).toMatch(
        /^Leases of guests do not reach zulu any more: it sent what no host sends \(/,
      );
    }
    expect(alfa.state.leases.size).toBe(0);
    alfa.pool.leave();
    hostile.leave();
  });
});
