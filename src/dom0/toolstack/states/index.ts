/** Saved states in Domain 0: written, read, and what they know of their guests' devices. */
export { devicesRecord, targetsOf, withDevices } from '../drives-now.ts';
export { refuseOtherPlaces } from '../other-places.ts';
export * from '../saved-domain.ts';
export { readSaved } from '../saved-file.ts';
export { Saving } from '../saving.ts';
export { StateBlob } from '../state-blob.ts';
