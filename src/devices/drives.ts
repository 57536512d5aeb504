/** The programs of drives, which boards have once they are loaded: most guests have none at their first prompt. */
import { loadIdeDrives } from './ide/piix-ide.ts';
import { loadVirtioDisks } from './virtio/disks.ts';

/** Boards can have drives from then on. */
export const loadDrives = async (): Promise<void> => void (await Promise.all([loadIdeDrives(), loadVirtioDisks()]));
