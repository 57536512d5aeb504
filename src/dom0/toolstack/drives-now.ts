/** Devices of a guest that goes on from a saved state, or on another host: its kind has what the state's record says of them. */
import type { State } from '../../devices/index.ts';
import type { SavedState } from '../../hypervisor/index.ts';
import type { DefinedDisk, Definition } from '../definitions/config/index.ts';
import { kindOf } from './kinds/index.ts';
import type { Blueprint } from './running-domain.ts';

/** For Domain 0's record of it: libvirt's document, and the devices that it has now. */
export async function devicesRecord({
  definition,
  document,
}: Pick<Blueprint, 'definition' | 'document'>): Promise<State> {
  const { savedDevices } = await kindOf(definition).running();
  return { ...(document === undefined ? {} : { document }), ...savedDevices.record(definition) };
}

/** Its definition, as its text has it, becomes what the state says. */
export const withDevices = async (blueprint: Blueprint): Promise<Blueprint> =>
  (await kindOf(blueprint.definition).running()).savedDevices.restored(blueprint);

/** Paths of the images that a guest had, which goes on from a saved state, with their drives: as its definition has them, and the record. */
export async function targetsOf(
  saved: SavedState,
  definition: Definition,
): Promise<Pick<DefinedDisk, 'vdev' | 'target'>[]> {
  return [...(await kindOf(definition).running()).savedDevices.targets(saved), ...definition.disks];
}
