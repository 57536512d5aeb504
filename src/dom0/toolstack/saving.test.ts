/** What a domain in a worker of its own is asked while it is to stand still: each message that it waits for costs it a sleep. */
import { expect, it } from 'vitest';
import type { SavedPart } from '../../hypervisor/index.ts';
import type { Member } from './running-domain.ts';
import { Saving, type SavingParts } from './saving.ts';

const PIECES = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];

/** A guest without Xen's drivers, which stands once `stand` is called; `told`: what happened, in its order. */
function guest({ asksItself = false, isBusy = (): boolean => false, refuses = false } = {}) {
  const told: string[] = [];
  let stand = (): void => {};
  const stands = new Promise<void>(resolve => (stand = resolve));
  const services = {
    asksItself: () => asksItself,
    isBusy,
    setStill: (_id: number, isStill: boolean) => told.push(isStill ? 'still' : 'not still'),
    save: () => {},
    markDrives: () => told.push('marked'),
  };
  const parts = {
    services,
    inWorkers: () => true,
    later: (_ms: number, callback: () => void) => {
      queueMicrotask(callback);
      return () => {};
    },
    setHeld: (_member: Member, held: boolean) => (told.push(held ? 'pause' : 'unpause'), stands),
    ask: () => false,
    withdraw: () => {},
    wakeDomain0: () => {},
  } as unknown as SavingParts;
  const answers: Record<string, () => SavedPart> = {
    copyAhead: () => ({ pieces: [], isLast: true }),
    save: () => {
      if (refuses) throw new Error('It cannot be saved now.');
      return { pieces: PIECES, isLast: true };
    },
  };
  const ask = async (what: string, how?: string): Promise<SavedPart> => {
    told.push(how === 'off' ? 'off' : what);
    return answers[what]!();
  };
  const member = { record: { id: 7 }, name: 'g', runner: { ask }, blueprint: {}, console: { shown: '' }, why: {} };
  const taken: Uint8Array[] = [];
  const hold = () =>
    new Saving(parts).hold(member as unknown as Member, new AbortController().signal, piece => void taken.push(piece));
  return { told, taken, hold, stand: () => (told.push('stands'), stand()) };
}

/** But for the toolstack's record, which comes before the last piece. */
const whole = (taken: Uint8Array[]): Uint8Array[] => [...taken.slice(0, 2), ...taken.slice(3)];

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

it('asks for the state together with the pause, behind the moment from which its back ends stand still', async () => {
  const { told, taken, hold, stand } = guest();
  const held = hold();
  await turn();
  expect(told).toEqual(['copyAhead', 'pause', 'still', 'save']);
  stand();
  (await held).goOn();
  expect(told.slice(4)).toEqual(['stands', 'marked', 'not still', 'unpause']);
  expect(whole(taken)).toEqual(PIECES);
});

it.each([
  ['has drives that it asks by itself', { asksItself: true }],
  [
    'has media that have something to answer',
    {
      isBusy: (
        (times: number) => () =>
          times-- > 0
      )(1),
    },
  ],
])('asks for it once it stands where it %s', async (_what, how) => {
  const { told, taken, hold, stand } = guest(how);
  const held = hold();
  await turn();
  expect(told).toEqual(['copyAhead', 'pause', 'still']);
  stand();
  await held;
  expect(told.slice(3)).toEqual(['stands', 'marked', 'save']);
  expect(whole(taken)).toEqual(PIECES);
});

it('lets it go on where it cannot be saved', async () => {
  const { told, hold, stand } = guest({ refuses: true });
  const held = hold();
  stand();
  await expect(held).rejects.toThrow('It cannot be saved now.');
  expect(told.slice(-3)).toEqual(['not still', 'unpause', 'off']);
  expect(told.filter(each => each === 'unpause')).toHaveLength(1);
});
