/** A guest that writes to its first IDE disk for ever, and tells what is durable. */

/** mov dx, port; mov al, value; out dx, al */
const out = (port: number, value: number): number[] => [0x66, 0xba, port & 255, port >> 8, 0xb0, value, 0xee];
/** mov dx, 0x1f7; in al, dx; test al, mask; jz or jnz back to the IN */
const until = (mask: number, jump: number): number[] => [0x66, 0xba, 0xf7, 0x01, 0xec, 0xa8, mask, jump, 0xfb];
const notBusy = until(0x80, 0x75),
  dataRequest = until(0x08, 0x74);
/** For n = 1, 2, …: fills sector n mod 256 with n, flushes, and shows a dot when the drive says that it is durable. */
const body = [
  0x43, // inc ebx
  ...notBusy,
  ...out(0x1f6, 0xe0),
  ...out(0x1f2, 1),
  0x66,
  0xba,
  0xf3,
  0x01,
  0x88,
  0xd8,
  0xee, // mov dx, 0x1f3; mov al, bl; out
  ...out(0x1f4, 0),
  ...out(0x1f5, 0),
  ...out(0x1f7, 0x30),
  ...dataRequest,
  0x66,
  0xba,
  0xf0,
  0x01,
  0xb9,
  128,
  0,
  0,
  0,
  0x89,
  0xd8,
  0xef,
  0xe2,
  0xfd, // mov dx, 0x1f0; mov ecx, 128; mov eax, ebx; out dx, eax; loop
  ...notBusy,
  ...out(0x1f7, 0xe7),
  ...notBusy,
  ...out(0x3f8, 0x2e),
];
const program = [0x31, 0xdb, ...body, 0xe9, ...new Uint8Array(Int32Array.of(-(body.length + 5)).buffer)];

/** A multiboot 1 kernel of these bytes. */
function kernel(code: number[]): Uint8Array {
  const bytes = new Uint8Array(0x20 + code.length);
  const view = new DataView(bytes.buffer);
  [
    0x1badb002,
    0x10000,
    -(0x1badb002 + 0x10000),
    0x100000,
    0x100000,
    0x100000 + bytes.length,
    0x100000 + bytes.length,
    0x100020,
  ].forEach((word, i) => view.setInt32(i * 4, word | 0, true));
  bytes.set(code, 0x20);
  return bytes;
}

/** For n = 1, 2, …: sector n mod 256 gets n in each of its words; a dot on the serial line when the drive says that it is durable. */
export const writerKernel: Uint8Array = kernel(program);

/** What a disk of that guest holds after it showed `dots`; the first thing that contradicts it, in words. `bytes`: its first 256 sectors. */
export function writerProblem(bytes: Uint8Array, dots: number): string | undefined {
  const words = new Uint32Array(bytes.slice(0, 256 * 512).buffer);
  for (let sector = 0; sector < 256; sector++) {
    const part = words.subarray(sector * 128, sector * 128 + 128);
    const [n] = part;
    if (part.some(word => word !== n)) return `sector ${sector} is of two writes`;
    if (n > 0 && n % 256 !== sector) return `sector ${sector} has ${n}, which belongs elsewhere`;
  }
  for (let n = Math.max(1, dots - 255); n <= dots; n++)
    if (words[(n % 256) * 128] < n)
      return `write ${n} of ${dots} that were acknowledged is missing: there is ${words[(n % 256) * 128]}`;
  return undefined;
}
