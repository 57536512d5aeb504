/** The host's disk in the storage worker, as Domain 0's worker has it: what it asks is done when a call returns. */
import { BlockDevice, type BlockRequest, type Done, type Place } from '../../../formats/blocks/index.ts';
import type { DriveMedium, DriveNews, StorageDrives, StoredDisk } from './stored-disk.ts';
import type { StoreFile } from './store.ts';
import { type CommandWindow, WindowDrive } from './window-drive.ts';

/** What is asked of files and the disk besides bytes: their members, and those of the drives; with arguments and answers as JSON. */
type OfFiles = keyof Pick<
  StoreFile & StoredDisk,
  'bytes' | 'truncate' | 'close' | 'place' | 'share' | 'reclaim' | 'identify' | 'stored' | 'writtenBytes'
>;
const OF_DRIVES = ['attach', 'detach'] as const;
export type Member = OfFiles | (typeof OF_DRIVES)[number];

/** Of a window, what a file uses. */
export interface FileWindow {
  /** It is done when the call returns. @throws Error: it cannot be done, or nobody answers */
  carryOut(request: BlockRequest): void;
  /** @throws the same */
  call(member: Member, ...given: unknown[]): unknown;
}

/** What a disk uses. */
export interface DiskWindow extends FileWindow {
  readonly bytes: number;
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

  /** A caller that asks again meanwhile waits for the same answer: there is one. */
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
    this.window.call('attach', domain, place, medium);
    this.listeners.set(`${domain} ${place}`, heard);
  }

  detach(domain: number): void {
    for (const key of this.listeners.keys()) if (key.startsWith(`${domain} `)) this.listeners.delete(key);
    try {
      this.window.call('detach', domain);
    } catch {
      // It does not answer, and was ended: nothing is under way there any more.
    }
  }
}

/** What lies behind a window, asked and waited for. */
abstract class Windowed extends BlockDevice {
  abstract override readonly bytes: number;
  protected readonly window: FileWindow;

  constructor(window: FileWindow) {
    super({ immediate: true });
    this.window = window;
  }

  request(request: BlockRequest, done: Done): void {
    try {
      this.window.carryOut(request);
    } catch (error) {
      return done(error as Error);
    }
    done();
  }

  close(): void {
    this.window.call('close');
  }
}

export class WindowFile extends Windowed implements StoreFile {
  get bytes(): number {
    return this.window.call('bytes') as number;
  }

  truncate(bytes: number): void {
    this.window.call('truncate', bytes);
  }
}

export class WindowDisk extends Windowed implements StoredDisk {
  readonly bytes: number;
  readonly drives: StorageDrives;
  private readonly whole: DiskWindow;

  constructor(window: DiskWindow) {
    super(window);
    this.whole = window;
    this.bytes = window.bytes;
    this.drives = new WindowDrives(window);
  }

  share(from: number, to: number, bytes?: number): void {
    this.window.call('share', from, to, ...(bytes === undefined ? [] : [bytes]));
  }

  reclaim(most: number): number {
    return this.window.call('reclaim', most) as number;
  }

  identify(identity: number): void {
    this.window.call('identify', identity);
  }

  get stored(): StoredDisk['stored'] {
    return this.window.call('stored') as StoredDisk['stored'];
  }

  writtenBytes(at: number, bytes: number): number {
    return this.window.call('writtenBytes', at, bytes) as number;
  }

  override place(at: number): Place[] {
    return this.window.call('place', at) as Place[];
  }

  makeDrive(): WindowDrive {
    const drive = new WindowDrive(this, this.whole.commands);
    this.whole.whenLost(() => drive.lost());
    return drive;
  }
}

/** What a call answers, where the files are. @throws what the member does; Error: there is none */
export function answerCall(file: StoreFile | StoredDisk, drives: object | undefined, question: string): unknown {
  const [member, ...given] = JSON.parse(question) as [Member, ...unknown[]];
  const has: readonly string[] = OF_DRIVES;
  const owner = has.includes(member) ? drives : file;
  if (!owner || !(member in owner)) throw new Error(`The storage worker has no ${member}.`);
  const found: unknown = Reflect.get(owner, member);
  return typeof found === 'function' ? Reflect.apply(found, owner, given) : found;
}
