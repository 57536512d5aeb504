/** The host's disk in the storage worker, as Domain 0's worker has it: what it asks is done when a call returns. */
import { ImmediateDevice, type Place } from '../../../formats/blocks/index.ts';
import type { DriveMedium, DriveNews, StorageDrives, StoredDisk } from './stored-disk.ts';
import { type CommandWindow, WindowDrive } from './window-drive.ts';

/** What is asked of the disk besides what files know, with its answer as JSON. */
export type DiskCall =
  | { call: 'discard'; at: number; bytes: number }
  | { call: 'share'; from: number; to: number; bytes?: number }
  | { call: 'reclaim'; most: number }
  | { call: 'stored' }
  | { call: 'writtenBytes'; at: number; bytes: number }
  | { call: 'place'; at: number }
  | { call: 'attach'; domain: number; place: number; medium: DriveMedium }
  | { call: 'detach'; domain: number };

/** Of a window, what is used. */
export interface DiskWindow {
  readonly bytes: number;
  read(at: number, into: Uint8Array): void;
  write(at: number, from: Uint8Array): void;
  flush(): void;
  close(): void;
  call(call: DiskCall): unknown;
  /** Tells the storage worker of machine memory. */
  begin(memory: SharedArrayBuffer): Promise<void>;
  /** Commands of the disk's adapter. */
  readonly commands: CommandWindow;
  /** Whom the storage worker's news are for. */
  heard(listener: (news: DriveNews) => void): void;
  /** The storage worker has ended, or answers no more. */
  whenLost(listener: (sentence: string) => void): void;
}

class WindowDrives implements StorageDrives {
  memory: SharedArrayBuffer | undefined;
  private begun: { memory: SharedArrayBuffer; done: Promise<void> } | undefined;
  private readonly window: DiskWindow;
  /** By domain and place. */
  private readonly listeners = new Map<string, (news: DriveNews) => void>();

  constructor(window: DiskWindow) {
    this.window = window;
    window.heard(news => this.listeners.get(`${news.domain} ${news.place}`)?.(news));
    window.whenLost(sentence => {
      this.memory = undefined;
      for (const [key, listener] of this.listeners) {
        const [domain, place] = key.split(' ').map(Number);
        listener({ domain, place, waits: false, sentence, lost: true });
      }
      this.listeners.clear();
    });
  }

  /** Whoever asks again meanwhile waits for the same answer: there is one. */
  begin(memory: SharedArrayBuffer): Promise<void> {
    if (this.begun?.memory !== memory)
      this.begun = {
        memory,
        done: this.window.begin(memory).then(() => {
          this.memory = memory;
        }),
      };
    return this.begun.done;
  }

  attach(domain: number, place: number, medium: DriveMedium, heard: (news: DriveNews) => void): void {
    this.window.call({ call: 'attach', domain, place, medium });
    this.listeners.set(`${domain} ${place}`, heard);
  }

  detach(domain: number): void {
    for (const key of this.listeners.keys()) if (key.startsWith(`${domain} `)) this.listeners.delete(key);
    try {
      this.window.call({ call: 'detach', domain });
    } catch {
      // It does not answer, and was ended: nothing is under way there any more.
    }
  }
}

export class WindowDisk extends ImmediateDevice implements StoredDisk {
  readonly bytes: number;
  readonly drives: StorageDrives;
  private readonly window: DiskWindow;

  constructor(window: DiskWindow) {
    super();
    this.window = window;
    this.bytes = window.bytes;
    this.drives = new WindowDrives(window);
  }

  read(at: number, into: Uint8Array): void {
    this.window.read(at, into);
  }

  override write(at: number, from: Uint8Array): void {
    this.window.write(at, from);
  }

  override flush(): void {
    this.window.flush();
  }

  override discard(at: number, bytes: number): void {
    this.window.call({ call: 'discard', at, bytes });
  }

  share(from: number, to: number, bytes?: number): void {
    this.window.call({ call: 'share', from, to, ...(bytes === undefined ? {} : { bytes }) });
  }

  reclaim(most: number): number {
    return this.window.call({ call: 'reclaim', most }) as number;
  }

  get stored(): StoredDisk['stored'] {
    return this.window.call({ call: 'stored' }) as StoredDisk['stored'];
  }

  writtenBytes(at: number, bytes: number): number {
    return this.window.call({ call: 'writtenBytes', at, bytes }) as number;
  }

  override place(at: number): Place[] {
    return this.window.call({ call: 'place', at }) as Place[];
  }

  makeDrive(): WindowDrive {
    const drive = new WindowDrive(this, this.window.commands);
    this.window.whenLost(() => drive.lost());
    return drive;
  }

  close(): void {
    this.window.close();
  }
}

/** What a call answers, where the disk is. */
export function answerCall(
  disk: StoredDisk,
  drives:
    | (Pick<StorageDrives, 'detach'> & { attach(domain: number, place: number, medium: DriveMedium): void })
    | undefined,
  asked: DiskCall,
): unknown {
  switch (asked.call) {
    case 'discard':
      return disk.discard(asked.at, asked.bytes);
    case 'share':
      return disk.share(asked.from, asked.to, asked.bytes);
    case 'reclaim':
      return disk.reclaim(asked.most);
    case 'stored':
      return disk.stored;
    case 'writtenBytes':
      return disk.writtenBytes(asked.at, asked.bytes);
    case 'place':
      return disk.place(asked.at);
    case 'attach':
      if (!drives) throw new Error('The storage worker was told of no machine.');
      return drives.attach(asked.domain, asked.place, asked.medium);
    case 'detach':
      return drives?.detach(asked.domain);
  }
}
