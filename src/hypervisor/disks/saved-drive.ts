/** What a saved state says of a drive. */

/** A drive as a saved state knows it. */
export interface SavedDrive {
  /** On the IDE channels (0 to 3), a floppy drive (4 and 5), a disk of virtio (from 6 on), or the number of a virtual disk. */
  place: number;
  kind: 'disk' | 'cdrom' | 'floppy';
  /** Bytes of the medium; -1: the drive is empty. */
  bytes: number;
  /** Where the person who saved had it; for messages, and to find it again. */
  label: string;
  /** Of the medium's contents, as far as a quick look can identify them. */
  fingerprint: number;
  /** The guest cannot write it; absent: it can, or the state is of an earlier version, which does not say. */
  readOnly?: true;
}

/** What people call a medium of each kind. */
export const WHAT = { disk: 'disk', cdrom: 'CD', floppy: 'floppy disk' } as const;

/** Whether what a state's record says can be a list of drives. */
export function areDrives(value: unknown): boolean {
  return (
    value === undefined ||
    (Array.isArray(value) &&
      value.every(
        ({ place, kind, bytes, label, fingerprint, readOnly }: Partial<SavedDrive>) =>
          Number.isInteger(place) &&
          (place ?? -1) >= 0 &&
          Object.hasOwn(WHAT, String(kind)) &&
          typeof label === 'string' &&
          Number.isInteger(bytes) &&
          Number.isInteger(fingerprint) &&
          (readOnly === undefined || readOnly === true),
      ))
  );
}
