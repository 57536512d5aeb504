/**
 * What Domain 0's software has of the hypervisor: its event channel ports, other domains' frames, their HVM parameters.
 * Domain 0 is privileged, so it may map any domain's frames; every mapping holds a reference, so the frame stays that domain's until it is unmapped.
 */
import { MAILBOX } from '../../layout/layout.ts';
import { FRAMES_A_MIB } from '../../layout/ram-layout.ts';
import { PORT, XEN, XEN_VCPU } from './layout.ts';
import { isWritableRam } from '../../memory/guest-memory.ts';
import { domain0 } from '../../memory/domain-table.ts';
import { DOMAIN_0, FRAME_BYTES, HostError, type Machine } from '../../memory/machine.ts';
import { EEXIST, EINVAL, EVTCHNSTAT, HVM_PARAM, type VIRQ } from './abi.ts';
import { grantKey, GrantTable } from './grants/grants.ts';
import { getParam, isDeadParam, setParam, shutdownCode } from './hvm/params.ts';
import { Ports } from './events/ports.ts';
import { XEN_PV } from './records.ts';
import { Pod, type PodTarget } from './memory/pod.ts';
import { awaitNoCode, countWriter, endWrites, frameWritten } from './memory/stale.ts';
import { isViridian } from '../viridian/features.ts';
import { dropWritable, takeWritable } from './memory/writable.ts';
import { SHARED_INFO, VCPU_INFO } from './shared.ts';

/** What a domain's counter of frames holds. */
const MOST_FRAMES = 2 ** 31 - 1;

/** A frame of another domain. */
export interface Mapping {
  readonly mfn: number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Call after writing data that the guest may run as code (a disk's block): its processor forgets what it knew of the frame. */
  written(): void;
  /** Gives the frame back; `bytes` and `words` may not be used any more. */
  unmap(): void;
}

/** A frame on which a reference is held until `unmap`. The views are made when somebody looks. */
class FrameMapping implements Mapping {
  readonly mfn: number;
  private readonly owner: Ports;
  private readonly release: () => void;
  private isMapped = true;
  private asBytes: Uint8Array | undefined;
  private asWords: Int32Array | undefined;

  constructor(owner: Ports, mfn: number, release: () => void) {
    this.owner = owner;
    this.mfn = mfn;
    this.release = release;
  }

  get bytes(): Uint8Array {
    return (this.asBytes ??= new Uint8Array(this.owner.machine.memory, this.mfn * FRAME_BYTES, FRAME_BYTES));
  }

  get words(): Int32Array {
    return (this.asWords ??= new Int32Array(this.owner.machine.memory, this.mfn * FRAME_BYTES, FRAME_BYTES / 4));
  }

  written(): void {
    frameWritten(this.owner, this.mfn);
  }

  unmap(): void {
    if (this.isMapped) this.release();
    this.isMapped = false;
  }
}

/** Looks for events that one turn of Domain 0 takes. */
const ROUNDS = 16;

export class Dom0 {
  readonly machine: Machine;
  readonly ports: Ports;
  /** Index of the doorbell in `machine.words`: it moves with every event that becomes pending. */
  readonly doorbell: number;
  /** Hears of what its toolstack has done by a hypercall, for which domain. */
  onHypercall: ((domid: number, name: string, about: string) => void) | undefined;
  private readonly handlers = new Map<number, () => void>();
  /** Ports that were rung by domains whose events wait, by domain. */
  private readonly waiting = new Map<number, Set<number>>();
  /**
   * What its programs have mapped, as `audit` counts it: references by machine frame (`readOnly`: those of them that only read), and uses by `grantKey`
   * (writers in bits 16-31).
   */
  readonly held = {
    frames: new Map<number, number>(),
    readOnly: new Map<number, number>(),
    grants: new Map<number, number>(),
  };
  /** Tables whose entries it has mapped. */
  private readonly tables = new WeakMap<Ports, GrantTable>();

