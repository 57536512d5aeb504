/** Where the bytes of a drive come from. */
import type { Place } from '../../devices/ide/index.ts';

/** Bytes behind a disk, read at once. */
export interface DiskSource {
  /** Bytes of the medium. */
  readonly bytes: number;
  /** Fills `into` from byte `at` on. False: it could not be read. */
  read(at: number, into: Uint8Array): boolean;
  /** Absent: writes go to the overlay. */
  write?(at: number, from: Uint8Array): boolean;
  flush?(): boolean;
  /** Where a byte lies further down; absent: there. */
  place?(at: number): Place[];
}
