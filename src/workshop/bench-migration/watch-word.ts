/** A thread that looks at a word of a guest four times a millisecond, and says when it changed (beats.ts). */
import { openSync, readSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { CONTROL, KEPT, type Source, type WatchedWord } from './beats.ts';

const LOOK_MS = 0.25;

/** Reads the word; undefined: it lies nowhere now. */
function reader(source: Source, control: Int32Array): () => number | undefined {
  if ('memory' in source) {
    const words = new Int32Array(source.memory);
    return () => {
      const word = Atomics.load(control, CONTROL.WORD);
      return word < 0 ? undefined : words[word]! >>> 0;
    };
  }
  const bytes = Buffer.alloc(4);
  const file = openSync(source.file, 'r');
  return () => {
    readSync(file, bytes, 0, 4, source.offset);
    return bytes.readUInt32LE(0);
  };
}

const { source, control, changes } = workerData as WatchedWord;
const read = reader(source, control);
for (let before: number | undefined; Atomics.load(control, CONTROL.ENDS) === 0; ) {
  const value = read();
  if (value !== before && value !== undefined) {
    const at = 1 + 2 * (changes[0]! % KEPT);
    changes[at] = Number(process.hrtime.bigint()) / 1e6;
    changes[at + 1] = value;
    changes[0]!++;
  }
  before = value;
  Atomics.wait(control, CONTROL.ENDS, 0, LOOK_MS);
}
