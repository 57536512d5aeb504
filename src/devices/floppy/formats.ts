/** Formats of floppy disks, by their sizes. Source: 82077AA datasheet, application note on formats; IBM technical references for drives and CMOS. */

export interface FloppyFormat {
  cylinders: number;
  heads: number;
  /** Sectors of 512 bytes in a track. */
  sectors: number;
  /** Data rate in kbit/s, in the drive that the disk is in. */
  rate: number;
  /** That drive's type in CMOS byte 10h. */
  drive: number;
}

/** Types of drives in CMOS byte 10h: 5.25 inches of 360 KB and 1.2 MB, 3.5 inches of 1.44 MB and 2.88 MB. */
const DRIVE = { K360: 1, M1_2: 2, M1_44: 4, M2_88: 5 } as const;
export const SECTOR_BYTES = 512;

const row = (cylinders: number, heads: number, sectors: number, rate: number, drive: number): FloppyFormat => ({
  cylinders,
  heads,
  sectors,
  rate,
  drive,
});
/**
 * 160, 180, 320, 360 KB; 720 KB; 1.2 MB; 1.44 MB; 2.88 MB. Then what drives of 3.5 inches take beyond IBM's formats: shorter gaps, up to 83 cylinders (Microsoft's
 * DMF has 80 of 21 sectors; Linux's floppy driver lists the others, linux/fd.h).
 */
export const FLOPPY_FORMATS: readonly FloppyFormat[] = [
  row(40, 1, 8, 250, DRIVE.K360),
  row(40, 1, 9, 250, DRIVE.K360),
  row(40, 2, 8, 250, DRIVE.K360),
  row(40, 2, 9, 250, DRIVE.K360),
  row(80, 2, 9, 250, DRIVE.M1_44),
  row(80, 2, 15, 500, DRIVE.M1_2),
  row(80, 2, 18, 500, DRIVE.M1_44),
  row(80, 2, 36, 1000, DRIVE.M2_88),
  row(80, 2, 10, 250, DRIVE.M1_44),
  row(82, 2, 10, 250, DRIVE.M1_44),
  row(82, 2, 18, 500, DRIVE.M1_44),
  row(80, 2, 20, 500, DRIVE.M1_44),
  row(82, 2, 20, 500, DRIVE.M1_44),
  row(80, 2, 21, 500, DRIVE.M1_44),
  row(82, 2, 21, 500, DRIVE.M1_44),
  row(83, 2, 21, 500, DRIVE.M1_44),
];

const bytesOf = ({ cylinders, heads, sectors }: FloppyFormat): number => cylinders * heads * sectors * SECTOR_BYTES;
const BY_SIZE = new Map(FLOPPY_FORMATS.map(format => [bytesOf(format), format]));

/** What a shorter image is copied onto: images of boot disks often end behind their last used sector (Debian's grub-rescue-floppy.img). */
const CUT_OFF = [80 * 2 * 18, 80 * 2 * 36].map(sectors => sectors * SECTOR_BYTES);

/** The format of an image of this many bytes, or of the disk that it is the beginning of; undefined: floppy disks have no such size. */
export function floppyFormat(bytes: number): FloppyFormat | undefined {
  if (bytes === 0) return undefined;
  return BY_SIZE.get(bytes) ?? BY_SIZE.get(CUT_OFF.find(size => bytes < size) ?? 0);
}

/** Whether floppy disks have this size in bytes. */
export const isFloppySize = (bytes: number): boolean => BY_SIZE.has(bytes);

/** Why an image of this many bytes cannot be a floppy disk, and what to do; undefined: it can. */
export function floppyProblem(bytes: number): string | undefined {
  if (floppyFormat(bytes)) return undefined;
  const sizes = [...BY_SIZE.keys()].map(size => size / 1024).sort((a, b) => a - b);
  return `has ${bytes} bytes, and a floppy disk has ${sizes.slice(0, -1).join(', ')} or ${sizes.at(-1)} KiB, or is the beginning of one. Give an image of one of these sizes, or attach it as a disk.`;
}

/** CMOS byte 10h for the drives A and B: the type of the drive in which a disk of `format` is; a drive without a disk is one of 1.44 MB, no drive is 0. */
export const driveType = (disk: { bytes: number } | null | undefined): number =>
  disk === undefined ? 0 : ((disk && floppyFormat(disk.bytes)?.drive) ?? DRIVE.M1_44);
