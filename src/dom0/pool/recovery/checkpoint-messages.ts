/**
 * What a host says to the one that keeps checkpoints of a guest of its: messages as those of a migration (migration/messages.ts). A checkpoint is a saved state
 * (`xl save`) with the pages alone that were written since the one before, and the rest as a delta to that one's. It counts once it is acknowledged.
 */
import { decodePlain, encodePlain } from '../../../hypervisor/index.ts';
import type { State } from '../../../devices/index.ts';
import { fields, isCount, isText } from '../read.ts';

export const CHECKPOINTS_PROTOCOL = 1;
/** Bytes of one of these messages. */
export const MOST_MESSAGE_BYTES = 2 ** 23;

/** S: the host of the guest, T: the one that keeps its checkpoints. */
export const CHECKPOINT = {
  /** S, first: whose checkpoints come (Kept). */
  OF: 32,
  /** T: they may. */
  READY: 33,
  /** S: one begins. */
  BEGIN: 34,
  /** S: a record of pages; some bytes of the rest; and two numbers of 32 bits: from where in the rest before as many bytes are. */
  PAGES: 35,
  BYTES: 36,
  AGAIN: 37,
  /** S: all of it has been said (CheckpointHead). */
  END: 38,
  /** T: it is whole, and counts. */
  ACKNOWLEDGED: 39,
  /** T: a sentence. It takes no more of them. */
  REFUSED: 40,
  /** S, in place of a checkpoint: there come no more, and nobody is lost. */
  STOP: 41,
} as const;

export interface Kept {
  uuid: string;
  name: string;
  /** How many checkpoints are kept. */
  keep: number;
  /** Of the lease that they rest on: where the guest's host is lost it goes on from the last one (Remus). Absent: somebody says so. */
  epoch?: number;
}

export interface CheckpointHead {
  /** When the guest was paused for it, milliseconds since 1970. */
  atMs: number;
  /** Of the guest's devices (Services.describe). */
  devices: State;
  /** Its pages follow this many bytes of the rest. */
  pagesAt: number;
}

const MOST_KEPT = 100;

export const encodeKept = (kept: Kept): Uint8Array => encodePlain({ protocol: CHECKPOINTS_PROTOCOL, ...kept });

/** @throws Error with a sentence */
export function readKept(body: Uint8Array): Kept {
  const { protocol, uuid, name, keep, epoch } = plain(body);
  if (protocol !== CHECKPOINTS_PROTOCOL)
    throw new Error(
      'The other host keeps checkpoints in another way. Take the same version of Ringside on both hosts.',
    );
  if (
    !isText(uuid) ||
    !isText(name) ||
    !isCount(keep) ||
    keep < 1 ||
    keep > MOST_KEPT ||
    !(epoch === undefined || isCount(epoch))
  )
    throw new Error('The other host does not say whose checkpoints come.');
  return { uuid, name, keep, ...(epoch === undefined ? {} : { epoch }) };
}

export const encodeHead = (head: CheckpointHead): Uint8Array => encodePlain({ ...head });

/** @throws Error with a sentence */
export function readHead(body: Uint8Array): CheckpointHead {
  const { atMs, devices, pagesAt } = plain(body);
  if (!isCount(atMs) || !isCount(pagesAt) || typeof devices !== 'object' || devices === null)
    throw new Error('The other host does not say which checkpoint comes.');
  return { atMs, devices: devices as State, pagesAt };
}

function plain(body: Uint8Array): Record<string, unknown> {
  try {
    return fields(decodePlain(body));
  } catch {
    return {};
  }
}
