/** Notes over a guest: a job, a folder that it shares, a shutdown that it ignores, and where it is missing. */
export { GuestJob } from '../guest-job.tsx';
export { MissingGuest } from '../missing-guest.tsx';
export { SharedFolder } from '../shared-folder.tsx';
export { ShutdownNote } from '../shutdown-note.tsx';
export { SilentNote } from '../silent-note.tsx';
export { share } from '../../share-folder.ts';
