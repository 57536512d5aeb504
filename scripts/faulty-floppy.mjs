/** A floppy disk whose boot sector ends in a triple fault: for the post-mortem's picture and its test. */

/** Says so, makes 256 gates at 8400h without bit 47, and does MOV DS, 28h in protected mode (`ndisasm -o 7c00h`). */
const FAULTY = Buffer.from(
  'fa31c08ed88ec08ed0bc007cbe6e7cac08c07406b40ecd10ebf5bf0084b90001b86d7cabb80800abb8000eab31c0abe2ef0f0116b47c0f011eba7c0f20c00c010f22c0ea487c080066b810008ed88ec08ed0bcf0fb09006a00e801000000f45589e553b82000000083c0088ed8cf6c61622d6661756c743a203235362067617465732c2073656c6563746f72203238680d0a00900000000000000000ffff0000009acf00ffff00000092cf0000000000000000001f00947c0000ff070084',
  'hex',
);
export const faultyFloppy = () => {
  const image = Buffer.alloc(160 * 1024);
  FAULTY.copy(image);
  image.writeUInt16LE(0xaa55, 510);
  return image;
};
