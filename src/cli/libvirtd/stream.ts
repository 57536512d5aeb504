/** A call that goes on: bytes both ways under its number, until one side ends it. */
export interface Stream {
  /** The caller sends; absent: it may not. @throws LibvirtError: the stream ends with it */
  receive?(bytes: Uint8Array): void;
  /** Begins, with what it says through. */
  begin(out: StreamOut): void;
  /** The caller has sent all: it gets an answer when that is stored. `end` is not called then. @throws LibvirtError */
  finish?(): Promise<void>;
  /** Either side has ended it, or the caller is gone. */
  end(): void;
}

export interface StreamOut {
  send(bytes: Uint8Array): void;
  /** There is no more. */
  finish(): void;
  /** What is to come cannot be read: the stream has ended. */
  fail(error: unknown): void;
  /** Few of the bytes that were sent wait for the caller. */
  drained(): Promise<void>;
}
