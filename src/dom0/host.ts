/**
 * The host as its administrators see it: the domains there are, what can be done to them, and who is told. One object, in Domain 0's worker.
 * It looks at no clock and starts no worker by itself: `HostParts` says how.
 */
import { COUNTERS, COUNTER_WORDS, MAILBOX, SCREEN, SCREEN_BYTES } from '../hypervisor/layout.ts';
import { DEFAULT_WEIGHT, queueClock, Scheduler } from '../hypervisor/scheduler/scheduler.ts';
import { Slot } from '../hypervisor/scheduler/slot.ts';
import {
  attachDrives,
  type Boot,
  type DomainRecord,
  type DriveImage,
  type Ending,
  Machine,
  p2mFrames,
  type ReadBlob,
  readState,
  type SavedState,
} from '../hypervisor/index.ts';
import type { ConsoleInput, ConsoleOutput, DomainInfo, DomainState, DomainView, Finding, FirmwareFiles, HostApi, HostInfo, NamedFile, Plan, Task } from './api.ts';
import type { Action, Definition } from './config/model.ts';
import { formatFinding, judgeDefinition } from './config/model.ts';
import { HEAD_BYTES, imageKind } from './images.ts';
import { baseName, type Firmware, type Given, needsFirmware, NO_FIRMWARE, type Planned, planFiles } from './plan.ts';
import { LocalRunner, type LocalScheduler } from './runner-local.ts';
import { WorkerRunner, type WorkerLike } from './runner-worker.ts';
import type { DomainListener, DomainRunner, Later } from './runner.ts';

export interface HostParts {
  version: string;
  memory: SharedArrayBuffer | ArrayBuffer;
  /** Makes a domain's worker; absent: domains run here, in turns (`why` says what is missing). */
  spawn?: () => WorkerLike;
  scheduler: LocalScheduler;
  why?: string;
  later: Later;
  /** Milliseconds on a monotonic clock that all workers share (performance.timeOrigin + performance.now()). */
  hostMs: () => number;
  /** Slots: domains that may run at once (1). */
  pcpus?: number;
  epochMs: () => number;
  /** Throws a sentence. */
  fetchBytes?: (url: string) => Promise<Uint8Array>;
  /** Reads a part of a file at once, for domains that run here. */
  readBlob?: ReadBlob;
}

interface Member {
  record: DomainRecord;
  name: string;
  memoryMiB: number;
  definition: string;
  actions: { poweroff: Action; reset: Action; crash: Action };
  runner: DomainRunner;
  paused: boolean;
  ending: Ending | null;
  /** RAM was given back. */
  released: boolean;
  ports: MessagePort[];
  history: Uint8Array[];
  historyBytes: number;
  lastSnapshotMs: number;
  /** Generation of the screen in the last snapshot with pixels. */
  lastGeneration: number;
}

/** Console output that a new viewer gets to see. */
const HISTORY_BYTES = 256 * 1024;
/** Finished tasks that are remembered. */
const TASKS = 100;
/** Views in single mode are refreshed this often. */
const SNAPSHOT_MS = 100;
/** SCREEN.MODE of a picture. */
const GRAPHICS = 2;

/** A file's content; of an image, which may be larger than memory, its beginning. */
async function look({ name, data }: NamedFile): Promise<Given> {
  const bytes = async (part: Blob): Promise<Uint8Array> => new Uint8Array(await part.arrayBuffer());
  const head = await bytes(data.slice(0, HEAD_BYTES));
  return imageKind(name, head) ? { name, head, bytes: data.size } : { name, data: data.size <= HEAD_BYTES ? head : await bytes(data) };
}

export class Host implements HostApi {
  readonly machine: Machine;
  private readonly parts: HostParts;
  /** Who may run; domain ids stand for units by their slots in the domain table. */
  readonly queue: Scheduler;
  private readonly members = new Map<number, Member>();
  private readonly listeners: ((domains: DomainInfo[], tasks: Task[]) => void)[] = [];
  private firmwareFiles: FirmwareFiles | undefined;
  private tasks: Task[] = [];
  private lastTask = 0;

