/** What an image that is written lies in. */
import type { BlockDevice } from '../blocks/index.ts';

/** A file that can become longer. */
export interface GrowingFile extends BlockDevice {
  /** It has at least this many bytes from now on; what is new reads as zeros. @throws DeviceFull where there is no room */
  grow(bytes: number): void;
}