  /** Domain 0's record is made where there is none yet. @throws HostError when machine memory is full */
  constructor(machine: Machine) {
    this.machine = machine;
    const record = domain0(machine, XEN_PV);
    this.ports = new Ports(machine, record);
    this.doorbell = (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL;
  }

  /** Event channel state of a domain. @throws HostError where there is no such domain, or a plain PC. */
  portsOf(domid: number): Ports {
    const ports = this.ports.of(domid);
    if (!ports) throw new HostError(`There is no domain ${domid} with event channels.`);
    return ports;
  }

  // ---- event channels

  /** Binds an end in Domain 0 to a domain's port that waits for Domain 0; `onEvent` runs in `poll`, at first because binding raises it. @throws HostError */
  bindInterdomain(domid: number, remotePort: number, onEvent: () => void): number {
    const port = this.ports.bindInterdomain(this.portsOf(domid), remotePort);
    if (port === -1) throw new HostError('Domain 0 has no free event channel port.');
    if (port < 0) throw new HostError(`Port ${remotePort} of domain ${domid} does not wait for Domain 0.`);
    this.handlers.set(port, onEvent);
    this.onHypercall?.(domid, 'EVTCHNOP_bind_interdomain', `port ${port} to its port ${remotePort}`);
    return port;
  }

  /** Makes a port in a domain that waits for Domain 0, as the toolstack does for its console and its store. @throws HostError */
  allocUnboundFor(domid: number): number {
    const theirs = this.portsOf(domid);
    const port = theirs.locked(() => theirs.allocate(EVTCHNSTAT.UNBOUND, DOMAIN_0, 0, 0));
    if (port < 0) throw new HostError(`Domain ${domid} has no free event channel port.`);
    this.onHypercall?.(domid, 'EVTCHNOP_alloc_unbound', `its port ${port}, for Domain-0`);
    return port;
  }

  /** A VIRQ of Domain 0, such as DOM_EXC: a domain has shut down or died. @throws HostError */
  bindVirq(virq: (typeof VIRQ)[keyof typeof VIRQ], onEvent: () => void): number {
    const { ports } = this;
    const port = ports.allocateVirq(virq, 0);
    if (port < 0) throw new HostError('Domain 0 has no free event channel port.');
    this.handlers.set(port, onEvent);
    return port;
  }

  /** Events of a domain wait from now on, or are heard again. */
  setStill(domid: number, isStill: boolean): void {
    const { waiting } = this;
    if (isStill === waiting.has(domid)) return;
    if (isStill) return void waiting.set(domid, new Set());
    const rung = waiting.get(domid);
    waiting.delete(domid);
    for (const port of rung ?? []) if (this.handlers.has(port)) this.ports.raise(port);
  }

  private hear(port: number): void {
    const waiting = this.waiting.size === 0 ? undefined : this.waiting.get(this.ports.remoteOf(port));
    if (waiting) waiting.add(port);
    else this.handlers.get(port)?.();
  }

  /** Tells the other end. Nothing happens on a port whose other end is gone. */
  send(port: number): void {
    this.ports.send(port);
  }

  close(port: number): void {
    const remote = this.onHypercall && this.remoteOf(port);
    if (remote) this.onHypercall?.(remote.domid, 'EVTCHNOP_close', `port ${port} to its port ${remote.port}`);
    this.handlers.delete(port);
    this.ports.close(port);
  }

  /** The domain whose end a port has, and its number there; undefined: it is not bound (any more). */
  remoteOf(port: number): { domid: number; port: number } | undefined {
    const { words } = this.machine;
    const entry = this.ports.entry(port);
    if (words[entry + PORT.STATE] !== EVTCHNSTAT.INTERDOMAIN) return undefined;
    return { domid: words[entry + PORT.REMOTE], port: words[entry + PORT.REMOTE_PORT] };
  }

  /** Events wait for `poll()`. */
  get pending(): boolean {
    const { words } = this.machine;
    return (Atomics.load(words, words[this.ports.vcpu(0) + XEN_VCPU.INFO] >>> 2) & 0xff) !== 0;
  }

  /**
   * Runs the handlers of all pending ports, and of those that are rung meanwhile. True if any ran. A guest that rings without a pause does not hold the
   * caller: after `ROUNDS` looks what is left stays `pending`, and its sender has rung the doorbell since.
   */
  poll(): boolean {
    const { ports } = this;
    const { words } = this.machine;
    const info = words[ports.vcpu(0) + XEN_VCPU.INFO];
    const pending = (ports.sharedInfo + SHARED_INFO[32].evtchn_pending) >>> 2;
    let ran = false;
    for (let round = 0; round < ROUNDS && Atomics.and(words, info >>> 2, ~0xff) & 0xff; round++) {
      let selector = Atomics.exchange(words, (info + VCPU_INFO[32].evtchn_pending_sel) >>> 2, 0);
      while (selector !== 0) {
        const word = 31 - Math.clz32(selector);
        selector &= ~(1 << word);
        // Cleared before the handlers run: what comes meanwhile is seen in the next round.
        let bits = Atomics.exchange(words, pending + word, 0);
        while (bits !== 0) {
          const bit = 31 - Math.clz32(bits);
          bits &= ~(1 << bit);
          ran = true;
          this.hear(word * 32 + bit);
        }
      }
    }
    return ran;
  }

  // ---- memory

  /**
   * Maps a guest frame of a domain. `readOnly`: the caller stores nothing there, so that the guest's processor keeps its code of the frame and is not waited
   * for, and a page table may be looked at. @throws HostError where there is no memory.
   */
  mapForeign(domid: number, gfn: number, readOnly = false): Mapping {
    const { machine } = this;
    const owner = this.portsOf(domid);
    const { record } = owner,
      stage = machine.secondStage(record);
    const drop = (mfn: number): unknown => (readOnly ? machine.dropReference(mfn) : dropWritable(machine, record, mfn));
    for (let tries = 0; tries < 16; tries++) {
      new Pod(machine, record).demand(gfn);
      const take = (mfn: number): boolean =>
        readOnly ? machine.takeReference(mfn, record.id) : takeWritable(machine, record, mfn);
      const mfn = stage.hold(gfn, take, drop);
      if (mfn < 0) continue;
      count(this.held.frames, mfn, 1);
      if (readOnly) {
        count(this.held.readOnly, mfn, 1);
        return this.mapping(owner, mfn, () => {
          count(this.held.frames, mfn, -1);
          count(this.held.readOnly, mfn, -1);
          drop(mfn);
        });
      }
      countWriter(machine, mfn);
      awaitNoCode(owner, mfn);
      return this.mapping(owner, mfn, () => {
        count(this.held.frames, mfn, -1);
        endWrites(machine, mfn);
        drop(mfn);
      });
    }
    throw new HostError(`Domain ${domid} has no memory at guest frame 0x${gfn.toString(16)}.`);
  }

  /** Whether a device may write a guest frame of a domain: RAM, and a frame buffer that is closed to the guest only to see what it writes; no ROM. */
  mayWrite(domid: number, gfn: number): boolean {
    return isWritableRam(this.machine.secondStage(this.portsOf(domid).record).entry(gfn), gfn);
  }

  /** Holds machine frames of a domain that lie side by side, wherever its guest sees them; the result lets them go. @throws HostError */
  holdFrames(domid: number, first: number, frames: number): () => void {
    const { machine, held } = this;
    let taken = 0;
    const release = (): void => {
      for (; taken > 0; taken--) {
        count(held.frames, first + taken - 1, -1);
        endWrites(machine, first + taken - 1);
        machine.dropReference(first + taken - 1);
      }
    };
    for (; taken < frames; taken++) {
      if (!machine.takeReference(first + taken, domid)) {
        release();
        throw new HostError(`Machine frame ${first + taken} is not domain ${domid}'s.`);
      }
      count(held.frames, first + taken, 1);
      countWriter(machine, first + taken);
      awaitNoCode(this.portsOf(domid), first + taken);
    }
    return release;
  }

  /** Maps what a domain has granted to Domain 0 in its grant table. @throws HostError where it has not */
  mapGrant(domid: number, ref: number, readOnly: boolean): Mapping {
    const owner = this.portsOf(domid);
    const granted = this.grantsOf(owner).acquire(ref, DOMAIN_0, readOnly, true);
    if (typeof granted === 'number')
      throw new HostError(`Domain ${domid} does not grant Domain 0 its entry ${ref} (status ${granted}).`);
    const use = readOnly ? 1 : 0x10000,
      key = grantKey(domid, ref);
    count(this.held.grants, key, use);
    return this.mapping(owner, granted.mfn, () => {
      count(this.held.grants, key, -use);
      granted.release();
    });
  }

  private grantsOf(owner: Ports): GrantTable {
    let table = this.tables.get(owner);
    if (!table) this.tables.set(owner, (table = new GrantTable(owner)));
    return table;
  }

  /** The mapping of a frame on which a reference is held already; `release` drops what belongs to it. */
  mapping(owner: Ports, mfn: number, release: () => void): Mapping {
    return new FrameMapping(owner, mfn, release);
  }

  // ---- toolstack

  /** An HVM parameter (HVM_PARAM); values past 2^53 lose low bits. */
  getHvmParam(domid: number, index: number): number {
    const [low, high] = getParam(this.portsOf(domid), index);
    this.onHypercall?.(domid, 'HVMOP_get_param', paramName(index));
    return high * 2 ** 32 + low;
  }

  /** HVMOP_set_param by the toolstack. 0; -EINVAL: there is no such parameter any more, or no such value; -EEXIST: it was set, and stays. */
  setHvmParam(domid: number, index: number, value: number): number {
    const ports = this.portsOf(domid);
    const low = value % 2 ** 32,
      high = Math.floor(value / 2 ** 32);
    if (isDeadParam(index)) return -EINVAL;
    if (index === HVM_PARAM.VIRIDIAN) {
      if (!isViridian(low, high)) return -EINVAL;
      const [before] = getParam(ports, index);
      if (before !== 0 && before !== low) return -EEXIST;
    }
    setParam(ports, index, low, high);
    this.onHypercall?.(domid, 'HVMOP_set_param', `${paramName(index)} = ${value}`);
    return 0;
  }

  /** XEN_DOMCTL_max_mem: as far as the hypervisor lets a domain grow, in MiB. As in Xen, what is larger than its counter of frames is as far as that goes. */
  setMaxMem(domid: number, mib: number): void {
    const { machine, xenBlock } = this.portsOf(domid),
      frames = Math.min(mib * FRAMES_A_MIB, MOST_FRAMES);
    Atomics.store(machine.words, xenBlock + XEN.MAX_FRAMES, frames);
    this.onHypercall?.(domid, 'XEN_DOMCTL_max_mem', `${frames} pages`);
  }

  /** XENMEM_get_pod_target: frames that a domain has, and what of its memory is populated on demand. */
  getPodTarget(domid: number): PodTarget {
    const { target } = new Pod(this.machine, this.portsOf(domid).record);
    this.onHypercall?.(domid, 'XENMEM_get_pod_target', `${target.totPages} pages`);
    return target;
  }

  /** XENMEM_set_pod_target: a domain shall have this many frames, with those that wait to be used. 0 or -ENOMEM. */
  setPodTarget(domid: number, frames: number): number {
    const status = new Pod(this.machine, this.portsOf(domid).record).setTarget(frames);
    this.onHypercall?.(domid, 'XENMEM_set_pod_target', `${frames} pages${status === 0 ? '' : `: ${status}`}`);
    return status;
  }

  /** SHUTDOWN code of a domain; -1: it has not shut down. */
  shutdownCode(domid: number): number {
    return shutdownCode(this.portsOf(domid));
  }
}

/** As public/hvm/params.h has it. */
const paramName = (index: number): string =>
  `HVM_PARAM_${Object.entries(HVM_PARAM).find(([, value]) => value === index)?.[0] ?? index}`;

function count<K>(held: Map<K, number>, key: K, change: number): void {
  const value = (held.get(key) ?? 0) + change;
  if (value === 0) held.delete(key);
  else held.set(key, value);
}