  constructor(parts: HostParts) {
    this.parts = parts;
    this.machine = Machine.create(parts.memory);
    this.queue = new Scheduler(this.machine, queueClock(this.machine, parts.hostMs));
    this.queue.configure({ pcpus: parts.spawn ? (parts.pcpus ?? 1) : 1 });
  }

  async info(): Promise<HostInfo> {
    const { parts, machine } = this;
    return {
      version: parts.version,
      mode: parts.spawn ? 'shared' : 'single',
      ...(parts.why === undefined ? {} : { why: parts.why }),
      memoryMiB: machine.frames >>> 8,
      freeMiB: machine.freeFrames >>> 8,
    };
  }

  async offerFirmware(files: FirmwareFiles): Promise<void> {
    this.firmwareFiles = files;
  }

  /** Fetched when a guest needs it; a failure is tried again the next time. */
  private async firmware(): Promise<Firmware> {
    const files = this.firmwareFiles;
    const { fetchBytes } = this.parts;
    if (!files || !fetchBytes) return NO_FIRMWARE;
    try {
      const [image, vgaBios] = await Promise.all([fetchBytes(files.bios.url), fetchBytes(files.vgaBios.url)]);
      return { image, vgaBios, name: files.bios.name };
    } catch (error) {
      return `Firmware is needed to boot from a disk, and ${files.bios.name} could not be fetched (${(error as Error).message}). Check the connection and try again.`;
    }
  }

  async plan(files: NamedFile[]): Promise<Plan> {
    return (await this.planned(files)).plan;
  }

  private async planned(files: NamedFile[]): Promise<Planned> {
    const given = await Promise.all(files.map(look));
    const planned = planFiles(given, needsFirmware(given) ? await this.firmware() : undefined);
    this.judgeHere(planned.plan);
    if (planned.plan.errors.length > 0) delete planned.domain;
    return planned;
  }

  /** What only this host knows: names in use, memory left. */
  private judgeHere(plan: Plan): void {
    const add = (key: string, short: string, text: string): void => {
      const old = plan.findings.find(finding => finding.key === key);
      const finding: Finding = {
        file: old?.file ?? '',
        line: old?.line ?? 1,
        column: old?.column ?? 1,
        source: old?.source ?? '',
        key,
        verdict: 'error',
        short,
        text,
      };
      if (old) plan.findings[plan.findings.indexOf(old)] = finding;
      else plan.findings.push(finding);
      plan.errors.push(finding);
    };
    if (plan.name !== '' && [...this.members.values()].some(member => member.name === plan.name && !member.ending)) {
      add('name', 'is taken', `There is a domain called ${plan.name} already. Destroy it, or give this one another name.`);
    }
    const free = Math.max(0, (this.machine.freeFrames >>> 8) - 1);
    if (plan.errors.length === 0 && plan.summary.memoryMiB > free) {
      add(
        'memory',
        `only ${free} MiB are free`,
        `The guest wants ${plan.summary.memoryMiB} MiB and the host has ${free} free. Destroy another domain or write memory = ${free}.`,
      );
    }
  }

  async create(files: NamedFile[]): Promise<DomainInfo> {
    const main = files.find(file => /\.(cfg|xl|conf)$/i.test(file.name)) ?? files[0];
    return this.task(`xl create ${main?.name ?? ''}`.trim(), async () => {
      const { plan, domain } = await this.planned(files);
      if (!domain) throw new Error(plan.errors.map(error => (error.source === '' ? error.text : formatFinding(error))).join('\n'));
      // Every drive's image is one of the files: a plan with another is refused.
      const drives = domain.drives.map(({ image, ...drive }): DriveImage => {
        const file = files.find(({ name }) => name === image?.name);
        return file ? { ...drive, medium: { name: baseName(file.name), data: file.data } } : drive;
      });
      const { definition, boot } = domain;
      return this.build({ definition, boot, drives, text: plan.definition, startEpochMs: this.parts.epochMs() });
    });
  }

