/** The link is cut, or either host ends, before each message of a hand-over: one copy runs, the source's before it and the target's behind it. */
import { describe, expect, it } from 'vitest';
import { until } from '../service/host.test-support.ts';
import { handOver, host, runsAt, type TestHost, WEB } from './ownership.test-support.ts';
import { poolTime } from './pool-clock.test-support.ts';
import { TestRoom } from './rooms.test-support.ts';

interface Three {
  room: TestRoom;
  alfa: TestHost;
  bravo: TestHost;
  charlie: TestHost;
}

/** Of the room; the first, alfa, gives leases. */
const BRAVO = 2,
  CHARLIE = 3;
const cut = ({ room }: Three): void => {
  const { passes } = room;
  const both = [BRAVO, CHARLIE];
  room.passes = (from, to, message) =>
    both.includes(from) && both.includes(to) ? undefined : passes(from, to, message);
};

/** What leases take to run out, and what was lost to be asked for again. */
const LONG_MS = 20_000;

/** Web goes from bravo to charlie, and `fail` happens before the `at`th message of its hand-over. False: there were fewer. */
async function failing(at: number, fail: (three: Three) => void, isBad = false): Promise<Three & { failed: boolean }> {
  const room = new TestRoom();
  const three: Three = {
    room,
    alfa: await host(room, 'alfa'),
    bravo: await host(room, 'bravo'),
    charlie: await host(room, 'charlie'),
  };
  const { alfa, bravo, charlie } = three;
  bravo.run();
  await until(() => alfa.state.leases.get(WEB)?.owner === 'bravo');
  let count = -1,
    failed = false,
    isOver = false;
  room.passes = (_from, _to, message) => {
    expect(runsAt(bravo) && runsAt(charlie)).toBe(false);
    if (count >= 0 && !isOver && !failed && count++ === at) {
      failed = true;
      fail(three);
    }
    return message;
  };
  void handOver(bravo, charlie, isBad, () => (count = 0)).finally(() => (isOver = true));
  await until(() => failed || isOver);
  await poolTime(LONG_MS);
  return { ...three, failed };
}

/** Of as many messages as a hand-over has, and one more; what happened before each of them. */
async function beforeEach(
  fail: (three: Three) => void,
  judge: (after: Three, at: number) => void | Promise<void>,
  isBad = false,
): Promise<void> {
  const MOST = 18;
  const happened = await Promise.all(
    Array.from({ length: MOST }, async (_each, at) => {
      const after = await failing(at, fail, isBad);
      await judge(after, at);
      for (const { pool } of [after.alfa, after.bravo, after.charlie]) pool.leave();
      return after.failed;
    }),
  );
  expect(happened.filter(Boolean).length).toBeGreaterThan(6);
}

const ownerOf = ({ alfa }: Three): string | undefined => alfa.state.leases.get(WEB)?.owner;

describe.concurrent('a guest that is handed over', () => {
  it.each([false, true])(
    'runs where its lease is, wherever the link of the two hosts is cut (it cannot be started: %s)',
    async isBad => {
      const owners = new Set<string | undefined>();
      await beforeEach(
        cut,
        (three, at) => {
          const owner = ownerOf(three);
          owners.add(owner);
          expect([at, owner, runsAt(three.bravo), runsAt(three.charlie)]).toEqual([
            at,
            owner,
            owner === 'bravo',
            owner === 'charlie',
          ]);
        },
        isBad,
      );
      expect([...owners].sort()).toEqual(isBad ? ['bravo'] : ['bravo', 'charlie']);
    },
  );

  it('runs on its host where the target ends before, and where that had it once somebody says so', async () => {
    let kept = 0;
    await beforeEach(
      ({ charlie }) => charlie.end(),
      async (three, at) => {
        const { bravo } = three;
        const isIts = ownerOf(three) === 'charlie';
        expect([at, isIts, runsAt(bravo)]).toEqual([at, isIts, !isIts]);
        // It may have run there; its lease has run out.
        if (!isIts || bravo.guests.size === 0) return;
        kept++;
        bravo.ownership.takeBack(WEB);
        await until(() => runsAt(bravo));
      },
    );
    expect(kept).toBeGreaterThan(0);
  });

  it.each([false, true])(
    'runs in one place though who gives leases ends, and nobody takes its place (it cannot be started: %s)',
    async isBad => {
      const places: string[] = [];
      await beforeEach(
        ({ alfa }) => alfa.end(),
        (three, at) => {
          const { bravo, charlie } = three;
          places[at] = [bravo, charlie]
            .filter(runsAt)
            .map(({ pool }) => pool.me)
            .join();
          expect([at, ['bravo', 'charlie'].includes(places[at])]).toEqual([at, true]);
        },
        isBad,
      );
      expect([...new Set(places)].sort()).toEqual(isBad ? ['bravo'] : ['bravo', 'charlie']);
    },
  );

  it('runs on the target where its host ends, once that has the whole copy', async () => {
    const there: boolean[] = [];
    await beforeEach(
      ({ bravo }) => bravo.end(),
      (three, at) => void (there[at] = runsAt(three.charlie)),
    );
    expect(there.lastIndexOf(false) + 1).toBe(there.indexOf(true));
    expect(there).toContain(true);
  });
});
