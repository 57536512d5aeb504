/** Images among Domain 0's files, opened as disks: those under overlays, and any that is asked for. */
import { noMedia } from '../../hypervisor/index.ts';
import { crc32 } from '../../formats/unpack/index.ts';
import { backend, loadBackends } from '../backends/index.ts';
import { baseName } from '../definitions/index.ts';
import { HEAD_BYTES, imageProblem, packingOfFile, unpackedImage } from '../definitions/images/index.ts';
import { type BaseImage, isGiven, type Storage } from '../host/storage/index.ts';
import type { FileService } from '../toolstack/index.ts';

export class Images {
  private readonly files: Pick<FileService, 'own' | 'readFile' | 'openImage'>;
  /** Those under overlays by their paths: for which disk, and as of which time and size, they were read or are being read. */
  private readonly images = new Map<string, { storage: Storage; stamp: string | undefined; read: Promise<void> }>();

  constructor(files: Pick<FileService, 'own' | 'readFile' | 'openImage'>) {
    this.files = files;
  }

  /** Images under overlays, as they are now. */
  async find(storage: Storage): Promise<void> {
    const { images } = this;
    for (const path of new Set([
      ...storage.overlayHeaders.map(({ header }) => header.path).filter(path => !isGiven(path)),
      ...storage.qcow2.filesBelow,
    ])) {
      const stat = await this.files.own?.stat(path).catch(() => undefined);
      const stamp = stat && `${stat.mtime.getTime()} ${stat.size}`;
      const known = images.get(path);
      if (known?.storage !== storage || known.stamp !== stamp)
        images.set(path, { storage, stamp, read: this.readImage(storage, path, stamp) });
      await images.get(path)?.read;
    }
  }

  /** Gives an image to the overlays that lie on it, or takes it from them where it is not there (no stamp) or cannot be read. */
  private async readImage(storage: Storage, path: string, stamp: string | undefined): Promise<void> {
    const image = stamp === undefined ? undefined : await this.files.openImage(path).catch(() => undefined);
    const last = this.images.get(path);
    // It may have changed while it was read: then the later reading counts.
    if (stamp === undefined || (last?.storage === storage && last.stamp === stamp)) storage.setImage(path, image);
  }

  /** The disk in an image file of Domain 0, raw or qcow2. @throws Error with a sentence */
  async open(path: string): Promise<BaseImage> {
    const file = await this.files.readFile(path);
    const bytes = new Uint8Array(await (await unpackedImage(baseName(path), file)).arrayBuffer());
    const head = bytes.subarray(0, HEAD_BYTES);
    const problem = imageProblem(baseName(path), 'disk', head, bytes.length, await packingOfFile(file));
    if (problem) throw new Error(problem.text);
    await loadBackends(['drives']);
    const [{ disk }] = backend('drives').attachDrives(
      [{ place: 0, kind: 'disk', readOnly: true, medium: { name: path, bytes } }],
      noMedia,
      () => {},
    );
    return { device: disk!, checksum: crc32(bytes) >>> 0 };
  }
}
