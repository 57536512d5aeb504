/**
 * Entry of a domain's worker: runs one domain for as long as it lives. After the start it does not return to its event loop (but while a compiler is
 * loaded), so every request comes through the mailbox; what the domain says goes out as messages, which do not wait.
 */
import { type IdeAttachment, loadDrives, removableKind } from '../../devices/ide/index.ts';
import { loadFlash, loadNic } from '../../devices/index.ts';
import { assembleWith } from '../domain/assemble-parts.ts';
import { flashFileOf } from '../domain/boot.ts';
import type { Domain } from '../domain/domain.ts';
import type { Ending } from '../domain/ending.ts';
import { CompilerLoader, HOTTEST_REGIONS } from '../domain/second-tier.ts';
import type * as Disks from '../disks/attached.ts';
import type { DriveQueue } from '../disks/drive-queue.ts';
import type { DriveImage, OpenMedium } from '../disks/media.ts';
import { laterParts, loadSaving, notLoaded } from '../interfaces/later-parts.ts';
import { COMMAND } from '../layout/layout.ts';
import { holdLifeLock } from './life-lock.ts';
import { LoadError, prepareKernel } from '../loader/index.ts';
import { HostError, Machine } from '../memory/machine.ts';
import { Mailbox } from './mailbox.ts';
import { Patience } from './patience.ts';
import { queueClock, Scheduler } from '../scheduler/scheduler.ts';
import { Slot } from '../scheduler/slot.ts';
import { type WaitsFor, waitsFor, waitsReport } from '../domain/waits.ts';
import { SavedStateError } from '../domain/saved-state-error.ts';
import { GuestLog } from '../domain/guest-log.ts';
import { findOwner, type Owner } from './owner.ts';
import { functionOrScript } from './scripts.ts';
import { beat, callDead, workerLeaves } from './worker-life.ts';
import { sharedMs } from './shared-clock.ts';
import type { DiscForWorker, FromDomainWorker, ToDomainWorker } from './worker-messages.ts';

/** Atomics.wait takes any time-out; this bounds a sleep in case a clock jumps. */
const LONGEST_SLEEP_MS = 60_000;

const problem = (sentence: string): void => send({ kind: 'problem', sentence });

/** There before anything runs here. */
let owner: Owner;

function send(message: FromDomainWorker, transfer: Transferable[] = []): void {
  owner.postMessage(message, { transfer });
}

/** Bytes of a console, sent once a slice. */
class Output {
  private readonly kind: 'serial' | 'xen-console' | 'debug';
  private bytes = new Uint8Array(1024);
  private length = 0;

  constructor(kind: 'serial' | 'xen-console' | 'debug') {
    this.kind = kind;
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
    send({ kind: this.kind, bytes }, [bytes.buffer]);
  }
}

