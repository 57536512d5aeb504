/** A call that goes on: bytes both ways under its number, until one side ends it. */
export interface Stream {
  /** The caller sends; absent: it may not. */
  receive?(bytes: Uint8Array): void;
  /** Begins, with what it says through. */
  begin(out: StreamOut): void;
  /** Either side has ended it, or the caller is gone. */
  end(): void;
}

export interface StreamOut {
  send(bytes: Uint8Array): void;
  /** There is no more. */
  finish(): void;
}
