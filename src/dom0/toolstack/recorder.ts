/**
 * What a task really caused, noted where it happens: operations of the hypervisor by the names of their hypercalls, what was written to XenStore, grants, and
 * what the hypervisor logged meanwhile. A note goes to the task that says it is about that domain, and of several to the one begun last; work goes on after
 * an `await`, where nobody knows any more who asked.
 */

/** One thing, or the same one several times in a row. */
export interface Cause {
  /** Since the task's start. */
  ms: number;
  kind: 'hypercall' | 'write' | 'remove' | 'grant' | 'log';
  /** Name of the hypercall or of its operation, path of a node, entry of a grant table, line of the log. */
  what: string;
  /** The value that was written; what the hypercall was about. */
  value?: string;
  /** A domain other than Domain 0 did it. */
  by?: number;
  /** Absent: once. */
  times?: number;
}

export interface TaskRecord {
  causes: Cause[];
  /** This many more were not kept. */
  more: number;
}

/** How often, for the task's row: what Domain 0 did. */
export interface Caused {
  hypercalls: number;
  writes: number;
  /** Nodes that were removed with all below them. */
  removals: number;
}

/** Causes that are kept of one task, and characters of a value. */
const MOST = 200,
  MOST_VALUE = 120;
const LATIN_1 = new TextDecoder('latin1');

/** Of a domain's own path, of the back ends of its devices (and what they say of their errors), and of what libxl keeps of it. */
const OF_DOMAIN = /^\/(?:local\/domain\/0(?:\/error)?\/backend\/[^/]+|local\/domain|libxl)\/(\d+)(?:\/|$)/;

/** Of one task. */
export class Recording {
  readonly caused: Caused = { hypercalls: 0, writes: 0, removals: 0 };
  private readonly causes: Cause[] = [];
  private more = 0;
  private readonly domains = new Set<number>();
  private readonly sinceStartMs: () => number;

  constructor(sinceStartMs: () => number) {
    this.sinceStartMs = sinceStartMs;
  }

  /** What happens to this domain is the task's doing. */
  concerns(domid: number): void {
    this.domains.add(domid);
  }

  isAbout(domid: number): boolean {
    return this.domains.has(domid);
  }

  add(cause: Omit<Cause, 'ms' | 'times'>): void {
    if (cause.kind === 'hypercall') this.caused.hypercalls++;
    if (cause.kind === 'write' && cause.by === undefined) this.caused.writes++;
    if (cause.kind === 'remove') this.caused.removals++;
    const last = this.causes.at(-1);
    if (
      last &&
      this.more === 0 &&
      last.kind === cause.kind &&
      last.what === cause.what &&
      last.value === cause.value &&
      last.by === cause.by
    )
      last.times = (last.times ?? 1) + 1;
    else if (this.causes.length < MOST) this.causes.push({ ms: this.sinceStartMs(), ...cause });
    else this.more++;
  }

  /** As it is now. */
  get record(): TaskRecord {
    return { causes: this.causes.map(cause => ({ ...cause })), more: this.more };
  }
}

export class Recorder {
  /** Of tasks that are under way, the one begun last at the end. */
  private readonly open: Recording[] = [];
  /** Domains by the paths that libxl has for their UUIDs. */
  private readonly vms = new Map<string, number>();

  begin(sinceStartMs: () => number): Recording {
    const recording = new Recording(sinceStartMs);
    this.open.push(recording);
    return recording;
  }

  end(recording: Recording): void {
    const at = this.open.indexOf(recording);
    if (at >= 0) this.open.splice(at, 1);
  }

  /** Domain 0 did something by a hypercall, for a domain or with it. */
  hypercall(domid: number, name: string, value?: string): void {
    this.note(domid, { kind: 'hypercall', what: name, ...(value === undefined ? {} : { value }) });
  }

  /** The toolstack filled an entry of a domain's grant table. */
  grant(domid: number, entry: number, frame: number): void {
    this.note(domid, { kind: 'grant', what: `entry ${entry}`, value: `frame 0x${frame.toString(16)} for Domain-0` });
  }

  /** A node has this value now, written by a domain; undefined: it was removed with all below it. */
  changed(path: string, value: Uint8Array | undefined, by: number): void {
    if (this.open.length === 0) return;
    const match = OF_DOMAIN.exec(path),
      domid = match ? Number(match[1]) : this.vms.get(path.split('/', 3).join('/'));
    if (domid === undefined) return;
    const text = value && LATIN_1.decode(value.subarray(0, MOST_VALUE + 1));
    const shown = text && text.length > MOST_VALUE ? `${text.slice(0, MOST_VALUE)}…` : text;
    this.note(domid, {
      kind: value ? 'write' : 'remove',
      what: path,
      ...(shown === undefined ? {} : { value: shown }),
      ...(value && by !== 0 ? { by } : {}),
    });
  }

  /** A line of the hypervisor's log. Its domain is not known: it was written meanwhile. */
  logged(line: string): void {
    for (const recording of this.open) recording.add({ kind: 'log', what: line });
  }

  /** A domain has this UUID. */
  called(domid: number, uuid: string): void {
    this.vms.set(`/vm/${uuid}`, domid);
  }

  /** It takes the place of another: who is about that is about this. */
  follows(before: number, domid: number): void {
    for (const recording of this.open) if (recording.isAbout(before)) recording.concerns(domid);
  }

  forget(domid: number): void {
    for (const [path, id] of this.vms) if (id === domid) this.vms.delete(path);
  }

  private note(domid: number, cause: Omit<Cause, 'ms' | 'times'>): void {
    this.open.findLast(recording => recording.isAbout(domid))?.add(cause);
  }
}
