/** What src/dom0/definitions/images offers to other rooms. */
export {
  HEAD_BYTES,
  imageHead,
  type ImageKind,
  imageKind,
  imageProblem,
  isBootable,
  onlyForUefi,
  uefiProblem,
  isFloppy,
  MOST_UNPACKED_BYTES,
  NO_CD,
  NO_SIGNATURE,
} from './images.ts';
export { startedUnsigned, unsignedProblem, unsignedWarning } from './unsigned.ts';
export { PACKED_HEAD_BYTES, packingOfFile, unpackedImage } from './packed.ts';
export { damaged, LastUnpacked } from './packed-images.ts';
