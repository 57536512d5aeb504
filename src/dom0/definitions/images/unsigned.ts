/** Disks whose first sector does not end in 55 AA: which of them is started all the same, and what is said of one that is not. */
import { notBootable } from '../recognise/index.ts';
import { hasProgram, type ImageKind, type ImageProblem, isBootable, NO_SIGNATURE } from './images.ts';

interface Medium {
  kind: ImageKind;
  head: Uint8Array;
  name: string;
}

const baseName = (path: string): string => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);

/**
 * Of media that firmware is to try, the one that is started although its first sector does not end in 55 AA, since none is better; undefined: there is none.
 * SeaBIOS does so with floppy disks alone. What is noise, a file system or another product's is no program.
 */
export const startedUnsigned = <M extends Medium>(media: readonly M[], isSeaBios: boolean): M | undefined =>
  media.some(({ kind, head }) => isBootable(kind, head))
    ? undefined
    : media.find(
        ({ kind, head, name }) =>
          kind !== 'cdrom' &&
          (kind === 'floppy' || !isSeaBios) &&
          hasProgram(head) &&
          notBootable(baseName(name), head) === undefined,
      );

/** What is said of such a medium; `write`: how one says that it is meant so. */
export const unsignedWarning = (name: string, write: string): string =>
  `${name} is started although ${NO_SIGNATURE}, and a PC's BIOS would not start it. Write ${write} to say that it is meant so.`;

/** Why a disk is not started; `otherwise`: what else can be given, and how one says that it is meant so. */
export function unsignedProblem(name: string, head: Uint8Array, otherwise: string): ImageProblem {
  const what = notBootable(baseName(name), head);
  return {
    short: what?.short ?? 'not bootable',
    text: `${what?.text ?? `${name} is not bootable: ${NO_SIGNATURE}.`} ${otherwise}`,
  };
}
