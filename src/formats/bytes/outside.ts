/**
 * Work that the browser or node does elsewhere: reading a file, WebCrypto, loading a part of the program. It ends at a turn of the event loop that nothing here
 * decides. A host whose clock only moves when it is moved waits for it (lessons/experiments/stepped-host.ts), so that a run is the same wherever it runs.
 */
let underWay = 0;

/** The same promise; `isAnythingOutside` is true until it has ended. */
export async function outside<T>(work: Promise<T>): Promise<T> {
  underWay++;
  try {
    return await work;
  } finally {
    underWay--;
  }
}

/** Whether any work that `outside` knows of has not ended. */
export const isAnythingOutside = (): boolean => underWay > 0;

/** @throws DOMException: the file cannot be read any more */
export const readBlob = async (data: Blob): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await outside(data.arrayBuffer()));
