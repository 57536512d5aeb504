import { describe, expect, it } from 'vitest';
import { Coordinator, type Addressed } from './coordinator.ts';
import { type Effect, Holder } from './holder.ts';
import { type HandShake, LEASE_TIMING } from './messages.ts';

const requestOf = (effects: Effect[]) => {
  const effect = effects.find(each => each.do === 'ask');
  if (effect?.do !== 'ask') throw new Error('nothing was asked');
  return effect.request;
};

/** What a host asks for, and what it does when that is answered. */
const hearing =
  (coordinator: Coordinator) =>
  (host: string, holder: Holder, effects: Effect[], nowMs: number): Effect[] => {
    const [{ answer }] = coordinator.receive(host, requestOf(effects), nowMs);
    return holder.answered(answer, nowMs);
  };

describe('the coordinator', () => {
  it('hears requests about different guests in any order', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    coordinator.receive('a', { number: 1, guest: 'g', what: 'acquire' }, 0);
    coordinator.receive('a', { number: 2, guest: 'h', what: 'acquire' }, 0);
    coordinator.receive('a', { number: 4, guest: 'h', what: 'renew', epoch: 1 }, 8000);
    expect(coordinator.receive('a', { number: 3, guest: 'g', what: 'renew', epoch: 1 }, 8000)).toHaveLength(1);
    expect(coordinator.receive('b', { number: 1, guest: 'g', what: 'acquire' }, 13_000)[0].answer.owner).toBe('a');
    // What was sent before the last about the same guest is not wanted any more.
    expect(coordinator.receive('a', { number: 3, guest: 'h', what: 'release', epoch: 1 }, 9000)).toEqual([]);
  });

  it('gives a lease to nobody else whose owner has just been told that it has it', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    coordinator.receive('a', { number: 1, guest: 'g', what: 'acquire' }, 0);
    const target = new Holder('b', LEASE_TIMING);
    target.received('g', 'a', 1, 1000);
    // Both the target's answer and the sender's "go" are lost.
    coordinator.receive('a', { number: 2, guest: 'g', what: 'hand-over', epoch: 1, to: 'b' }, 1000);
    const asked = requestOf(target.tick(14_000));
    const [{ answer }] = coordinator.receive('b', asked, 14_000);
    expect(target.answered(answer, 14_000)).toEqual([{ do: 'run', guest: 'g', epoch: 2 }]);
    const [{ answer: refused }] = coordinator.receive('c', { number: 1, guest: 'g', what: 'acquire' }, 14_001);
    expect(refused.owner).toBe('b');
  });

  it('gives a lease that has run out to the one copy that rests on it, and to none once its owner has another', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const owner = new Holder('a', LEASE_TIMING);
    const ask = (effects: Effect[], nowMs: number): Effect[] => hearing(coordinator)('a', owner, effects, nowMs);
    ask(owner.acquire('g', 0, true), 0);
    // Without a coordinator it goes on, as long as there is no copy of it.
    expect(owner.tick(9000).filter(each => each.do === 'pause')).toEqual([]);
    ask(owner.renewAnew('g', { isCopied: true }, 9000), 9000);
    expect(owner.of('g')).toMatchObject({ as: 'running', epoch: 2 });
    expect(owner.tick(17_100).filter(each => each.do === 'pause')).toEqual([{ do: 'pause', guest: 'g' }]);
    // Whoever has no copy does not get it.
    const other = coordinator.receive('c', { number: 1, guest: 'g', what: 'acquire' }, 30_000);
    expect(other[0].answer).toMatchObject({ owner: 'a', epoch: 2 });
    const kept = new Coordinator(LEASE_TIMING, structuredClone(coordinator.keep()));
    const copy = new Holder('b', LEASE_TIMING);
    const asked = requestOf(copy.takeUp('g', 'a', 2, 33_000, true));
    const [{ answer }] = kept.receive('b', asked, 33_000);
    expect(copy.answered(answer, 33_000)).toEqual([{ do: 'run', guest: 'g', epoch: 3 }]);
    // The owner was there all the time: what it has from now on is nobody's to go on with.
    expect(ask(owner.renewAnew('g', { local: true }, 30_000), 30_000)).toEqual([{ do: 'run', guest: 'g', epoch: 3 }]);
    expect(owner.tick(90_000).filter(each => each.do === 'pause')).toEqual([]);
    const late = new Holder('b', LEASE_TIMING);
    const [refused] = coordinator.receive('b', requestOf(late.takeUp('g', 'a', 2, 63_000, true)), 63_000);
    expect(late.answered(refused.answer, 63_000)).toEqual([{ do: 'drop', guest: 'g' }]);
  });

  it('gives an owner that asks late no new lease for a guest that has gone on elsewhere, and ended there', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [owner, copy] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    hear('a', owner, owner.acquire('g', 0), 0);
    hear('a', owner, owner.renewAnew('g', { isCopied: true }, 0), 0);
    const late = owner.renewAnew('g', {}, 1000);
    const runs = hear('b', copy, copy.takeUp('g', 'a', 2, 13_000), 13_000);
    expect(runs).toEqual([{ do: 'run', guest: 'g', epoch: 3 }]);
    coordinator.receive('b', requestOf(copy.release('g', 14_000)), 14_000);
    expect(hear('a', owner, late, 15_000)).toEqual([{ do: 'drop', guest: 'g' }]);
    expect(coordinator.lease('g')).toEqual({ epoch: 4 });
  });

  it('tells the copy that moves from one that was kept, and went on in its place', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [sender, keeper] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    hear('a', sender, sender.acquire('g', 0), 0);
    sender.send('g', 'b');
    // The one that is kept is not what the sender waits for.
    const waits = keeper.takeUp('g', 'a', 1, 1000);
    expect(waits.map(each => each.do)).toEqual(['ask']);
    hear('b', keeper, waits, 1000);
    // Nobody hears the sender for this long that it may be lost. The keeper goes on, and ends.
    expect(hear('b', keeper, keeper.tick(13_000), 13_000)).toEqual([{ do: 'run', guest: 'g', epoch: 2 }]);
    const anew = new Holder('b', LEASE_TIMING, { guests: [], sentMs: [], nextNumber: 100 });
    const ready = anew.received('g', 'a', 1, 14_000);
    expect(ready).toEqual([{ do: 'shake', to: 'a', message: { what: 'ready', guest: 'g', epoch: 1 } }]);
    const handsOver = sender.heard('b', { what: 'ready', guest: 'g', epoch: 1 }, 14_000);
    expect(hear('a', sender, handsOver, 14_000)).toEqual([{ do: 'drop', guest: 'g' }]);
    expect(hear('b', anew, anew.tick(17_000), 17_000)[0]).toEqual({ do: 'drop', guest: 'g' });
  });

  it('hands over a guest that others can start as one, though a copy of it was kept where it was', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [sender, target] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    hear('a', sender, sender.acquire('g', 0), 0);
    hear('a', sender, sender.renewAnew('g', { isCopied: true }, 0), 0);
    expect(coordinator.lease('g')).toMatchObject({ epoch: 2, local: true });
    sender.send('g', 'b');
    target.received('g', 'a', 2, 0);
    hear('a', sender, sender.heard('b', { what: 'ready', guest: 'g', epoch: 2 }, 0), 0);
    expect(coordinator.lease('g')).toEqual({ owner: 'b', epoch: 3, ofCopy: 'moved' });
    const [{ answer }] = coordinator.receive('c', { number: 1, guest: 'g', what: 'acquire' }, LEASE_TIMING.takeOverMs);
    expect(answer.owner).toBe('c');
  });

  it('has the source hear that its guest runs there, though the first word of that was lost', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [sender, target] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    hear('a', sender, sender.acquire('g', 0), 0);
    sender.send('g', 'b');
    target.received('g', 'a', 1, 0);
    const [go] = hear('a', sender, sender.heard('b', { what: 'ready', guest: 'g', epoch: 1 }, 0), 0);
    if (go?.do !== 'shake') throw new Error('nothing was said');
    expect(target.heard('a', go.message, 0)).toEqual([{ do: 'run', guest: 'g', epoch: 2 }]);
    // It does not run yet.
    expect(target.heard('a', go.message, 0)).toEqual([]);
    const [started] = target.started('g');
    expect(sender.tick(2000).filter(each => each.do === 'shake')).toEqual([go]);
    expect(target.heard('a', go.message, 2000)).toEqual([started]);
    expect(sender.heard('b', { what: 'started', guest: 'g', epoch: 2 }, 2000)).toEqual([{ do: 'drop', guest: 'g' }]);
  });

  it('has a copy back that could not be started, though nobody had confirmed its lease for too long when that was known', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [sender, target] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    hear('a', sender, sender.acquire('g', 0), 0);
    sender.send('g', 'b');
    target.received('g', 'a', 1, 0);
    const [go] = hear('a', sender, sender.heard('b', { what: 'ready', guest: 'g', epoch: 1 }, 0), 0);
    if (go?.do !== 'shake') throw new Error('nothing was said');
    target.heard('a', go.message, 0);
    expect(target.tick(9000)).toContainEqual({ do: 'pause', guest: 'g' });
    expect(hear('b', target, target.decline('g', 9000), 9000)).toMatchObject([
      { do: 'shake', message: { what: 'go' } },
    ]);
    expect(coordinator.lease('g')).toMatchObject({ owner: 'a', epoch: 3 });
    sender.heard('b', { what: 'go', guest: 'g', epoch: 3 }, 9000);
    expect(hear('a', sender, sender.tick(9000), 9000)).toEqual([{ do: 'run', guest: 'g', epoch: 3 }]);
  });

  it('lets a guest go on whose disks nobody else reaches though nobody gives leases, once its copy is void', () => {
    const handedOver = [false, true];
    for (const isGiven of handedOver) {
      const coordinator = new Coordinator(LEASE_TIMING);
      const [sender, target] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
      const hear = hearing(coordinator);
      hear('a', sender, sender.acquire('g', 0, true), 0);
      sender.send('g', 'b', true, true);
      const [ready] = target.received('g', 'a', 1, 100, true);
      const asked = requestOf(sender.heard('b', (ready as { message: HandShake }).message, 100));
      // Nobody hears what becomes of that.
      if (isGiven) coordinator.receive('a', asked, 100);
      const [, isVoid] = sender.cancel('g', 200);
      expect(isVoid).toEqual({ do: 'shake', to: 'b', message: { what: 'void', guest: 'g', epoch: 1 } });
      const voids = target.heard('a', { what: 'void', guest: 'g', epoch: 1 }, 200);
      expect(voids).toEqual([
        { do: 'drop', guest: 'g' },
        { do: 'shake', to: 'a', message: { what: 'voided', guest: 'g', epoch: 1 } },
      ]);
      expect(sender.heard('b', { what: 'voided', guest: 'g', epoch: 1 }, 300)[0]).toMatchObject({
        do: 'run',
        guest: 'g',
      });
      expect([sender.isSure('g', 90_000), sender.tick(20_000).filter(({ do: what }) => what !== 'ask')]).toEqual([
        true,
        [],
      ]);
      // It does not come late, either.
      expect(target.received('g', 'a', 1, 20_000, true)).toEqual([]);
      // Somebody gives leases again: the copy's runs out, where it was given one.
      let effects: Effect[] = [];
      for (let nowMs = 30_000; nowMs < 60_000; nowMs += 2000) {
        effects = sender.tick(nowMs);
        expect(effects.filter(({ do: what }) => what === 'drop' || what === 'pause')).toEqual([]);
        expect(hear('a', sender, effects, nowMs).filter(({ do: what }) => what === 'drop')).toEqual([]);
      }
      expect(coordinator.lease('g')).toMatchObject({ owner: 'a', local: true });
      expect(sender.of('g')).toMatchObject({ as: 'running', unsettled: undefined });
    }
  });

  it('has no copy void that runs, or ran, and none that others could start', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const hear = hearing(coordinator);
    const [sender, target] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    hear('a', sender, sender.acquire('g', 0, true), 0);
    sender.send('g', 'b', true, true);
    target.received('g', 'a', 1, 100, true);
    const asked = requestOf(sender.heard('b', { what: 'ready', guest: 'g', epoch: 1 }, 100));
    const [, { answer }] = coordinator.receive('a', asked, 100) as [Addressed, Addressed];
    sender.cancel('g', 200);
    expect(target.answered(answer, 300)).toEqual([{ do: 'run', guest: 'g', epoch: 2 }]);
    // It has the lease, and does not run yet: its sender hears nothing.
    expect(target.heard('a', { what: 'void', guest: 'g', epoch: 1 }, 300)).toEqual([]);
    target.started('g');
    const started = { do: 'shake', to: 'a', message: { what: 'started', guest: 'g', epoch: 2 } };
    expect(target.heard('a', { what: 'void', guest: 'g', epoch: 1 }, 400)).toEqual([started]);
    target.release('g', 500);
    expect(target.heard('a', { what: 'void', guest: 'g', epoch: 1 }, 600)).toEqual([started]);
    expect(sender.heard('b', { what: 'started', guest: 'g', epoch: 2 }, 600)).toEqual([{ do: 'drop', guest: 'g' }]);

    const guarded = new Holder('c', LEASE_TIMING);
    hear('c', guarded, guarded.acquire('h', 0), 0);
    guarded.send('h', 'b', undefined, true);
    expect(guarded.cancel('h', 100).map(each => each.do)).toEqual(['ask']);
  });

  it('is sure of what it holds as long as that is confirmed, though no time was told since it slept', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [owner, home] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    expect(owner.isSure('g', 0)).toBe(true);
    hear('a', owner, owner.acquire('g', 0), 0);
    hear('b', home, home.acquire('h', 0, true), 0);
    const { fenceMs } = LEASE_TIMING;
    expect([fenceMs - 1, fenceMs].map(nowMs => owner.isSure('g', nowMs))).toEqual([true, false]);
    // Nobody else reaches its disks.
    expect(home.isSure('h', fenceMs)).toBe(true);
    hear('a', owner, owner.tick(fenceMs), fenceMs);
    expect(owner.isSure('g', fenceMs)).toBe(true);
    owner.send('g', 'b');
    expect(owner.isSure('g', fenceMs)).toBe(false);
  });

  it('is not sure of what another host has by now, whatever it hears of that, before it has a lease again', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [slept, other] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    const { takeOverMs } = LEASE_TIMING;
    hear('a', slept, slept.acquire('g', 0), 0);
    hear('b', other, other.acquire('g', takeOverMs), takeOverMs);
    expect(other.of('g')?.as).toBe('running');
    expect(hear('a', slept, slept.tick(takeOverMs), takeOverMs)).toEqual([{ do: 'drop', guest: 'g' }]);
    // What waited for its disk would be written over what the other one has written.
    expect(slept.isSure('g', takeOverMs)).toBe(false);
    hear('b', other, other.release('g', takeOverMs), takeOverMs);
    expect(slept.isSure('g', takeOverMs)).toBe(false);
    hear('a', slept, slept.acquire('g', takeOverMs), takeOverMs);
    expect(slept.isSure('g', takeOverMs)).toBe(true);
  });

  it('has no new lease by a late word about the old one, by which a copy can still go on', () => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const [owner, copy] = [new Holder('a', LEASE_TIMING), new Holder('b', LEASE_TIMING)];
    const hear = hearing(coordinator);
    hear('a', owner, owner.acquire('g', 0), 0);
    hear('a', owner, owner.renewAnew('g', { isCopied: true }, 0), 0);
    const renewed = coordinator.receive('a', requestOf(owner.tick(2000)), 2000)[0].answer;
    // The copy is to count no more, but nobody hears that. The owner is paused, and hears then that it had renewed its lease.
    owner.renewAnew('g', {}, 2100);
    expect(owner.tick(9000)).toContainEqual({ do: 'pause', guest: 'g' });
    expect(owner.answered(renewed, 9500)).toEqual([{ do: 'run', guest: 'g', epoch: 2 }]);
    expect(owner.of('g')!.anew).toEqual({});
    expect(hear('b', copy, copy.takeUp('g', 'a', 2, 14_000), 14_000)).toEqual([{ do: 'run', guest: 'g', epoch: 3 }]);
  });

  it.each([
    ['others start a guest of which no copy counts any more', { isCopied: true }, {}, 'c'],
    ['nobody else start a guest that is to be copied', {}, { isCopied: true }, 'a'],
  ] as const)('has %s, though that was asked before a move that was given up', (_what, before, wanted, next) => {
    const coordinator = new Coordinator(LEASE_TIMING);
    const owner = new Holder('a', LEASE_TIMING);
    const ask = (effects: Effect[], nowMs: number): Effect[] => hearing(coordinator)('a', owner, effects, nowMs);
    ask(owner.acquire('g', 0), 0);
    ask(owner.renewAnew('g', before, 0), 0);
    // Nobody hears that, and the guest is asked back.
    owner.renewAnew('g', wanted, 100);
    owner.send('g', 'b');
    expect(ask(owner.cancel('g', 200), 200)).toEqual([{ do: 'run', guest: 'g', epoch: 3 }]);
    expect(owner.of('g')!.anew).toEqual(wanted);
    expect(ask(owner.tick(2200), 2200)).toEqual([{ do: 'run', guest: 'g', epoch: 4 }]);
    expect(owner.of('g')!.anew).toBeUndefined();
    const [{ answer }] = coordinator.receive('c', { number: 1, guest: 'g', what: 'acquire' }, 14_200);
    expect(answer.owner).toBe(next);
  });

  it('remembers what it heard when it is made anew', () => {
    const before = new Coordinator(LEASE_TIMING);
    before.receive('a', { number: 5, guest: 'g', what: 'acquire' }, 0);
    const after = new Coordinator(LEASE_TIMING, structuredClone(before.keep()));
    expect(after.receive('a', { number: 4, guest: 'g', what: 'acquire' }, 1)).toEqual([]);
    expect(after.receive('a', { number: 6, guest: 'g', what: 'renew', epoch: 1 }, 1)[0].answer.owner).toBe('a');
  });
});
