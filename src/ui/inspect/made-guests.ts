/** Guests that a comparison makes, types at, and takes away again. */
import type { DomainInfo, NamedFile } from '../../dom0/service/index.ts';

const PATIENCE_MS = 60_000,
  LOOK_MS = 25;

/** What making guests needs of the page; everything rejects with a sentence. */
export interface GuestMaker {
  create(files: NamedFile[]): Promise<DomainInfo>;
  destroy(id: number): Promise<void>;
  /** A console of the domain. */
  open(id: number): Promise<MessagePort>;
  /** The kernel. */
  kernel(): Promise<Blob>;
  /** Why the domain goes on no more; undefined: it does. */
  ended(id: number): string | undefined;
  sleep(ms: number): Promise<void>;
}

/** One of them, with its console. */
export class MadeGuest {
  readonly domain: DomainInfo;
  private readonly maker: GuestMaker;
  private readonly port: MessagePort;
  private readonly signal: AbortSignal;
  private text = '';

  constructor(maker: GuestMaker, domain: DomainInfo, port: MessagePort, signal: AbortSignal) {
    this.maker = maker;
    this.domain = domain;
    this.port = port;
    this.signal = signal;
    const decoder = new TextDecoder('latin1');
    port.onmessage = ({ data }: MessageEvent<{ serial?: Uint8Array }>) => {
      if (data.serial) this.text += decoder.decode(data.serial);
    };
  }

  /** Waits for what it says. @throws Error with a sentence where it ends or stays silent */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    const { maker, domain } = this;
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
      this.signal.throwIfAborted();
      const found = pattern.exec(this.text);
      if (found) {
        this.text = this.text.slice(found.index + found[0].length);
        return found;
      }
      const why = maker.ended(domain.id);
      if (why !== undefined) throw new Error(`${domain.name} ended before it was done (${why}). Run again.`);
      await maker.sleep(LOOK_MS);
    }
    throw new Error(
      `${domain.name} has said nothing for ${PATIENCE_MS / 1000} s. See that it is not paused and that time goes on, and run again.`,
    );
  }

  /** Types; a line ends with a carriage return. */
  type(text: string): void {
    this.port.postMessage({ serial: new TextEncoder().encode(text) });
  }

  close(): void {
    this.port.close();
  }
}
