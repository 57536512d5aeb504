/**
 * Numbers of virtual disks: what a front end finds its disk under, and names its device after.
 * Source: Xen's docs/man/xen-vbd-interface.7.pandoc; libxl__device_disk_dev_number.
 */

const IDE_MAJOR = 3,
  IDE_SECOND_MAJOR = 22,
  SCSI_MAJOR = 8,
  XVD_MAJOR = 202;
const EXTENDED = 1 << 28;

/** xvda is 51712, as are 51712 and 0xca00, hda 768, sda 2048, d5p1 like xvdf1; undefined: there is no such disk. */
export function deviceNumber(vdev: string): number | undefined {
  const numbered = /^d(\d{1,5})(?:p(\d{1,3}))?$/.exec(vdev),
    lettered = /^(xvd|hd|sd)([a-z]{1,4})(\d{0,3})$/.exec(vdev);
  // As libxl does: a number is one.
  if (/^(0x[0-9a-f]+|[1-9]\d*)$/i.test(vdev)) return Number(vdev) < 2 ** 31 ? Number(vdev) : undefined;
  if (numbered) return xvd(Number(numbered[1]), Number(numbered[2] ?? 0));
  if (!lettered) return undefined;
  const [, bus, letters, digits] = lettered;
  let disk = 0;
  for (const letter of letters) disk = disk * 26 + letter.charCodeAt(0) - 96;
  disk--;
  const partition = Number(digits);
  if (bus === 'xvd') return xvd(disk, partition);
  if (bus === 'hd')
    return disk > 3 || partition > 63
      ? undefined
      : ((disk < 2 ? IDE_MAJOR : IDE_SECOND_MAJOR) << 8) | ((disk & 1) << 6) | partition;
  return disk > 15 || partition > 15 ? undefined : (SCSI_MAJOR << 8) | (disk << 4) | partition;
}

function xvd(disk: number, partition: number): number | undefined {
  if (disk <= 15 && partition <= 15) return (XVD_MAJOR << 8) | (disk << 4) | partition;
  return disk < 1 << 20 && partition <= 255 ? EXTENDED | (disk << 8) | partition : undefined;
}
