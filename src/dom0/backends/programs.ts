/**
 * The programs in Domain 0 behind a guest's devices: back ends of PV disks, cards and screens, and the device model. Each is loaded before the first guest has
 * one, as a guest at its first prompt mostly has none.
 */
import { loadDrives } from '../../devices/ide/index.ts';
import { HostError } from '../../hypervisor/memory/index.ts';
import { loadedAgain } from '../host/loading/index.ts';

const loadModel = loadedAgain(() => import('./device-model/device-model.ts'));

const PROGRAMS = {
  drives: { of: 'opens the media of drives', load: loadedAgain(() => import('./drives.ts')) },
  vbd: { of: 'serves paravirtual disks', load: loadedAgain(() => import('./vbd/vbd.ts')) },
  vif: { of: 'serves paravirtual network cards', load: loadedAgain(() => import('./vif/vif.ts')) },
  vfb: { of: 'serves paravirtual screens', load: loadedAgain(() => import('./vfb/index.ts')) },
  model: { of: 'emulates devices in Domain 0', load: async () => (await Promise.all([loadModel(), loadDrives()]))[0] },
};

export type BackendKind = keyof typeof PROGRAMS;
type Programs = { [Kind in BackendKind]: Awaited<ReturnType<(typeof PROGRAMS)[Kind]['load']>> };

const loaded: Partial<Programs> = {};

async function load<Kind extends BackendKind>(kind: Kind): Promise<void> {
  const { of, load } = PROGRAMS[kind];
  loaded[kind] ??= await (load() as Promise<Programs[Kind]>).catch(() => {
    throw new HostError(`The part of Ringside that ${of} could not be loaded. Check the connection and try again.`);
  });
}

/** Guests can have these devices from then on. @throws HostError where one cannot be loaded */
export const loadBackends = async (
  kinds: readonly BackendKind[] = Object.keys(PROGRAMS) as BackendKind[],
): Promise<void> => void (await Promise.all(kinds.map(load)));

/** @throws Error where nobody has loaded it */
export function backend<Kind extends BackendKind>(kind: Kind): Programs[Kind] {
  const its = loaded[kind];
  if (!its) throw new Error(`The program in Domain 0 for ${kind} is not loaded.`);
  return its;
}
