/** Overlays that are in use, and the images that lie under overlays. */
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { GIVEN, GROUP, isGiven } from './device-names.ts';
import { type BaseImage, imageDiffers, OverlayVolume, readOverlayHeader } from './overlay-volume.ts';
import { StorageError } from './store.ts';

export class Overlays {
  /** By their paths. */
  private readonly images = new Map<string, BaseImage>();
  /** By their volumes' names. */
  private readonly used = new Map<string, OverlayVolume>();

  /** The image at a path as it is now; undefined: there is none. False: it is as it was. */
  setImage(path: string, image: BaseImage | undefined): boolean {
    if (this.images.get(path) === image) return false;
    if (image) this.images.set(path, image);
    else this.images.delete(path);
    return true;
  }

  /** The image at a path; undefined: there is none. */
  image(path: string): BaseImage | undefined {
    return this.images.get(path);
  }

  /** The overlay on a volume. @throws StorageError: it was not finished, or its image is another one now, or not there */
  on(name: string, volume: () => BlockDevice): OverlayVolume {
    const known = this.used.get(name);
    if (known) return known;
    const under = volume();
    const path = `/dev/${GROUP}/${name}`;
    const header = readOverlayHeader(under);
    if (!header)
      throw new StorageError(`${path} is an overlay that was not finished. Remove it: lvremove ${GROUP}/${name}.`);
    const image = this.images.get(header.path);
    if (!image && isGiven(header.path))
      throw new StorageError(
        `${path} is what a guest wrote to ${header.path.slice(GIVEN.length)}, a file that is not here. Give it to the page, start a guest with it and download its disk, or remove the volume: lvremove ${GROUP}/${name}.`,
      );
    if (!image)
      throw new StorageError(
        `${path} is an overlay of ${header.path}, which is not there. Put that file back, or remove the overlay: lvremove ${GROUP}/${name}.`,
      );
    const problem = imageDiffers(header, path, image);
    if (problem) throw new StorageError(problem);
    const made = new OverlayVolume(under, header, image.device);
    this.used.set(name, made);
    return made;
  }

  /** Its volume goes, or gets another image: it is looked at again when it is used next. */
  forget(name: string): void {
    this.used.delete(name);
  }

  flush(name: string): void {
    this.used.get(name)?.flush();
  }

  flushAll(): void {
    for (const overlay of this.used.values()) overlay.flush();
  }
}
