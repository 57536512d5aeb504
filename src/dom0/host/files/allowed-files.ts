/**
 * Files of the machine that the host's program runs on, as far as it may have them (ringside libvirtd --allow). Their paths are that machine's. What definitions
 * name there is opened in its place: a disk that is written belongs to one domain alone.
 */
import type { GrowingFile, Qcow2Header } from '../../../formats/qcow2/index.ts';
import type { OpenDisk } from '../storage/index.ts';
import { filesFrom, type HostFiles } from './host-files.ts';

/** An image as a definition is judged by it. */
export interface SeenImage {
  /** Of the disk in it. */
  head: Uint8Array;
  bytes: number;
}

/** As libvirt calls it, by the file's first bytes. */
export type ImageFormat = 'raw' | 'qcow2' | 'vmdk' | 'vpc';

/** What is known of a volume of a pool. */
export interface MeasuredImage {
  format: ImageFormat;
  /** Of the disk in it. */
  capacityBytes: number;
  /** Of the machine's disk. */
  allocationBytes: number;
  /** Of the file, whatever is in it. */
  fileBytes: number;
  /** Undefined: it is no qcow2 image. */
  qcow2: Qcow2Header | undefined;
}

/** An image is of the format that its definition says, whatever is in it: a guest could make its raw disk look like an image on another one. */
export interface AllowedFiles extends HostFiles {
  /** A path leads to that machine and not to Domain 0; whether something is there, and whether the host may have it, is another question. */
  has(path: string): boolean;
  /** Why a file cannot be used, in the words of that machine's system; undefined: it can. */
  problem(path: string, writes: boolean): string | undefined;
  /** @throws Error in libvirt's words */
  look(path: string, format: string | undefined): SeenImage;
  measure(path: string): MeasuredImage;
  /** A disk for `who`; of what is written it is the only writer on that machine, unless others of this host share it, which is for raw ones. @throws Error in libvirt's words */
  open(
    path: string,
    who: string,
    writes: boolean,
    uuid: string,
    format: string | undefined,
    shared?: boolean,
  ): OpenDisk;
  /** The file itself, and not the disk in it. @throws as `open` */
  openFile(path: string, writes: boolean): { file: GrowingFile; close(): void };
  /** Removes a file's name, also while somebody writes it, who goes on with what has no name any more (unlink(2)). @throws Error of the system */
  unlink(path: string): void;
  /** The first bytes of a file have room on its disk, and go on reading as they do. @throws Error of the system, where there is none */
  allocate(path: string, bytes: number): void;
  /** The disk in a qcow2 image has this many bytes from now on. @throws as `open` */
  resizeQcow2(path: string, bytes: number): void;
  /** Of the file system that a folder is on. */
  room(folder: string): { capacityBytes: number; availableBytes: number };
}

/** Domain 0's files, and those of the machine beneath at their own paths. */
export const filesBeside = (own: HostFiles, allowed: AllowedFiles): HostFiles =>
  filesFrom(async (name, given) => {
    // A link's own path is the second; of two files that are named both have to be on one side.
    const [path, other] = name === 'symlink' ? [given[1]] : [given[0], name === 'mv' ? given[1] : undefined];
    const isAllowed = allowed.has(String(path));
    if (other !== undefined && allowed.has(String(other)) !== isAllowed)
      throw new Error(`EXDEV: cross-device link not permitted, rename '${path}' -> '${other}'`);
    return isAllowed ? allowed : own;
  });
