/**
 * Numbers of the remote framebuffer protocol. Sources: RFC 6143; of what QEMU adds, docs/interop and the community's rfbproto.rst, "QEMU Client Message",
 * "QEMU Pointer Motion Change Pseudo-encoding", "QEMU Extended Key Event Pseudo-encoding".
 */

/** What the other end sent is no RFB, or nothing that it may send; a sentence. */
export class RfbError extends Error {
  override name = 'RfbError';
}

/** The greeting of a server (RFC 6143, 7.1.1). */
export const VERSION = 'RFB 003.008\n';

/** Its minor version as what a client greets with is to be taken: 3, 7 or 8; what nobody knows is 3 (7.1.1). @throws RfbError */
export function readVersion(bytes: Uint8Array): 3 | 7 | 8 {
  const [, minor] = /^RFB 00\d\.(\d{3})\n$/.exec(String.fromCharCode(...bytes)) ?? [];
  if (minor === undefined) throw new RfbError('The client does not speak RFB.');
  return minor === '007' ? 7 : minor === '008' ? 8 : 3;
}

export const SECURITY = { INVALID: 0, NONE: 1, VNC_AUTHENTICATION: 2 } as const;
export const SECURITY_RESULT = { OK: 0, FAILED: 1 } as const;

export const CLIENT = {
  SET_PIXEL_FORMAT: 0,
  SET_ENCODINGS: 2,
  UPDATE_REQUEST: 3,
  KEY: 4,
  POINTER: 5,
  CUT_TEXT: 6,
  QEMU: 255,
} as const;
/** The kinds of the QEMU message; it has one for sound, too, which is not offered here. */
export const QEMU_KEY = 0;

export const SERVER = { UPDATE: 0, COLOUR_MAP: 1 } as const;

export const ENCODING = {
  RAW: 0,
  HEXTILE: 5,
  DESKTOP_SIZE: -223,
  /** Of a rectangle whose x says which: 1 places, 0 ways. */
  POINTER_MOTION: -257,
  EXTENDED_KEY: -258,
} as const;

/** The position that a client which sends relative moves reports when its pointer has not moved. */
export const RELATIVE_CENTRE = 0x7fff;