class Outputs {
  readonly serial = new Output('serial');
  readonly debug = new Output('debug');
  private readonly xen = new Output('xen-console');
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
let disks: typeof Disks | undefined;

/** @throws HostError */
async function loadDisks(): Promise<typeof Disks> {
  const [loaded] = await Promise.all([import('../disks/attached.ts'), loadDrives()]).catch(
    notLoaded('is the guest’s drives'),
  );
  return (disks = loaded);
}

function attach(
  drives: readonly DriveImage[],
  changes: readonly Uint8Array[] = [],
  queue?: DriveQueue,
): IdeAttachment[] {
  if (!disks) throw new Error('What attaches drives is not loaded.');
  const { attachDrives, openBlob, readBlobHere } = disks;
  // Node's worker brings a way to open files by their paths (cli/domain-worker.ts).
  const { openMedium = openBlob(readBlobHere) } = globalThis as { openMedium?: OpenMedium };
  return attachDrives(drives, openMedium, problem, changes, queue);
}

/** What the board has in this domain and not in every one. @throws HostError */
async function loadBoardParts({ boot }: ToDomainWorker, card: ToDomainWorker['nic']): Promise<void> {
  if (boot.kind !== 'firmware') await prepareKernel(boot.kernel).catch(notLoaded('unpacks kernels'));
  if (boot.kind === 'firmware' && boot.flash) await loadFlash().catch(notLoaded('is the firmware’s flash'));
  if (card) await loadNic(card).catch(notLoaded('is the guest’s network card'));
}

async function start(message: ToDomainWorker): Promise<void> {
  const machine = new Machine(message.memory, message.index);
  const record = machine.domain(message.index);
  const mailbox = new Mailbox(machine, record);
  const output = new Outputs(record.id);
  let domain: Domain;
  try {
    const hasDrives = message.drives !== undefined || record.drivesOffset !== 0;
    const [parts, disks] = await Promise.all([
      laterParts(machine, record, message.saved, message.name),
      hasDrives ? loadDisks() : undefined,
    ]);
    await loadBoardParts(message, parts.saved ? parts.saved.about.nic : message.nic);
    const queue = disks && record.drivesOffset !== 0 ? new disks.DriveQueue(machine, record) : undefined;
    domain = assembleWith(
      {
        machine,
        record,
        memoryMiB: message.memoryMiB,
        boot: message.boot,
        ...(message.drives ? { ide: attach(message.drives, message.diskChanges, queue) } : {}),
        ...(queue ? { driveQueue: queue } : {}),
        ...flashFileOf(message.boot, (globalThis as { openMedium?: OpenMedium }).openMedium, problem),
        ...(message.nic ? { nic: message.nic } : {}),
        ...(message.mac ? { mac: message.mac } : {}),
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
          send({ kind: 'reset', ...(report === undefined ? {} : { report }) });
        },
      },
      parts,
    );
  } catch (error) {
    if (!(error instanceof LoadError || error instanceof HostError || error instanceof SavedStateError)) throw error;
    workerLeaves(machine, record);
    return send({ kind: 'failed', sentence: error.message });
  }
  if (message.stopAtInstruction !== undefined) domain.stopAtInstruction = message.stopAtInstruction;
  send({ kind: 'started', about: domain.about });
  const entry = machine.domainEntry(record);
  const slot = new Slot(new Scheduler(machine, queueClock(machine, sharedMs), record.index), record.index);
  slot.carry(domain);
  const last = await run(domain, mailbox, slot, output, message, () => {
    if (machine.isWorkerDead(record.index)) throw new Error('others had called this worker dead');
    beat(machine, entry);
  });
  workerLeaves(machine, record);
  if (last & COMMAND.DESTROY_KEEPING_DISKS)
    send({ kind: 'gone', disks: [...(disks?.diskRecords(domain.options.ide ?? []) ?? [])] });
  else send({ kind: 'gone' });
  close();
}

/** Looks at the doorbell before a thread sleeps: some 10 µs, about what it costs to put it to sleep and wake it. */
const LOOKS = 2000;

/** Until the domain is to be destroyed: with the commands that said so. `round`: called in each round. */
async function run(
  domain: Domain,
  mailbox: Mailbox,
  slot: Slot,
  output: Outputs,
  message: ToDomainWorker,
  round: () => void,
): Promise<number> {
  // One ending may follow another at once, where the domain was resumed between them.
  let told: Ending | undefined;
  let waits: WaitsFor | undefined;
  const patience = new Patience();
  const compiler = new CompilerLoader(problem);
  for (;;) {
    if (compiler.look(domain.processor)) await eventLoop();
    round();
    const seen = mailbox.doorbellValue;
    const last = serve(domain, mailbox, slot);
    if (last & (COMMAND.DESTROY | COMMAND.DESTROY_KEEPING_DISKS)) return last;
    if (last & COMMAND.MEDIUM) await insertDisc(domain);
    if (last & COMMAND.SAVE) await save(domain, message);
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
    const ending = result.state === 'ended' ? result.ending : undefined;
    if (ending) output.guestLog.close();
    output.flush();
    if (ending && ending !== told) send({ kind: 'ended', ending });
    told = ending;
    const now = waitsFor(domain, result);
    if (now !== waits) send({ kind: 'waits', what: now, report: waitsReport(domain, now) });
    waits = now;
    if (domain.instructions >= domain.stopAtInstruction && !mailbox.paused) {
      send({ kind: 'reached' });
      mailbox.setPaused(true);
    } else if (domain.stepped) {
      const hit = domain.takeHit();
      if (hit) send({ kind: 'broke', hit });
      domain.step(0);
      mailbox.setPaused(true);
    } else if (result.state !== 'running')
      park(domain, mailbox, seen, result.state === 'parked' ? slot.wakeNs(result) : Infinity);
  }
}

