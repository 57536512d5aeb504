/** A disk that the host has opened, as what lies in a guest's drive. */
import { backend } from '../backends/index.ts';
import type { OpenDisk } from '../host/storage/index.ts';
import type { Later } from '../host/index.ts';
import type { OpenHostDevice } from '../toolstack/index.ts';

/** `label`: as people call it. Closing it does not fail: the code that stops a guest goes on with its other devices. */
export function guestDevice(
  { medium, path, rename, close }: OpenDisk,
  label: string,
  { readOnly, sectorBytes, say, late }: Parameters<OpenHostDevice>[2],
  later: Later,
): ReturnType<OpenHostDevice> {
  const disk = new (backend('drives').MediumDisk)({
    medium,
    label,
    sectorBytes,
    readOnly,
    later,
    say,
    ...(late ? { late } : {}),
  });
  const end = (): void => {
    disk.close();
    try {
      close();
    } catch (error) {
      say(`${label}: what was written last may not be there: ${(error as Error).message}`);
    }
  };
  return {
    disk,
    path,
    rename,
    close: end,
    get isWaiting() {
      return disk.isWaiting;
    },
  };
}
