/** Saved domains: a domain as a file, and a file as a domain again. The file is what `xl save` writes (stream/format.ts). */
import type { State } from '../../../../devices/index.ts';
import type { Domain } from '../../../domain/domain.ts';
import { restoreParts } from '../../../domain/saved-parts.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { VCPU_BYTES } from '../../../layout/layout.ts';
import { askingNobody, drivesDiffer, restoreChanges } from '../../../disks/saved-disks.ts';
import { HVM } from './format.ts';
import { deviceAt } from './hvm-context.ts';
import { comingPages, putPages } from './memory.ts';
import { putProcessor, type SavedProcessor } from './processors.ts';
import type { LongParts, SavedRest } from './saved-state.ts';
import { type SavedBy, StateWriter } from './writer.ts';
import { setParam } from '../hvm/params.ts';
import { xenOf } from '../of-domain.ts';
import { restoreXen } from '../saved.ts';

export { XL_MAGIC as SAVED_MAGIC } from './xl-header.ts';
export { readState, readStateAsItComes, readStateFrom } from './reading.ts';
export { SavedStateError } from '../../../domain/saved-state-error.ts';
export type { SavedAbout, SavedHead, SavedPages, SavedRest, SavedState } from './saved-state.ts';
export { Saver } from './saver.ts';
export { toolstackRecord } from './writer.ts';

/** The state of a domain between two slices, as parts of a file; `toolstack`: what it knows of the domain. @throws SavedStateError where it cannot be saved now. */
export function saveDomain(domain: Domain, by: SavedBy, toolstack?: State): Uint8Array[] {
  return [...new StateWriter(domain, by).rest(undefined, toolstack)];
}

type Restored = SavedRest & LongParts;

const refusing =
  (name: string) =>
  (why: string): never => {
    throw new SavedStateError(`The state of ${name} cannot be restored: ${why}`);
  };

/**
 * A state of a guest that runs elsewhere yet is put into the domain that waits for it, but for memory, disks and Xen's half: what does not fit is refused before the
 * guest is paused, and code that has run once takes less of the time when it does. What comes in the end is put over it. What the guest has asked of its disks is under
 * way where it runs: asked again from here, it would be done late, and of memory as it was. @throws SavedStateError
 */
export function rehearse(domain: Domain, saved: Restored): void {
  const { about } = saved;
  const refuse = refusing(about.name);
  const { ide = [] } = domain.options;
  const difference = drivesDiffer(about.drives ?? [], ide);
  if (difference) refuse(`${difference}.`);
  const timers = domain.timers.save();
  askingNobody(ide, () => putParts(domain, saved, refuse));
  domain.timers.restore(timers);
}

/** Puts a saved state into a domain that is being built (second argument of its constructor). @throws SavedStateError, HostError */
export function restoreInto(domain: Domain, saved: Restored): void {
  const { machine, record, ide = [] } = domain.options;
  const { about, emulator } = saved;
  const refuse = refusing(about.name);
  const difference = drivesDiffer(about.drives ?? [], ide);
  if (difference) refuse(`${difference}.`);
  for (const { place, changes } of saved.disks) restoreChanges(ide, place, changes);
  putPages(domain, saved.pages);
  machine.bytes.set(emulator.screen, record.screenOffset);
  domain.screen.restored();
  putParts(domain, saved, refuse);
  if (about.kind === 'kvm') domain.guest.restoreRest(saved.domain.kvm as State);
  const guest = xenOf(domain);
  if (!guest) return;
  const { xen, pv: rest } = saved.domain;
  if (saved.pv) guest.restorePv({ ...saved.pv, rest: rest as State }, comingPages(domain)!);
  for (const [index, low, high] of saved.params) setParam(guest.ports, index, low, high);
  guest.enlighten();
  restoreXen(guest, xen as State);
  const recordOf = (type: number, instance: number): State | undefined =>
    saved.hvm.find(record => record.type === type && record.instance === instance)?.state;
  try {
    guest.layer?.restore(
      recordOf(HVM.VIRIDIAN_DOMAIN, 0),
      Array.from({ length: record.vcpus }, (_, id) => recordOf(HVM.VIRIDIAN_VCPU, id)),
    );
  } catch (error) {
    refuse((error as Error).message);
  }
}

/** Processors, clock and devices. @throws what `refuse` does */
function putParts(domain: Domain, saved: Restored, refuse: (why: string) => never): void {
  const { machine, record } = domain.options;
  const platform: State = { ...saved.emulator.devices };
  const processors: State[] = [];
  const put = (id: number, state: State): void => {
    const at = (record.vcpuOffset + id * VCPU_BYTES) >>> 2;
    processors[id] = putProcessor(machine.words.subarray(at, at + VCPU_BYTES / 4), state as SavedProcessor);
  };
  for (const { type, instance, state } of saved.hvm) {
    const device = deviceAt(type, instance);
    if (device !== undefined) platform[device] = state;
    else if (type === HVM.CPU && instance < record.vcpus) put(instance, state);
  }
  const { turns, xen: _xen, kvm: _kvm, pv: _pv, processors: ofPv, platform: ofPvPlatform, ...parts } = saved.domain;
  if (saved.pv) {
    Object.assign(platform, ofPvPlatform);
    (ofPv as State[]).forEach((state, id) => put(id, state));
  }
  try {
    restoreParts(domain, { ...parts, platform, vcpus: { ...(turns as State), all: processors } });
  } catch (error) {
    refuse((error as Error).message);
  }
}
