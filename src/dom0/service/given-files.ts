/** Files as what lies in a drive; of images that the page was given what is written outlives the guest (kept-writes.ts). */
import { keptWrites } from './parts.ts';
import { baseName, type NamedFile } from '../definitions/index.ts';
import { unpackedImage } from '../definitions/images/index.ts';
import { namesFiles } from '../host/files/index.ts';
import type { Medium } from '../../hypervisor/index.ts';
import type { KeepsWrites } from '../toolstack/index.ts';
import type { Storage } from '../host/storage/index.ts';
import type { KeepingParts, KeptWrites } from './kept-writes.ts';

interface Host {
  readonly parts: KeepingParts & { readsWhole?: boolean };
  readonly disk: { openDevices(): Promise<Storage | undefined> };
}

export class GivenFiles {
  private readonly host: Host;
  private kept: KeptWrites | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  /** A name under which something is kept is there when this was loaded for it. */
  readonly keep: KeepsWrites = (...given) => this.kept?.keep(...given);

  /** Loaded with the first image that is written. */
  async keptWrites(): Promise<KeptWrites> {
    const { KeptWrites } = await keptWrites.load();
    return (this.kept ??= new KeptWrites(this.host.parts, () => this.host.disk.openDevices()));
  }

  /** `isWritten`: the guest writes it. @throws Error with a sentence where it is packed and damaged */
  async mediumOf({ name, data: asGiven }: NamedFile, isWritten = false): Promise<Medium> {
    const data = await unpackedImage(name, asGiven);
    // A saved state finds it again by all its paths.
    const label = namesFiles(name) ? name : baseName(name);
    if (this.host.parts.readsWhole) return { name: label, bytes: new Uint8Array(await data.arrayBuffer()) };
    // What a browser gives has a time.
    const mayKeep = isWritten && 'lastModified' in asGiven;
    const keptAs = mayKeep ? await (await this.keptWrites()).nameFor(label, asGiven) : undefined;
    return { name: label, data, ...(keptAs === undefined ? {} : { keptAs }) };
  }

  /** The host's disk goes. */
  endAll(): void {
    this.kept?.endAll();
  }
}
