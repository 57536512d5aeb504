/**
 * What a guest has written of files in its drives, which are only read: Domain 0 keeps it in memory, and it goes to the other host while the guest runs, so that
 * little of it is left for the time in which the guest is paused.
 */
import { endTaking, takenRecords } from '../../../hypervisor/disks/index.ts';
import type { Guest } from '../../toolstack/index.ts';
import type { Line } from './line.ts';
import { MESSAGE, say } from './messages.ts';

/** Of one message. */
const MOST_BLOCKS = 512;

/** All that was written and has not gone yet. @throws Error with a sentence: the line has ended, and what `signal` gives */
export async function sendWritten(guest: Guest, line: Line, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  for (const record of takenRecords(guest.attachments.media, MOST_BLOCKS)) {
    await say(line, MESSAGE.BLOCKS, record);
    // Before any more are taken: of a move that was given up nobody puts them back.
    signal.throwIfAborted();
  }
}

/** It does not go after all, or has gone: what is saved next has all of it again. */
export const keepWritten = (guest: Guest): void => endTaking(guest.attachments.media);