  async restore(state: NamedFile): Promise<DomainInfo> {
    return this.task(`xl restore ${state.name}`, async () => {
      const bytes = new Uint8Array(await state.data.arrayBuffer());
      const saved = readState(bytes, state.name);
      const { about } = saved;
      if (about.virtualTime)
        throw new Error(
          `${state.name} was saved in virtual time, which the page does not run in. Restore it with ringside boot --virtual-time --restore ${state.name}.`,
        );
      if ([...this.members.values()].some(member => member.name === about.name && !member.ending))
        throw new Error(`There is a domain called ${about.name} already. Destroy it first.`);
      const { definition } = judgeDefinition(about.name, about.definition);
      return this.build({
        definition: { ...definition, name: about.name, memoryMiB: about.memoryMiB, vcpus: about.vcpus ?? 1 },
        boot: saved.boot,
        text: about.definition,
        startEpochMs: about.startEpochMs,
        saved: { state: saved, bytes },
      });
    });
  }

  private async build(what: {
    definition: Definition;
    boot: Boot;
    drives?: DriveImage[];
    text: string;
    startEpochMs: number;
    saved?: { state: SavedState; bytes: Uint8Array };
  }): Promise<DomainInfo> {
    const { definition, boot, drives = [], text, startEpochMs, saved } = what;
    const { machine, parts } = this;
    const record = machine.createDomain(definition.memoryMiB, p2mFrames(boot, definition.memoryMiB), { vcpus: definition.vcpus });
    const member: Member = {
      record,
      name: definition.name,
      memoryMiB: definition.memoryMiB,
      definition: text,
      actions: { poweroff: definition.onPoweroff, reset: definition.onReboot, crash: definition.onCrash },
      runner: undefined as unknown as DomainRunner,
      paused: false,
      ending: null,
      released: false,
      ports: [],
      history: [],
      historyBytes: 0,
      lastSnapshotMs: 0,
      lastGeneration: 0,
    };
    const listener: DomainListener = {
      serial: bytes => this.print(member, bytes),
      ended: ending => this.ended(member, ending),
      problem: sentence => {
        this.note(member.name, 'failed', sentence);
        this.tell();
      },
      restarted: report => this.restarted(member, report),
      changed: () => this.snapshot(member, false),
    };
    const common = {
      memoryMiB: definition.memoryMiB,
      boot,
      ...(definition.nic ? { nic: definition.nic } : {}),
      startEpochMs,
      onReset: definition.onReboot === 'restart' ? 'restart' : 'end',
      onTripleFault: 'restart',
    } as const;
    const readBlob: ReadBlob = part => {
      if (!parts.readBlob) throw new Error('files cannot be read here');
      return parts.readBlob(part);
    };
    const { weight = DEFAULT_WEIGHT, cap = 0 } = definition;
    this.queue.add(record, { weight, cap, doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL });
    const named = { name: definition.name, program: parts.version, definition: text };
    if (parts.spawn) {
      const message = { memory: parts.memory as SharedArrayBuffer, slot: record.slot, ...named, ...common, drives, ...(saved ? { saved: saved.bytes } : {}) };
      member.runner = new WorkerRunner(parts.spawn(), machine, record, message, listener, parts.later);
    } else {
      member.runner = new LocalRunner(
        { slot: new Slot(this.queue, record.slot), domain: { machine, record, hostMs: parts.hostMs, ...common, ide: attachDrives(drives, readBlob, listener.problem) }, ...named, ...(saved ? { saved: saved.state } : {}) },
        listener,
        parts.scheduler,
      );
    }
    this.members.set(record.id, member);
    try {
      await member.runner.started;
    } catch (error) {
      this.members.delete(record.id);
      await member.runner.destroy();
      this.queue.remove(record.slot);
      machine.destroyDomain(record);
      throw error;
    }
    return this.describe(member);
  }

  async list(): Promise<DomainInfo[]> {
    return [...this.members.values()].map(member => this.describe(member));
  }

  private describe(member: Member): DomainInfo {
    const info: DomainInfo = {
      id: member.record.id,
      name: member.name,
      state: this.state(member),
      type: 'hvm',
      memoryMiB: member.memoryMiB,
      vcpus: member.record.vcpus,
      definition: member.definition,
    };
    if (member.ending) info.ended = member.ending.sentence;
    return info;
  }

