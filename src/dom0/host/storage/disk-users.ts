/** The users of open disks: a writer has a disk alone, unless all that write it share it, and several may read one. */
import type { BlockDevice } from '../../../formats/blocks/index.ts';

/** A disk that somebody has open. */
export interface OpenDisk {
  medium: BlockDevice;
  /** What it is, whatever it was called. */
  path: string;
  /** Its owner has another name from now on. */
  rename(who: string): void;
  close(): void;
}

export interface DiskUser {
  /** Of the disk: the one that it is known by. */
  path: string;
  who: string;
  writes: boolean;
  /** Others may write it meanwhile that share it, too. */
  shared?: boolean;
}

export class DiskUsers {
  private readonly users: DiskUser[] = [];

  of(path: string): DiskUser[] {
    return this.users.filter(user => user.path === path);
  }

  /** Why a disk cannot be opened next to those that have it open. `called`: the disk, for people. */
  hinders(path: string, writes: boolean, called = path, shared = false): string | undefined {
    const other = this.of(path).find(user => (writes || user.writes) && !(shared && user.shared));
    // xend's words (tools/python/xen/xend/server/BlktapController.py of Xen 3 and its blkif hotplug script).
    return (
      other &&
      `Device ${called} is mounted ${other.writes ? 'read-write' : 'read-only'} in ${other.who}, and so cannot be mounted now. Stop it, or take another device.`
    );
  }

  /** From now on somebody has a disk open. `closed`: called once, when it is closed. */
  open(medium: BlockDevice, user: DiskUser, closed: () => void): OpenDisk {
    this.users.push(user);
    return {
      medium,
      path: user.path,
      rename: who => {
        user.who = who;
      },
      close: () => {
        const at = this.users.indexOf(user);
        if (at < 0) return;
        this.users.splice(at, 1);
        closed();
      },
    };
  }
}
