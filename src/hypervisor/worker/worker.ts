/**
 * Entry of a domain's worker: runs one domain for as long as it lives. After the start it does not return to its event loop (but while a compiler is
 * loaded), so every request comes through the mailbox; what the domain says goes out as messages, which do not wait.
 */
import { loadLevel } from '../../cpu/index.ts';
import { PartError, part } from '../../formats/loading/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { type IdeAttachment, loadDrives, removableKind } from '../../devices/ide/index.ts';
import { flash, loadNic, loadVirtio } from '../../devices/index.ts';
import { assembleWith, type DomainParts } from '../domain/assemble-parts.ts';
import { flashFileOf } from '../domain/firmware-image.ts';
import type { Domain } from '../domain/domain.ts';
import type { DomainListener } from '../domain/domain-listener.ts';
import { plugging } from '../domain/plugging.ts';
import { PartLoader } from '../domain/part-loader.ts';
import type { DriveQueue } from '../disks/drive-queue.ts';
import type { DriveImage, Medium, OpenMedium } from '../disks/media.ts';
import type { Saver } from '../interfaces/xen/stream/saver.ts';
import { loadInterface } from '../interfaces/load-interface.ts';
import { holdLifeLock } from './life-lock.ts';
import { LoadError, prepareKernel } from '../loader/index.ts';
import { HostError, Machine } from '../memory/machine.ts';
import { Mailbox } from './mailbox.ts';
import { Patience } from './patience.ts';
import { queueClock } from '../scheduler/queue-clock.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { Slot } from '../scheduler/slot.ts';
import { Teller } from '../domain/teller.ts';
import type { Precopy, PrecopyWish, SavedPart } from '../domain/saved-part.ts';
import { SavedStateError } from '../domain/saved-state-error.ts';
import { GuestLog } from '../domain/guest-log.ts';
import { findOwner, type Owner } from './owner.ts';
import { functionOrScript } from './scripts.ts';
import { type Carried, VERBS } from '../verbs/index.ts';
import { beat, callDead, workerLeaves } from './worker-life.ts';
import { serveVerbs } from './serve-verbs.ts';
import { sharedMs } from './shared-clock.ts';
import type {
  Arriving,
  ArrivingByMessage,
  FromDomainWorker,
  GivenByMessage,
  Told,
  ToDomainWorker,
} from './worker-messages.ts';

/** Atomics.wait takes any time-out; this bounds a sleep in case a clock jumps. */
const LONGEST_SLEEP_MS = 60_000;

/** There before anything runs here. */
let owner: Owner;
/** Says that a domain may come. */
let ready = (): void => {};

function send(message: FromDomainWorker, transfer: Transferable[] = []): void {
  owner.postMessage(message, { transfer });
}

const tell = <What extends keyof DomainListener>(
  what: What,
  given: Parameters<NonNullable<DomainListener[What]>>,
  transfer?: Transferable[],
): void => send({ kind: 'tells', what, given } as Told, transfer);

/** What the domain says goes to Domain 0. */
const listener = {
  serial: bytes => tell('serial', [bytes], [bytes.buffer]),
  xenConsole: lines => tell('xenConsole', [lines], [lines.buffer]),
  debug: bytes => tell('debug', [bytes], [bytes.buffer]),
  ended: ending => tell('ended', [ending]),
  problem: sentence => tell('problem', [sentence]),
  restarted: report => tell('restarted', [report]),
  waits: (what, report) => tell('waits', [what, report]),
  reached: () => tell('reached', []),
  broke: hit => tell('broke', [hit]),
  stepped: () => tell('stepped', []),
  away: (domid, gfn) => tell('away', [domid, gfn]),
  folder: (device, number, request) => tell('folder', [device, number, request]),
  channel: (name, message) => tell('channel', [name, message]),
  ejected: slot => tell('ejected', [slot]),
} satisfies DomainListener;

const { problem } = listener;

