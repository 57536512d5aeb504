/** A store in which bits are flipped; its files are short, since each flip makes new ones. */
import { MemoryFile, type Store, type StoreFile } from './store.ts';

const FILE_BYTES = 4096;

export class FlippedStore implements Store {
  readonly where = 'a store in which a bit is flipped';
  readonly outlivesHost = true;
  readonly files = new Map<string, MemoryFile>();
  /** The file that somebody tried to change since its bit was flipped, whatever became of the error. */
  changed: string | undefined;

  async open(name: string): Promise<StoreFile> {
    const file = this.files.get(name) ?? new MemoryFile(FILE_BYTES);
    this.files.set(name, file);
    return file;
  }

  /** The same with bit `bit` of a file flipped; each change of it is an error from then on. Nothing here is changed. */
  flipped(name: string, bit: number): FlippedStore {
    const copy = new FlippedStore();
    for (const [each, file] of this.files) copy.files.set(each, file.copy());
    const file = copy.files.get(name)!;
    const byte = new Uint8Array(1);
    file.read(bit >> 3, byte);
    byte[0] ^= 1 << (bit & 7);
    file.write(bit >> 3, byte);
    for (const [each, flipped] of copy.files) {
      const refuse = (): never => {
        copy.changed = each;
        throw new Error(`reading a state wrote to ${each}`);
      };
      Object.assign(flipped, { write: refuse, truncate: refuse });
    }
    return copy;
  }
}
