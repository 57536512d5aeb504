/** What a saved domain had become since the head of its state was written, which comes first and cannot know it: the guest ran on, and devices came and went. */
import { isNicModel, type NicModel } from '../../../../devices/index.ts';
import { areDrives } from '../../../disks/saved-drive.ts';
import type { SavedAbout } from './saved-state.ts';

/** As the domain's record has it. */
export type SavedSince = Pick<SavedAbout, 'populatedMiB' | 'instructions' | 'drives' | 'mac'> & {
  /** Absent: the card is as the head has it. */
  nic?: NicModel | 'none';
};

/** Six bytes in hexadecimal with colons, of one station. */
export const isStationAddress = (text: string): boolean => /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(text);

/** What of a domain's description is no longer as the head has it; undefined: all is. */
export function sinceHead(head: SavedAbout, now: SavedAbout): SavedSince | undefined {
  const { populatedMiB, instructions, drives = [], nic = 'none', mac } = now;
  const hasItsCard = head.nic === now.nic && head.mac === mac;
  const isSame =
    head.populatedMiB === populatedMiB &&
    head.instructions === instructions &&
    hasItsCard &&
    JSON.stringify(head.drives ?? []) === JSON.stringify(drives);
  const card = hasItsCard ? {} : { nic, ...(mac ? { mac } : {}) };
  return isSame ? undefined : { populatedMiB, instructions, drives, ...card };
}

/** `about` becomes that. False: it says nothing that a domain could have become, and nothing has changed. */
export function hasBecome(about: SavedAbout, { populatedMiB, instructions, drives, nic, mac }: SavedSince): boolean {
  if (
    !(Number.isInteger(populatedMiB) && populatedMiB >= 1 && populatedMiB <= about.memoryMiB) ||
    !Number.isFinite(instructions) ||
    !areDrives(drives) ||
    !(nic === undefined || nic === 'none' || isNicModel(nic)) ||
    !(mac === undefined || isStationAddress(String(mac)))
  )
    return false;
  Object.assign(about, { populatedMiB, instructions, ...(drives ? { drives } : {}) });
  if (nic === undefined) return true;
  delete about.nic;
  delete about.mac;
  if (nic !== 'none') Object.assign(about, { nic, ...(mac ? { mac } : {}) });
  return true;
}