/** Bytes of a console, passed on once a slice. */
class Output {
  private readonly tell: (bytes: Uint8Array) => void;
  private bytes = new Uint8Array(1024);
  private length = 0;

  constructor(tell: (bytes: Uint8Array) => void) {
    this.tell = tell;
  }

  readonly put = (byte: number): void => {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = byte;
  };

  flush(): void {
    if (this.length === 0) return;
    const bytes = this.bytes.slice(0, this.length);
    this.length = 0;
    this.tell(bytes);
  }
}

class Outputs {
  readonly serial = new Output(listener.serial);
  readonly debug = new Output(listener.debug);
  private readonly xen = new Output(listener.xenConsole);
  readonly guestLog: GuestLog;

  constructor(domid: number) {
    this.guestLog = new GuestLog(domid, line => line.forEach(this.xen.put));
  }

  readonly log = (line: string): void => new TextEncoder().encode(`(XEN) ${line}\n`).forEach(this.xen.put);

  flush(): void {
    this.serial.flush();
    this.debug.flush();
    this.xen.flush();
  }
}

/** Once the event loop had its turn. */
function eventLoop(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise(resolve => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** There once the domain has drives. */
const disks = part(() => import('../disks/attached.ts'), 'is the guest’s drives');

function attach(
  drives: readonly DriveImage[],
  changes: readonly Uint8Array[] = [],
  queue?: DriveQueue,
): IdeAttachment[] {
  // Loaded before a domain with drives is assembled.
  const { attachDrives, openBlob, readBlobHere } = disks.get();
  // Node's worker brings a way to open files by their paths (cli/domain-worker.ts).
  const { openMedium = openBlob(readBlobHere) } = globalThis as { openMedium?: OpenMedium };
  return attachDrives(drives, openMedium, problem, changes, queue);
}

const restoring = part(() => import('../interfaces/restoring.ts'), 'reads saved domains'),
  /** For the first state that is written. */
  saving = part(() => import('../interfaces/xen/stream/state.ts'), 'saves domains');

/** What the board has in this domain and not in every one. @throws PartError, LoadError */
async function loadBoardParts(
  { boot, virtio }: ToDomainWorker,
  { cards = [], cpuLevel }: Pick<ToDomainWorker, 'cards' | 'cpuLevel'>,
): Promise<Pick<DomainParts, 'wired'>> {
  await loadLevel(cpuLevel).catch(cause => {
    throw new PartError('runs 64-bit code', cause);
  });
  const kernel = boot.kind === 'firmware' ? boot.loader?.data : boot.kernel;
  if (kernel) await prepareKernel(kernel, boot.kind === 'pvh' ? 'pvh' : 'note');
  if (boot.kind === 'firmware' && boot.flash) await flash.load();
  if (virtio) await loadVirtio(virtio.items);
  if (cards.length === 0) return {};
  const [{ wired }] = await Promise.all([plugging.load(), ...cards.map(({ model }) => loadNic(model))]);
  return { wired };
}

async function start(message: ToDomainWorker): Promise<void> {
  const machine = new Machine(message.memory, message.index);
  const record = machine.domain(message.index);
  const mailbox = new Mailbox(machine, record);
  const output = new Outputs(record.id);
  let domain: Domain;
  try {
    const hasDrives = message.drives !== undefined || record.drivesOffset !== 0;
    const [parts, attached] = await Promise.all([
      loadInterface(machine, record, message.saved?.state),
      hasDrives ? disks.load() : undefined,
      hasDrives ? loadDrives() : undefined,
    ]);
    const board = await loadBoardParts(message, parts.saved ? parts.saved.about : message);
    const queue = attached && record.drivesOffset !== 0 ? new attached.DriveQueue(machine, record) : undefined;
    domain = assembleWith(
      {
        machine,
        record,
        memoryMiB: message.memoryMiB,
        boot: message.boot,
        ...(message.drives ? { ide: attach(message.drives, message.diskChanges, queue) } : {}),
        ...(queue ? { driveQueue: queue } : {}),
        ...flashFileOf(message.boot, (globalThis as { openMedium?: OpenMedium }).openMedium, problem),
        ...(message.cards ? { cards: message.cards } : {}),
        // A folder may come while the guest runs.
        folder: listener.folder,
        ...(message.virtio ? { virtio: message.virtio, channel: listener.channel } : {}),
        ...(message.cpuLevel ? { cpuLevel: message.cpuLevel } : {}),
        ...(message.jitThreshold === undefined ? {} : { jitThreshold: message.jitThreshold }),
        compile: functionOrScript(problem),
        startEpochMs: message.startEpochMs,
        onReset: message.onReset,
        onTripleFault: message.onTripleFault,
        hostMs: sharedMs,
        serial: output.serial.put,
        ...(message.withXenConsole
          ? { debug: output.guestLog.put, xenConsole: output.guestLog.write, xenLog: output.log }
          : {}),
        ...(message.withDebug ? { debug: output.debug.put } : {}),
        onRestart: report => {
          output.flush();
          listener.restarted(report);
        },
      },
      { ...parts, ...board },
    );
    if (message.saved)
      await (await restoring.load()).restore(
        domain,
        message.saved,
        message.name,
        () => arriving.next(),
        () => send({ kind: 'placed' }),
        eventLoop,
        listener.away,
      );
  } catch (error) {
    if (![LoadError, HostError, PartError, SavedStateError].some(kind => error instanceof kind)) throw error;
    workerLeaves(machine, record);
    return send({ kind: 'failed', sentence: (error as Error).message });
  }
  if (message.stopAtInstruction !== undefined) domain.stopAtInstruction = message.stopAtInstruction;
  send({ kind: 'started', about: domain.about });
  const entry = machine.domainEntry(record);
  const slot = new Slot(new Scheduler(machine, queueClock(machine, sharedMs), record.index), record.index);
  slot.carry(domain);
  const carried = new CarriedHere(domain, slot, message, () => workerLeaves(machine, record));
  await run(carried, mailbox, slot, output, () => {
    if (machine.isWorkerDead(record.index)) throw new Error('called dead');
    beat(machine, entry);
  });
  (globalThis as { closeMedium?(): void }).closeMedium?.();
  // What is left was for this domain.
  await eventLoop();
  arriving.clear();
  given.clear();
  ready();
}

/** After this many an engine has compiled what writes a state, and on the other host what reads it: a guest that moves is paused for a third of the time. */
const REHEARSALS = 12;

/** The domain of this worker, as verbs have it. */
class CarriedHere implements Carried {
  readonly domain: Domain;
  hasLeft = false;
  private readonly slot: Slot;
  private readonly about: ToDomainWorker;
  private readonly left: () => void;
  /** Once it was saved, or is about to be. */
  private its: Saver | undefined;

  constructor(domain: Domain, slot: Slot, about: ToDomainWorker, left: () => void) {
    this.domain = domain;
    this.slot = slot;
    this.about = about;
    this.left = left;
  }

  setPaused(paused: boolean): void {
    if (paused) this.domain.pause();
    else this.domain.unpause();
    this.slot.setPaused(paused);
  }

  open(
    medium: Medium,
    place: number,
    readOnly: boolean,
    kind: DriveImage['kind'] = removableKind(place),
  ): BlockDevice | null {
    const drive = { place, kind, readOnly, medium };
    return attach([drive], [], this.domain.options.driveQueue)[0]?.disk ?? null;
  }

  /** The domain is paused meanwhile: what writes states is loaded for the first one. */
  async state(): Promise<SavedPart> {
    return (await this.saver()).save();
  }

  async copyAhead(how: Precopy, wish?: PrecopyWish): Promise<SavedPart> {
    return (await this.saver()).copyAhead(how, wish);
  }

  forgetState(): void {
    this.its?.forget();
  }

  private async saver(): Promise<Saver> {
    // The guest may be paused for this, and what is loaded is looked for each time.
    if (this.its) return this.its;
    const { name, program, definition } = this.about;
    const { Saver } = await saving.load();
    return (this.its ??= new Saver(this.domain, { name, program, definition }, REHEARSALS));
  }

  diskRecords(): Uint8Array[] {
    return [...(disks.loaded?.diskRecords(this.domain.options.ide ?? []) ?? [])];
  }

  leave(): void {
    this.hasLeft = true;
    this.left();
  }
}

/** Looks at the doorbell before a thread sleeps: some 10 µs, about what it costs to put it to sleep and wake it. */
const LOOKS = 2000;

/** Until the domain is destroyed. `round`: called in each round. */
async function run(on: CarriedHere, mailbox: Mailbox, slot: Slot, output: Outputs, round: () => void): Promise<void> {
  const { domain } = on;
  const teller = new Teller(domain, listener, output.guestLog, () => output.flush());
  const patience = new Patience();
  const parts = new PartLoader(problem);
  for (;;) {
    if (parts.look(domain)) await eventLoop();
    round();
    const seen = mailbox.doorbellValue;
    if (mailbox.hasVerbs) {
      await serveVerbs({ mailbox, verbs: VERBS, on, given: () => given.next(), send });
      if (on.hasLeft) return;
    }
    if (!domain.paused && !slot.enter()) {
      mailbox.wait(seen, slot.patienceMs);
      continue;
    }
    const result = domain.runSlice();
    if (result.state === 'parked' && patience.pays(() => mailbox.watch(seen, LOOKS))) {
      output.flush();
      continue;
    }
    slot.leave(result);
    teller.tell(result);
    const stand = (): void => on.setPaused(true);
    if (domain.instructions >= domain.stopAtInstruction && !domain.paused) {
      listener.reached();
      stand();
    } else if (!teller.stop(stand) && result.state !== 'running')
      park(domain, mailbox, seen, result.state === 'parked' ? slot.wakeNs(result) : Infinity);
  }
}

/** What came as messages, and was not asked for yet. */
class Arrived<What> {
  private readonly held: What[] = [];
  private whenPut = (): void => {};

  put(what: What): void {
    this.held.push(what);
    this.whenPut();
  }

  clear(): void {
    this.held.length = 0;
  }

  /** The next is on its way, and comes while this thread listens. */
  async next(): Promise<What> {
    while (this.held.length === 0) await new Promise<void>(resolve => (this.whenPut = resolve));
    return this.held.shift()!;
  }
}

const arriving = new Arrived<Arriving>(),
  given = new Arrived<readonly unknown[]>();

/** The one place where a domain's worker blocks. */
function park(domain: Domain, mailbox: Mailbox, seen: number, untilNs: number): void {
  const ms = untilNs === Infinity ? LONGEST_SLEEP_MS : Math.min(LONGEST_SLEEP_MS, domain.clock.idleNs(untilNs) / 1e6);
  // While the UART's queue was full bytes stayed with us; the guest that reads them is what wakes us, so there is nothing to poll.
  if (ms > 0) mailbox.wait(seen, ms);
}

/** An exception is a defect of ours: others learn of it at once, also those that wait for a lock that is held here, and then as of any error. */
async function startOrDie(message: ToDomainWorker): Promise<void> {
  try {
    await start(message);
  } catch (error) {
    const machine = new Machine(message.memory, message.index);
    callDead(machine, machine.domain(message.index));
    // Not as a rejection, which browsers do not tell the worker's owner.
    queueMicrotask(() => {
      throw error;
    });
  }
}

// The lock is held before the domain's start is asked for; after that nothing but the domain runs here.
void Promise.all([findOwner(), holdLifeLock((globalThis as { name?: string }).name)]).then(([found, lock]) => {
  owner = found;
  owner.onmessage = ({ data }: { data: ToDomainWorker | ArrivingByMessage | GivenByMessage }) => {
    if ('arriving' in data) arriving.put(data.arriving);
    else if ('given' in data) given.put(data.given);
    else void startOrDie(data);
  };
  ready = () => send({ kind: 'ready', lock });
  ready();
});
