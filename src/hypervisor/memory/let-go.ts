/**
 * Memory that an engine would otherwise learn of only when it collects garbage. V8 begins to mark once buffers outside its heap have grown by some tens of MiB
 * (Heap::ReportExternalMemoryPressure), with threads of its own: while a guest moves that is several times, and the last time while it is paused.
 */

/** Of less nobody notices. */
const LEAST_BYTES = 64 * 1024;

/** What is sent by a port of a closed channel is nobody's, and gone. In place of ArrayBuffer.prototype.transfer(0), which node 20 does not have. */
let nowhere: MessagePort | undefined;

/** Nobody looks at it any more: it has no bytes from now on. */
export function letGo(buffer: ArrayBufferLike): void {
  if (buffer.byteLength < LEAST_BYTES || !(buffer instanceof ArrayBuffer)) return;
  if (!nowhere) {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    port1.close();
    nowhere = port1;
  }
  nowhere.postMessage(undefined, [buffer]);
}
