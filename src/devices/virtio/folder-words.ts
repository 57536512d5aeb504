/** What a device asks of a folder that lies elsewhere, and the answers to that. Names lead down from the folder: none is empty, `.` or `..`, or has a slash. */

/** Linux's numbers of errors, as 9P2000.L has them. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  EBADF: 9,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  ENAMETOOLONG: 36,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EOPNOTSUPP: 95,
} as const;

export interface FileFacts {
  /** With the bits of its kind (S_IFMT). */
  mode: number;
  bytes: number;
  mtimeMs: number;
  /** Another one than any other file's of the folder, up to 53 bits. */
  id: number;
}

type Path = readonly string[];

/** `again`: it may have been done already, before a state was saved. */
export type FolderRequest = { again?: true } & (
  | { op: 'facts'; path: Path }
  /** One after the other, as far as they are there. */
  | { op: 'walk'; path: Path; names: Path }
  | { op: 'list'; path: Path }
  | { op: 'read'; path: Path; at: number; count: number }
  | { op: 'write'; path: Path; at: number; bytes: Uint8Array }
  /** A file is made, and one that is there is emptied or refused. */
  | { op: 'create'; path: Path; mode: number; isNew: boolean }
  | { op: 'empty'; path: Path }
  | { op: 'folder'; path: Path; mode: number }
  | { op: 'link'; path: Path; target: string }
  | { op: 'target'; path: Path }
  | { op: 'rename'; path: Path; to: Path }
  | { op: 'remove'; path: Path; isFolder?: boolean }
  | { op: 'change'; path: Path; mode?: number; bytes?: number; mtimeMs?: number | 'now' }
);

/** What is asked for, as far as there is any; `errno`: it was not done. */
export interface FolderAnswer {
  errno?: number;
  facts?: FileFacts;
  all?: FileFacts[];
  list?: { name: string; facts: FileFacts }[];
  bytes?: Uint8Array;
  target?: string;
}
