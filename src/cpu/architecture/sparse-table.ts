/** Large tables of a processor, and memory of a device, most of which is never touched. */

/**
 * This many words, all 0, in which untouched pages cost nothing.
 *
 * In shared memory where there is such, though one thread alone has them: V8 takes the whole length of an ArrayBuffer for memory in use, and begins to mark all
 * objects at each 64 MiB (Heap::ReportExternalMemoryPressure), so once or twice for each processor. Its pages come when they are written: 16 MiB of an
 * ArrayBuffer took 2.4 ms of processor time in node, and 0.1 ms so. `fill` is slower there (V8 writes word by word).
 */
export const sparseTable = (words: number): Int32Array =>
  new Int32Array(
    typeof SharedArrayBuffer === 'function' ? new SharedArrayBuffer(words * 4) : new ArrayBuffer(words * 4),
  );
