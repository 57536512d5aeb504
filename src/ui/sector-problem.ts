/** Why a BIOS would not boot a program from the first sector of a disk. */

const SECTOR_BYTES = 512,
  SIGNATURE_AT = 510;

/** Where its code and data end: what is left is zeros. */
export function bytesUsed(program: Uint8Array): number {
  let end = Math.min(SIGNATURE_AT, program.length);
  while (end > 0 && program[end - 1] === 0) end--;
  return end;
}

/** A sentence with the next step; undefined: it boots. */
export function sectorProblem(program: Uint8Array): string | undefined {
  const isSigned = program[SIGNATURE_AT] === 0x55 && program[SIGNATURE_AT + 1] === 0xaa;
  const { length } = program;
  if (length > SECTOR_BYTES)
    return `The program has ${length} bytes, ${length - SECTOR_BYTES} more than a sector: ${SIGNATURE_AT} bytes of code and data and the two of the signature. Make it shorter.`;
  if (isSigned) return undefined;
  if (length > SIGNATURE_AT)
    return `The program has ${length} bytes, and the signature of a boot sector belongs into the bytes ${SIGNATURE_AT} and 511: make it shorter by ${length - SIGNATURE_AT}, and end it with dw 0aa55h.`;
  return `The program has ${length} ${length === 1 ? 'byte' : 'bytes'} and no signature, without which no BIOS boots a sector. End it with two lines: times 510-($-$$) db 0, and dw 0aa55h.`;
}
