/** A write to xenstored for the page. At the command line it is a program of its own: xenstore-write (shell/xenstore.ts). */
import type { Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { MAX_PAYLOAD_BYTES, StoreError } from '../../backends/xenstore/index.ts';
import { command } from './command.ts';

export const storeWrite = command({
  summary: 'Write a value into xenstored, as Domain-0',
  usage: '<path> <value>',
  modifies: true,
  /** Fires the watches on it, though its value is the same. @throws Error with a sentence */
  run: (host: Uses<'tasks' | 'toolstack'>, path: string, value: string): Promise<void> =>
    host.tasks.run(commandOf('store-write', undefined, { path, value }), async task => {
      const { client } = host.toolstack.services,
        bytes = utf8(value),
        most = MAX_PAYLOAD_BYTES - path.length - 1;
      if (bytes.length > most)
        throw new Error(`A message of xenstored has room for a path and ${most} bytes of value: E2BIG.`);
      const before = refusable(path, () => client.read(path));
      refusable(path, () => client.write(path, bytes));
      task.message =
        before === undefined
          ? `${path} is new.`
          : before === bytes
            ? 'It had this value before; its watches fired all the same.'
            : `Before: ${before === '' ? 'empty' : fromUtf8(before)}.`;
    }),
});

/** What is typed as xenstored's client has it: a character is a byte. */
const utf8 = (text: string): string =>
  Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join('');
const fromUtf8 = (bytes: string): string =>
  new TextDecoder().decode(Uint8Array.from(bytes, byte => byte.charCodeAt(0)));

/** Does it, or says what xenstored refuses. */
function refusable<T>(path: string, does: () => T): T {
  try {
    return does();
  } catch (error) {
    if (error instanceof StoreError)
      throw new Error(
        `xenstored refuses ${path}: ${error.errno}. A path begins with / and has letters, digits, - _ @ and : between its slashes.`,
      );
    throw error;
  }
}
