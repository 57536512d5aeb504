/** A guest's medium as a boot loader reads it: bytes by their offset. */
import { attachDrives, type Medium, type OpenMedium } from '../../../hypervisor/index.ts';
import type { Readable } from '../../../formats/file-systems/index.ts';

/** `kind`: what drive it would lie in. @throws Error with a sentence: it cannot be opened, or, from `read`, be read there */
export function readableOf(medium: Medium, kind: 'disk' | 'cdrom', openMedium: OpenMedium): Readable {
  let problem: string | undefined;
  const [{ disk }] = attachDrives([{ place: -1, kind, readOnly: true, medium }], openMedium, sentence => {
    problem = sentence;
  });
  if (!disk) throw new Error(`${medium.name} cannot be opened.`);
  const { sectorBytes, sectors } = disk;
  return {
    bytes: sectors * sectorBytes,
    read: (at, into) => {
      const first = Math.floor(at / sectorBytes),
        last = Math.ceil((at + into.length) / sectorBytes);
      const whole = new Uint8Array((last - first) * sectorBytes);
      let good = false;
      disk.read(first, [whole], ok => {
        good = ok;
      });
      if (!good) throw new Error(problem ?? `${medium.name} cannot be read at byte ${at}.`);
      into.set(whole.subarray(at - first * sectorBytes, at - first * sectorBytes + into.length));
    },
  };
}
