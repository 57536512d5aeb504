/** What Domain 0 keeps of a device model that runs there: its part of the toolstack's record in a saved domain. */
import type { State } from '../../../devices/index.ts';
import { SavedStateError, type SavedState } from '../../../hypervisor/index.ts';
import { areDrives, type SavedDrive } from '../../../hypervisor/disks/index.ts';

export interface SavedModel {
  devices: State;
  /** The devices' clock, by which their deadlines are. */
  nowNs: number;
  drives: SavedDrive[];
  /** What the guest changed of its disks (saved-disks.ts). */
  disks: Uint8Array[];
}

/** The part of a saved domain; undefined: its device model was next to its processor. @throws SavedStateError */
export function modelOf({ about, toolstack }: Pick<SavedState, 'about' | 'toolstack'>): SavedModel | undefined {
  const model = toolstack?.model as Partial<SavedModel> | undefined;
  if (model === undefined) return undefined;
  const good =
    typeof model.devices === 'object' &&
    model.devices !== null &&
    Number.isFinite(model.nowNs) &&
    areDrives(model.drives) &&
    Array.isArray(model.disks) &&
    model.disks.every(disk => disk instanceof Uint8Array);
  if (!good)
    throw new SavedStateError(
      `The state of ${about.name} does not say what its device model was. Save the guest again.`,
    );
  return model as SavedModel;
}