  private state(member: Member): DomainState {
    if (member.ending) return member.ending.kind === 'crash' ? 'c' : 's';
    if (member.paused) return 'p';
    const letter = String.fromCharCode(Atomics.load(this.machine.words, (member.record.countersOffset >>> 2) + COUNTERS.STATE)) as DomainState;
    return letter === 'b' ? 'b' : 'r';
  }

  private member(id: number): Member {
    const member = this.members.get(id);
    if (!member) throw new Error(`There is no domain ${id}: it may have been destroyed meanwhile.`);
    return member;
  }

  /** A domain that has not stopped. */
  private living(id: number): Member {
    const member = this.member(id);
    if (member.ending) throw new Error(`${member.name} has stopped: ${member.ending.sentence} Create it again.`);
    return member;
  }

  // Consoles and views.

  async view(id: number): Promise<DomainView> {
    const member = this.member(id);
    const { port1, port2 } = new MessageChannel();
    member.ports.push(port1);
    port1.onmessage = event => this.hear(member, event.data as Uint8Array | ConsoleInput);
    for (const bytes of member.history) port1.postMessage({ serial: bytes } satisfies ConsoleOutput);
    const view: DomainView = { countersOffset: member.record.countersOffset, screenOffset: member.record.screenOffset, console: port2 };
    if (this.parts.spawn) view.memory = this.parts.memory as SharedArrayBuffer;
    else this.snapshot(member, true);
    return view;
  }

  private hear(member: Member, message: Uint8Array | ConsoleInput): void {
    if (member.ending) return;
    if (message instanceof Uint8Array) member.runner.serial(message);
    else if ('serial' in message && message.serial instanceof Uint8Array) member.runner.serial(message.serial);
    else if ('key' in message && typeof message.key === 'string') member.runner.key(message.key, message.down === true);
    else if ('mouse' in message) member.runner.mouse(message.mouse);
  }

  private print(member: Member, bytes: Uint8Array): void {
    member.history.push(bytes);
    member.historyBytes += bytes.length;
    while (member.historyBytes > HISTORY_BYTES && member.history.length > 1) member.historyBytes -= member.history.shift()!.length;
    for (const port of member.ports) port.postMessage({ serial: bytes } satisfies ConsoleOutput);
  }

  /** Single mode: copies of what the page would read in shared memory, ten times a second. */
  private snapshot(member: Member, now: boolean): void {
    if (this.parts.spawn || member.ports.length === 0) return;
    const ms = this.parts.hostMs();
    if (!now && ms - member.lastSnapshotMs < SNAPSHOT_MS) return;
    member.lastSnapshotMs = ms;
    const { bytes } = this.machine;
    const { countersOffset, screenOffset } = member.record;
    const counters = bytes.slice(countersOffset, countersOffset + COUNTER_WORDS * 4).buffer as ArrayBuffer;
    const screen = bytes.slice(screenOffset, screenOffset + SCREEN_BYTES).buffer as ArrayBuffer;
    const pixels = this.newPicture(member, new Int32Array(screen), now);
    for (const port of member.ports) port.postMessage({ counters, screen, ...(pixels ? { pixels } : {}) } satisfies ConsoleOutput);
  }

  /** Pixels of a graphics screen that changed since the last call; `whole`: for a viewer that has none yet. */
  private newPicture(member: Member, screen: Int32Array, whole: boolean): ArrayBuffer | undefined {
    const generation = screen[SCREEN.GENERATION];
    if (screen[SCREEN.MODE] !== GRAPHICS || (!whole && generation === member.lastGeneration)) return undefined;
    member.lastGeneration = generation;
    const offset = screen[SCREEN.PIXELS] >>> 0;
    return this.machine.bytes.slice(offset, offset + screen[SCREEN.WIDTH] * screen[SCREEN.HEIGHT] * 4).buffer as ArrayBuffer;
  }

  // Control.

