/** The programs of drives, which boards have once they are loaded: most guests have none at their first prompt. */
import { part } from '../formats/loading/index.ts';

const drives = part(() => import('./drives/index.ts'), 'is the guest’s drives');

/** Boards can have drives from then on. @throws PartError */
export const loadDrives = async (): Promise<void> => void (await drives.load());

/** Their programs; undefined: nobody has loaded them. */
export const loadedDrives = (): typeof drives.loaded => drives.loaded;
/** The same. @throws Error where nobody has loaded them */
export const driveDevices = drives.get;
