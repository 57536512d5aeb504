/** What of a domain at a moment of its past lies in no memory of the machine: its devices, processors and clock as plain data, and what is set or waits. */
import type { State } from '../../devices/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { Domain } from '../domain/domain.ts';
import { publishState } from '../domain/published.ts';
import { restoreParts, saveParts } from '../domain/saved-parts.ts';

export interface Rest {
  parts: State;
  guest: State;
  timers: ReturnType<Domain['timers']['save']>;
  serial: readonly Uint8Array[];
  video: ReturnType<NonNullable<Domain['map']['video']>['save']> | undefined;
  /** What lay in the drives. */
  discs: readonly (BlockDevice | null)[];
}

/** Plain data that is as it was before is not kept twice. Devices may go on with what they gave, or were given: it is copied both times. */
export function takeRest(domain: Domain, before?: Rest): Rest {
  const { options, guest, timers, serialFeed, map } = domain;
  return {
    parts: copied(saveParts(domain), before?.parts),
    guest: copied(guest.saveRest(), before?.guest),
    video: copied(map.video?.save(), before?.video),
    timers: timers.save(),
    serial: serialFeed.save(),
    discs: (options.ide ?? []).map(({ disk }) => disk),
  };
}

/** Memory is as it was; `again`: the areas of machine memory are put there again, since devices change them as they are restored. */
export function putRest(domain: Domain, { parts, guest, timers, serial, video, discs }: Rest, again: () => void): void {
  (domain.options.ide ?? []).forEach(({ disk, place }, i) => {
    if (disk !== discs[i]) domain.insertMedium(place, discs[i]!);
  });
  // Lines that are high now would stay so.
  domain.platform.reset();
  restoreParts(domain, copied(parts));
  domain.guest.restoreRest(copied(guest));
  again();
  domain.processor.reload();
  if (video) domain.map.video?.restore(video);
  domain.timers.restore(timers);
  domain.serialFeed.restore(serial);
  domain.processor.flushTlb();
  // Its counters say what it did then.
  publishState(domain.counters, domain);
}

/** Plain data, with those parts of `before` that are equal. */
function copied<Data>(now: Data, before?: unknown): Data;
function copied(now: unknown, before?: unknown): unknown {
  if (typeof now !== 'object' || now === null) return now;
  if (ArrayBuffer.isView(now)) return isSameArray(before, now) ? before : (now as Uint8Array).slice();
  const one = (typeof before === 'object' ? (before ?? {}) : {}) as State;
  const keys = Object.keys(now);
  const copy: State = Array.isArray(now) ? ([] as unknown as State) : {};
  for (const key of keys) copy[key] = copied((now as State)[key], one[key]);
  const isSame = keys.length === Object.keys(one).length && keys.every(key => Object.is(copy[key], one[key]));
  return isSame && before !== undefined && Array.isArray(now) === Array.isArray(before) ? before : copy;
}

function isSameArray(before: unknown, now: ArrayBufferView): boolean {
  if (!ArrayBuffer.isView(before) || before.byteLength !== now.byteLength || before.constructor !== now.constructor)
    return false;
  const [one, other] = [before, now].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  for (let i = 0; i < one!.length; i++) if (one![i] !== other![i]) return false;
  return true;
}
