export { ByteSink } from './byte-sink.ts';
export { type ClientMessage, readClientMessage, type Reading } from './client-messages.ts';
export { copyRectangle, changedRectangles, fitted, type Picture, type Rectangle } from './changes.ts';
export { encodeHextile } from './hextile.ts';
export { colourMap, formatBytes, OWN_FORMAT, type PixelFormat, Pixels, readFormat } from './pixels.ts';
export {
  CLIENT,
  ENCODING,
  readVersion,
  RELATIVE_CENTRE,
  RfbError,
  SECURITY,
  SECURITY_RESULT,
  VERSION,
} from './protocol.ts';
export { putHead, putUpdate, rawRectangle } from './updates.ts';
