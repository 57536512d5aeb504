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
  startedUnsigned,
  unsignedWarning,
} from './images.ts';
export { PACKED_HEAD_BYTES, unpackedImage } from './packed.ts';
export { damaged, LastUnpacked } from './packed-images.ts';
