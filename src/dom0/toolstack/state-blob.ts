/** A file that grows by pieces, as a saved state does: browsers keep blobs out of their heaps, and large ones on the disk. */

/** This many bytes become a blob of their own. */
const BLOB_BYTES = 2 ** 24;

export class StateBlob {
  private readonly blobs: Blob[] = [];
  private pieces: Uint8Array[] = [];
  private bytes = 0;

  readonly put = (piece: Uint8Array): void => {
    this.pieces.push(piece);
    this.bytes += piece.length;
    if (this.bytes >= BLOB_BYTES) this.seal();
  };

  whole(): Blob {
    this.seal();
    return new Blob(this.blobs, { type: 'application/octet-stream' });
  }

  private seal(): void {
    if (this.bytes > 0) this.blobs.push(new Blob(this.pieces as BlobPart[]));
    this.pieces = [];
    this.bytes = 0;
  }
}
