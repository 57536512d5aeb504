/** Domain 0's files as commands name them: read, judged, and as what lies in domains' drives. */
import type { Medium } from '../../hypervisor/index.ts';
import type { NamedFile, Plan, ReadFiles } from '../definitions/index.ts';
import {
  type AllowedFiles,
  fileSharing,
  type HostFiles,
  namesFiles,
  pathsIn,
  spellFiles,
} from '../host/files/index.ts';
import type { BaseImage } from '../host/storage/index.ts';
import type { FileService } from '../toolstack/index.ts';
import type { FirmwareFiles } from './firmware-files.ts';
import { GivenFiles } from './given-files.ts';
import type { HostParts } from './host-parts.ts';
import type { Images } from './images.ts';
import type { KeptWrites } from './kept-writes.ts';
import { images } from './parts.ts';
import { Reading, type ReadingHost } from './reading.ts';

/** Paths of definitions begin at the root. */
const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`);

export class FileServiceOfDom0 implements FileService {
  readonly own: HostFiles | undefined;
  readonly allowed: AllowedFiles | undefined;
  readonly given: GivenFiles;
  private allImages: Images | undefined;
  private readonly reading: Reading;

  constructor(host: ReadingHost & { readonly parts: HostParts }) {
    this.own = host.parts.files;
    this.allowed = host.parts.allowed;
    this.given = new GivenFiles(host);
    this.reading = new Reading(host);
  }

  async offerFirmware(files: FirmwareFiles): Promise<void> {
    this.reading.firmwareFiles = files;
  }

  async plan(files: NamedFile[]): Promise<Plan> {
    return this.reading.plan(files);
  }

  /** Nobody waits for the judgement under way any more: it ends with an error. */
  async cancelPlan(): Promise<void> {
    this.reading.cancel();
  }

  /** What is decided on them comes after it in one go: others may create domains meanwhile. */
  read(files: NamedFile[]): Promise<ReadFiles> {
    return this.reading.read(files);
  }

  async readFile(path: string): Promise<Blob> {
    const { own } = this;
    if (!own) throw new Error(`${path}: Domain 0 has no files here.`);
    if (namesFiles(path)) return (await fileSharing.load()).cdOfFiles(own, spellFiles(pathsIn(path).map(absolute)));
    return new Blob([(await own.readFileBuffer(absolute(path))) as BlobPart]);
  }

  async realPath(path: string): Promise<string> {
    return (await this.own?.realpath(absolute(path)).catch(() => undefined)) ?? absolute(path);
  }

  async removeFile(path: string): Promise<void> {
    await this.own?.rm(absolute(path));
  }

  /** Loaded with the host's disk, or for the first image that is opened. */
  async images(): Promise<Images> {
    const { Images } = await images.load();
    return (this.allImages ??= new Images(this));
  }

  async openImage(path: string): Promise<BaseImage> {
    return (await this.images()).open(path);
  }

  mediumOf(file: NamedFile, isWritten?: boolean): Promise<Medium> {
    return this.given.mediumOf(file, isWritten);
  }

  keptWrites(): Promise<KeptWrites> {
    return this.given.keptWrites();
  }
}
