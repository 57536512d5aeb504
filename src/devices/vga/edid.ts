/**
 * What the adapter's monitor says of itself: one block of EDID, as QEMU's standard VGA has it at the start of BAR 2 and BIOSes give it by INT 10h, 4F15h.
 * Source: VESA E-EDID Standard, release A2 (EDID 1.4), section 3; VESA DMT for the timing of 1024 × 768; QEMU, docs/specs/standard-vga.
 */

/** Three letters of five bits, A = 1 (section 3.4.1). */
const manufacturer = (id: string): number[] => {
  const bits = [...id].reduce((sum, letter) => (sum << 5) | (letter.charCodeAt(0) - 64), 0);
  return [bits >> 8, bits & 0xff];
};

/** A standard timing of 60 Hz (section 3.9): columns, and the aspect ratio, which says the lines. */
const ASPECT = { '16:10': 0, '4:3': 1, '5:4': 2, '16:9': 3 };
const timing = (columns: number, aspect: keyof typeof ASPECT): number[] => [columns / 8 - 31, ASPECT[aspect] << 6];

/** The preferred timing, 1024 × 768 at 60 Hz with 65 MHz (section 3.10.2; DMT 10h): the size at which a screen of QEMU starts, 260 × 195 mm. */
const PREFERRED = [
  0x64, 0x19, 0x00, 0x40, 0x41, 0x00, 0x26, 0x30, 0x18, 0x88, 0x36, 0x00, 0x04, 0xc3, 0x10, 0x00, 0x00, 0x18,
];

/** A descriptor of 18 bytes with a text or numbers (section 3.10.3). */
const descriptor = (tag: number, bytes: readonly number[]): number[] =>
  [0, 0, 0, tag, 0, ...bytes, ...new Array<number>(13).fill(0x20)].slice(0, 18);
const text = (words: string): number[] => [...`${words}\n`].map(letter => letter.charCodeAt(0));

const TAG_RANGE = 0xfd,
  TAG_NAME = 0xfc,
  TAG_DUMMY = 0x10;

function block(): Uint8Array {
  const bytes = Uint8Array.from([
    ...[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
    // Maker, product, serial number, week and year (2026), EDID 1.4.
    ...[...manufacturer('RSD'), 0x11, 0x11, 0, 0, 0, 0, 0, 36, 1, 4],
    // Digital with 8 bits a colour, 26 × 20 cm, gamma 2.2, sRGB and the preferred timing is the panel's own.
    ...[0xa0, 26, 20, 120, 0x06],
    // The chromaticities of sRGB (section 3.7).
    ...[0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54],
    // Established timings: 640 × 480, 800 × 600 and 1024 × 768 at 60 Hz.
    ...[0x21, 0x08, 0x00],
    ...[...timing(1280, '5:4'), ...timing(1280, '16:10'), ...timing(1600, '4:3'), ...timing(1920, '16:9')],
    ...[...timing(1440, '16:10'), ...timing(1680, '16:10'), ...timing(1280, '16:9'), ...timing(1920, '16:10')],
    ...PREFERRED,
    // 50 to 125 Hz, 30 to 160 kHz, up to 2550 MHz; no other formula.
    ...descriptor(TAG_RANGE, [50, 125, 30, 160, 255, 1, 0x0a]),
    ...descriptor(TAG_NAME, text('Ringside')),
    ...descriptor(TAG_DUMMY, new Array<number>(13).fill(0)),
    0,
    0,
  ]);
  bytes[127] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return bytes;
}

export const EDID = block();
