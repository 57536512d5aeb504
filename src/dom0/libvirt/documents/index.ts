/** Documents of running domains, and those in saved states. */
export { qemuDocument } from '../running-document.ts';
export { withDocument } from '../save-images.ts';
