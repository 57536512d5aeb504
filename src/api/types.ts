/**
 * A host for other programs and pages: what `createHost` of the package gives. Plain types without imports: nothing of the inner rooms is named
 * here, so that what a user's compiler reads stays the same while those change.
 */

/** Bytes, or text, which is written as UTF-8. */
export type Content = Uint8Array | string;

/** What the host has. What is not said follows from this machine. */
export interface HostOptions {
  /** Machine memory in MiB, for Domain 0's and all guests (at least 64). */
  memoryMiB?: number;
  /** Physical processors (1 to 32): as many guests run at once, each in a thread of its own; with one they take turns in this thread. */
  pcpus?: number;
  /** Whether the processors have VT-x (they do). Without it only paravirtual guests run. */
  vt?: boolean;
  /** Bytes of the host's own disk, whose first start decides. */
  diskBytes?: number;
  /** A directory that keeps files and volumes, in node alone; absent: they live in memory, and are gone with the host. */
  state?: string;
  /** Files of Domain 0 that are written before anything starts, by their paths. */
  files?: Readonly<Record<string, Content>>;
  /** An entry of the boot menu: a number, a title or an id. Absent: the menu's default. */
  boot?: string;
  /** Xen's command line, in place of the entry's. */
  xen?: string;
  /** In a page that a bundler has made, and there alone: where the package's folder embed/ is served, on the page's own origin ("ringside/"). */
  scripts?: string;
}

/** What there is of a guest. */
export interface GuestInfo {
  /** Of the domain that runs; a guest that starts again gets another. */
  id: number;
  name: string;
  /** As libvirt has it. */
  state: 'running' | 'paused' | 'in shutdown' | 'shut off' | 'crashed';
  type: 'hvm' | 'pv' | 'pvh';
  memoryMiB: number;
  vcpus: number;
  /** It has a VGA, or a paravirtual screen. */
  hasScreen: boolean;
  /** Why it stopped, in a sentence, once it did. */
  ended?: string;
}

/** What happens at a host. */
export type HostEvent =
  /** A guest is there, which was not before. */
  | { kind: 'created'; guest: GuestInfo }
  /** It runs, is paused, stops: `before` is its earlier state. */
  | { kind: 'state'; guest: GuestInfo; before: GuestInfo['state'] }
  /** It is gone from the list; `guest` is what it was last. */
  | { kind: 'gone'; guest: GuestInfo }
  /** Something that was asked for has ended, well or not: `command` as xl spells it. */
  | { kind: 'task'; command: string; ok: boolean; message: string };

/** A picture of a guest's screen: three bytes a pixel, red, green, blue, row by row. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
  /** The characters of a text screen, a line a row; '' for graphics. */
  text: string;
}

export interface Snapshot {
  name: string;
  /** Milliseconds since 1970. */
  createdMs: number;
  description: string;
  /** Of its memory, processors and devices; 0: it did not run then, and its disks alone are kept. */
  stateBytes: number;
  /** The snapshot that it was at when this one was taken. */
  parent?: string;
}

/** A command of Domain 0's shell, when it has ended. */
export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** A guest by its name: also after it has started again as a new domain. */
export interface Guest {
  readonly name: string;
  /** @throws Error where no such guest runs */
  info(): Promise<GuestInfo>;
  /** What it writes to its serial line or PV console: what it has shown so far, as far as that is kept, and then what comes, until it is gone. */
  console(): AsyncIterable<string>;
  /** Types at that console; a line ends with \n or \r, as the guest expects. */
  type(text: string): Promise<void>;
  /**
   * Waits until the console has shown this; all that it has shown till then.
   * @throws Error where the guest stops first, or after `timeoutMs` (60,000)
   */
  waitFor(what: string | RegExp, timeoutMs?: number): Promise<string>;
  /** Presses keys of its keyboard together, by `KeyboardEvent.code` ("ControlLeft", "KeyC"), and lets them go. */
  press(...codes: string[]): Promise<void>;
  /** What its screen shows. @throws Error where it has none */
  screen(): Promise<Picture>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Asks it to shut down: through the store, or by its power button. `ended` says when it has. */
  shutdown(): Promise<void>;
  reboot(): Promise<void>;
  destroy(): Promise<void>;
  /** Resolves when it has stopped, with the reason in a sentence. */
  ended(): Promise<string>;
  /** Keeps its memory, processors, devices and disks. Its name: the first free number. */
  snapshot(name?: string, description?: string): Promise<Snapshot>;
  snapshots(): Promise<Snapshot[]>;
  /** Takes it back to a snapshot: what it is now is gone. */
  revert(name: string): Promise<void>;
}

export interface Host {
  /** Creates a guest and starts it. `files`: the definition (xl's or libvirt's) and what it names, or a kernel or disk image alone, by their names. */
  create(files: Readonly<Record<string, Content>>, options?: { paused?: boolean }): Promise<Guest>;
  /** Keeps a definition among Domain 0's files, so that `start` finds it by its name: the path says where (/etc/xen/vm/NAME). */
  define(path: string, definition: string): Promise<string>;
  /** Starts a guest that is kept. */
  start(name: string, options?: { paused?: boolean }): Promise<Guest>;
  /** @throws Error where no such guest runs */
  guest(name: string): Promise<Guest>;
  guests(): Promise<GuestInfo[]>;
  /** What happens from now on, until the host is closed. */
  events(): AsyncIterable<HostEvent>;
  /** Runs a line of Domain 0's shell: xl, virsh, xenstore-ls, pipes. */
  run(line: string): Promise<Ran>;
  /** A file of Domain 0. @throws Error where there is none */
  readFile(path: string): Promise<Uint8Array>;
  writeFile(path: string, content: Content): Promise<void>;
  /** Ends the host, and its guests with it, as when its power is cut; `run('poweroff')` shuts them down first. */
  close(): Promise<void>;
}
