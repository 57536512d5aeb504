/**
 * What a command of just-bash reads. It is a string with a character for each byte, which its types keep opaque (ByteString), and the bundle for browsers exports
 * no way to open it.
 */
import type { ResolvedCommandContext } from 'just-bash/browser';

type Reading = Pick<ResolvedCommandContext, 'stdin'>;

/** As `exec` takes it, with `stdinKind: 'bytes'`. */
export const latin1Of = (stdin: Reading['stdin']): string => stdin as unknown as string;

export const bytesRead = ({ stdin }: Reading): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(latin1Of(stdin), character => character.charCodeAt(0));
