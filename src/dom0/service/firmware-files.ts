/** Ringside's BIOS, and SeaBIOS with its VGA BIOS where they were fetched, as the page's server has them. */
export interface FirmwareFiles {
  own: { name: string; url: string };
  seabios?: { bios: { name: string; url: string }; vgaBios: { name: string; url: string } };
  /** iPXE, by the names of its files. */
  roms?: { name: string; url: string }[];
}
