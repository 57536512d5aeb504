/** Ways from this host to others, where its time is theirs, too. */

/** What browsers and node's packages have alike of WebSocket. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  /** Bytes are the socket's from then on, and so is their buffer. */
  send(message: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** What tabs and node have alike of BroadcastChannel. */
export interface TabsChannel {
  postMessage(message: unknown): void;
  onmessage: ((event: never) => void) | null;
  close(): void;
}

/** What of WebCrypto a pool needs. */
export type Subtle = Pick<SubtleCrypto, 'digest' | 'importKey' | 'deriveKey' | 'encrypt' | 'decrypt'>;

export interface Ways {
  /** @throws Error: no such address may be opened */
  webSocket(url: string): WebSocketLike;
  /** To other tabs of this browser; absent: there are none. */
  tabs?(name: string): TabsChannel;
  /** Absent: the one that is there, or by hand (pool/code.ts). */
  subtle?: Subtle;
  /** Bytes that nobody can guess. */
  random(count: number): Uint8Array;
}