/** Discs that came for the guest's drives. */
const discs: DiscForWorker[] = [];

/** The message is on its way, and comes while this thread listens. */
async function insertDisc(domain: Domain): Promise<void> {
  let disc = discs.shift();
  for (; !disc; disc = discs.shift()) await eventLoop();
  const { place, medium, readOnly } = disc;
  try {
    const [opened] = medium
      ? attach(
          [{ place, kind: removableKind(place), readOnly: readOnly ?? true, medium }],
          [],
          domain.options.driveQueue,
        )
      : [];
    domain.insertMedium(place, opened?.disk ?? null);
    send({ kind: 'inserted' });
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    send({ kind: 'inserted', sentence: error.message });
  }
}

/** The domain stands still meanwhile: what writes states is loaded for the first one. */
async function save(domain: Domain, { name, program, definition }: ToDomainWorker): Promise<void> {
  try {
    const { saveDomain } = await loadSaving();
    const chunks = saveDomain(domain, { name, program, definition });
    send(
      { kind: 'saved', chunks },
      chunks.map(chunk => chunk.buffer as ArrayBuffer),
    );
  } catch (error) {
    if (!(error instanceof SavedStateError || error instanceof HostError)) throw error;
    send({ kind: 'not-saved', sentence: error.message });
  }
}

/** The one place where a domain's worker blocks. */
function park(domain: Domain, mailbox: Mailbox, seen: number, untilNs: number): void {
  const ms = untilNs === Infinity ? LONGEST_SLEEP_MS : Math.min(LONGEST_SLEEP_MS, domain.clock.idleNs(untilNs) / 1e6);
  // While the UART's queue was full bytes stayed with us; the guest that reads them is what wakes us, so there is nothing to poll.
  if (ms > 0) mailbox.wait(seen, ms);
}

/** What came through the mailbox: its commands, of which those that end the domain and those that wait for a message are left to the caller. */
function serve(domain: Domain, mailbox: Mailbox, slot: Slot): number {
  const commands = mailbox.takeCommands();
  if (commands & (COMMAND.DESTROY | COMMAND.DESTROY_KEEPING_DISKS)) return commands;
  if (commands & COMMAND.STEP) {
    const { stepCount } = mailbox;
    domain.step(stepCount);
    // Whoever asked finds it paused as before when the step is done.
    if (stepCount !== 0) mailbox.setPaused(false);
  }
  if (commands & COMMAND.BREAK) domain.setBreaks(mailbox.breaks);
  if (mailbox.paused !== domain.paused) {
    if (mailbox.paused) domain.pause();
    else domain.unpause();
    slot.setPaused(domain.paused);
  }
  mailbox.takeInput({
    serial: bytes => domain.serialInput(bytes),
    key: (code, down) => domain.key(code, down),
    mouse: move => domain.mouse(move),
  });
  if (commands & COMMAND.RESET) domain.reset();
  if (commands & COMMAND.POWER_BUTTON) domain.pressPowerButton();
  if (commands & COMMAND.WAKE) domain.wake();
  for (const { id } of domain.vcpus.all) if (commands & (COMMAND.NMI << id)) domain.vcpus.nmi(id);
  if (commands & COMMAND.RESUME) domain.resume();
  if (commands & COMMAND.HOTTEST) send({ kind: 'hottest', regions: domain.hottest(HOTTEST_REGIONS) });
  return commands;
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

let started = false;
// The lock is held before the domain's start is asked for; after that nothing but the domain runs here.
void Promise.all([findOwner(), holdLifeLock((globalThis as { name?: string }).name)]).then(([found, lock]) => {
  owner = found;
  owner.onmessage = ({ data }: { data: ToDomainWorker | DiscForWorker }) => {
    if (started) discs.push(data as DiscForWorker);
    else void startOrDie(data as ToDomainWorker);
    started = true;
  };
  send({ kind: 'ready', ...(lock === undefined ? {} : { lock }) });
});
