/**
 * The programs in Domain 0 behind a guest's devices: back ends of PV disks, cards and screens, and the device model. Each is loaded before the first guest has
 * one, as a guest at its first prompt mostly has none.
 */
import { part } from '../../formats/loading/index.ts';
import { loadDrives } from '../../devices/ide/index.ts';

const PROGRAMS = {
  drives: part(() => import('./drives.ts'), 'opens the media of drives'),
  vbd: part(() => import('./vbd/vbd.ts'), 'serves paravirtual disks'),
  vif: part(() => import('./vif/vif.ts'), 'serves paravirtual network cards'),
  vfb: part(() => import('./vfb/index.ts'), 'serves paravirtual screens'),
  model: part(() => import('./device-model/device-model.ts'), 'emulates devices in Domain 0'),
};

export type BackendKind = keyof typeof PROGRAMS;

/** Guests can have these devices from then on. @throws PartError where one cannot be loaded */
export const loadBackends = async (
  kinds: readonly BackendKind[] = Object.keys(PROGRAMS) as BackendKind[],
): Promise<void> =>
  void (await Promise.all([...kinds.map(kind => PROGRAMS[kind].load()), kinds.includes('model') && loadDrives()]));

/** @throws Error where nobody has loaded it */
export const backend = <Kind extends BackendKind>(kind: Kind): ReturnType<(typeof PROGRAMS)[Kind]['get']> =>
  PROGRAMS[kind].get() as ReturnType<(typeof PROGRAMS)[Kind]['get']>;
