/** A device model's part of a saved domain: how it is made, and how its disks get it back. */
import type { State } from '../../../devices/index.ts';
import type { IdeAttachment } from '../../../devices/ide/index.ts';
import { SavedStateError } from '../../../hypervisor/index.ts';
import {
  describeDrives,
  diskRecords,
  drivesDiffer,
  readDiskRecord,
  restoreChanges,
} from '../../../hypervisor/disks/index.ts';
import type { SavedModel } from './saved-model.ts';

/** Without what its devices hold, and its disks. @throws SavedStateError where a disk cannot be saved */
export function describeModel(nowNs: number, ide: readonly IdeAttachment[]): SavedModel {
  const refuse = (sentence: string): never => {
    throw new SavedStateError(sentence);
  };
  return { devices: {}, nowNs, drives: describeDrives(ide, refuse), disks: [] };
}

/** With that, too. */
export const saveModel = (described: SavedModel, devices: State, ide: readonly IdeAttachment[]): SavedModel => ({
  ...described,
  devices,
  disks: [...diskRecords(ide, true)],
});

/** Puts what the guest had changed back into its disks. @throws SavedStateError where they are others */
export function restoreDisks({ drives, disks }: SavedModel, ide: readonly IdeAttachment[]): void {
  const difference = drivesDiffer(drives, ide);
  if (difference) throw new SavedStateError(`The domain cannot be restored: ${difference}.`);
  for (const record of disks) {
    const disk = readDiskRecord(record);
    if (!disk) throw new SavedStateError('A disk of the saved device model contradicts itself. Save the guest again.');
    restoreChanges(ide, disk.place, disk.changes);
  }
}