  async pause(id: number): Promise<void> {
    return this.task(`xl pause ${this.living(id).name}`, async () => this.setPaused(this.living(id), true));
  }

  async unpause(id: number): Promise<void> {
    return this.task(`xl unpause ${this.living(id).name}`, async () => this.setPaused(this.living(id), false));
  }

  private setPaused(member: Member, paused: boolean): void {
    member.paused = paused;
    member.runner.setPaused(paused);
  }

  async reset(id: number): Promise<void> {
    return this.task(`xl trigger ${this.member(id).name} reset`, async () => {
      const member = this.member(id);
      if (member.released) throw new Error(`${member.name} has stopped and its memory was given back. Create it again.`);
      member.ending = null;
      member.runner.reset();
    });
  }

  async shutdown(id: number): Promise<void> {
    return this.task(`xl shutdown ${this.living(id).name}`, async () => this.living(id).runner.pressPowerButton());
  }

  async destroy(id: number): Promise<void> {
    return this.task(`xl destroy ${this.member(id).name}`, async () => {
      const member = this.member(id);
      this.members.delete(id);
      await member.runner.destroy();
      this.queue.remove(member.record.slot);
      this.machine.destroyDomain(member.record);
      for (const port of member.ports) port.close();
    });
  }

  async save(id: number): Promise<Blob> {
    return this.task(
      `xl save ${this.living(id).name}`,
      async () => new Blob((await this.living(id).runner.save()) as BlobPart[], { type: 'application/octet-stream' }),
    );
  }

  private ended(member: Member, ending: Ending): void {
    const action = member.actions[ending.kind === 'crash' ? 'crash' : ending.kind === 'reset' ? 'reset' : 'poweroff'];
    if (ending.kind === 'crash') this.note(`${member.name} crashed`, 'failed', ending.report ?? ending.sentence);
    // A worker that died of a defect cannot start anything again.
    if (action === 'restart' && (ending.kind !== 'crash' || ending.report !== undefined)) {
      member.runner.reset();
      return this.tell();
    }
    // Its worker died of a defect, and gives no slot back.
    if (ending.kind === 'crash' && ending.report === undefined) this.queue.remove(member.record.slot);
    member.ending = ending;
    this.snapshot(member, true);
    this.tell();
    if (action === 'preserve' || ending.kind === 'crash') return;
    // Its records stay, so that the last screen and the counters can be looked at until it is destroyed.
    void member.runner.destroy().then(() => {
      if (this.members.get(member.record.id) !== member) return;
      this.queue.remove(member.record.slot);
      this.machine.releaseRam(member.record);
      member.released = true;
      this.tell();
    });
  }

  private restarted(member: Member, report?: string): void {
    if (report !== undefined) this.note(`${member.name} was reset`, 'failed', report);
    this.tell();
  }

  // Tasks and listeners.

  async subscribe(listener: (domains: DomainInfo[], tasks: Task[]) => void): Promise<void> {
    this.listeners.push(listener);
    this.tell();
  }

  private tell(): void {
    const domains = [...this.members.values()].map(member => this.describe(member));
    for (const listener of this.listeners)
      listener(
        domains,
        this.tasks.map(task => ({ ...task })),
      );
  }

  private begin(command: string): Task {
    const task: Task = { id: ++this.lastTask, command, state: 'running', startedMs: this.parts.epochMs() };
    this.tasks.push(task);
    if (this.tasks.length > TASKS) this.tasks = this.tasks.slice(-TASKS);
    return task;
  }

  /** Something that nobody asked for and that people should see. */
  private note(command: string, state: 'done' | 'failed', message: string): void {
    Object.assign(this.begin(command), { state, durationMs: 0, message });
  }

  private async task<T>(command: string, work: () => Promise<T>): Promise<T> {
    const task = this.begin(command),
      startedMs = this.parts.hostMs();
    this.tell();
    try {
      const result = await work();
      task.state = 'done';
      return result;
    } catch (error) {
      task.state = 'failed';
      task.message = (error as Error).message;
      throw error;
    } finally {
      task.durationMs = this.parts.hostMs() - startedMs;
      this.tell();
    }
  }
}
