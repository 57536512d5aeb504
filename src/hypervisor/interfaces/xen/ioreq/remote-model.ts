/**
 * The device model of a domain when it runs in Domain 0: accesses to its devices become requests in the shared ioreq page, and the vCPU waits for the
 * response as for nothing else. Source: xen/arch/x86/hvm/ioreq.c, emulate.c (hvm_send_ioreq, hvm_io_completion, hvm_send_buffered_ioreq).
 */
import {
  type ExitInfo,
  EPT_WRITE,
  IO_IN,
  IO_REP,
  IO_SIZE_MASK,
  type Processor,
} from '../../../../cpu/architecture/index.ts';
import type { ModelSignals } from '../../../../devices/index.ts';
import { MODEL, MODEL_STATE, XEN_MODEL } from '../layout.ts';
import { FRAME_BYTES } from '../../../memory/machine.ts';
import type { ModelElsewhere, ModelledDomain, ModelTargets } from '../../../domain/model-elsewhere.ts';
import type { Vcpus } from '../../../domain/vcpus.ts';
import type { Ports } from '../events/ports.ts';
import { BufferedPage, type Ioreq, IOREQ_STATE, IOREQ_TYPE, IoreqSlot } from './page.ts';
import { takeSignals } from './signals.ts';

/** The VGA's window: what is written there, nobody waits for. */
const VGA_START = 0xa0000,
  VGA_END = 0xc0000;
/** PCI configuration mechanism 1: its address register is latched, an access to the data register is one to configuration space. */
const CONFIG_ADDRESS = 0xcf8,
  CONFIG_DATA = 0xcfc,
  CONFIG_ENABLE = 0x80000000 | 0;

/** What is left to do when the response is there. */
interface Pending {
  kind: 'in' | 'out' | 'block' | 'memory';
  /** The exit as it was: another vCPU's may come meanwhile. */
  exit: ExitInfo;
  bytes: number;
}

export interface RemoteModelParts {
  ports: Ports;
  processor: Processor;
  vcpus: Vcpus;
  signals: ModelSignals;
  domain: ModelledDomain;
  /** The device model does not do what it should: the domain cannot go on. */
  fail(sentence: string): void;
}

const targetsOf = ({ signals, domain: { map, power } }: RemoteModelParts): ModelTargets => ({
  signals,
  shadow: (base, length, readsRam, writesRam) => map.firmware?.shadow(base, length, readsRam, writesRam),
  a20: map.a20.set,
  videoAt: base => map.video?.moved(base),
  look: dirty => map.video?.takeDirtyPages().forEach((written, page) => (dirty[page] |= written)),
  reset: () => power.askReset('board'),
  debugExit: value => power.debugExit(value),
});

export class RemoteModel implements ModelElsewhere {
  private readonly parts: RemoteModelParts;
  private readonly targets: ModelTargets;
  private readonly words: Int32Array;
  private readonly base: number;
  private readonly pending: (Pending | undefined)[];
  private slots: IoreqSlot[] = [];
  private buffered: BufferedPage | undefined;
  private configAddress = 0;

  constructor(parts: RemoteModelParts) {
    this.parts = parts;
    this.targets = targetsOf(parts);
    const { ports, vcpus } = parts;
    this.words = ports.words;
    this.base = ports.xenBlock + XEN_MODEL;
    this.pending = vcpus.all.map(() => undefined);
    vcpus.modelAnswered = id => this.answered(id);
  }

  private get state(): number {
    return Atomics.load(this.words, this.base + MODEL.STATE);
  }

  /** The pages, once the device model is there. */
  private open(): boolean {
    if (this.slots.length > 0) return this.state === MODEL_STATE.ATTACHED;
    if (this.state !== MODEL_STATE.ATTACHED) return false;
    const { machine } = this.parts.ports;
    const page = (field: number): Int32Array =>
      new Int32Array(machine.memory, this.words[this.base + field] * FRAME_BYTES, FRAME_BYTES / 4);
    const requests = page(MODEL.IOREQ_MFN);
    this.slots = this.pending.map((_, id) => new IoreqSlot(requests, id));
    this.buffered = new BufferedPage(page(MODEL.BUFFERED_MFN));
    return true;
  }

  /** A vCPU waits for a response. */
  get waiting(): boolean {
    return this.pending.some(Boolean);
  }

  /** What the device model said comes into effect, after what it answered. Call before the guest runs. */
  service(): void {
    this.complete();
    takeSignals(this.parts.ports, this.targets);
    if (this.state === MODEL_STATE.GONE && this.waiting) {
      this.pending.fill(undefined);
      this.parts.fail('The device model in Domain 0 has gone, and the guest waits for it.');
    }
  }

  /** Brings what was answered to its instructions without running the guest, to save it. False: a response has not come yet. */
  settle(): boolean {
    const { vcpus } = this.parts;
    this.pending.forEach((pending, id) => {
      if (!pending || !this.answered(id)) return;
      vcpus.makeCurrent(id);
      this.complete();
    });
    this.service();
    return !this.waiting;
  }

  // ---- requests

  /** The port access of the current exit; how many bytes it carries. */
  port(): number {
    const { processor } = this.parts;
    const { exit } = processor;
    const { qualification } = exit;
    const port = qualification >>> 16,
      size = (qualification & IO_SIZE_MASK) + 1,
      read = (qualification & IO_IN) !== 0;
    const request: Ioreq = {
      type: IOREQ_TYPE.PIO,
      address: port,
      bdf: 0,
      data: read ? 0 : exit.value,
      count: 1,
      size,
      read,
      down: false,
      isPointer: false,
    };
    if (port === CONFIG_ADDRESS && size === 4 && !read) this.configAddress = exit.value;
    const block = qualification & IO_REP ? this.block(request) : 0;
    if (block > 0) return block;
    // One that reaches past the data register is no access to one register.
    if ((port & ~3) === CONFIG_DATA && (port & 3) + size <= 4 && this.configAddress & CONFIG_ENABLE) {
      request.type = IOREQ_TYPE.PCI_CONFIG;
      request.bdf = (this.configAddress >>> 8) & 0xffff;
      request.address = (this.configAddress & 0xfc) | (port & 3);
    }
    this.send(request, { kind: read ? 'in' : 'out', exit: { ...exit }, bytes: size });
    return size;
  }

  /** Elements of a string access that lie in one page of memory: the device model takes or puts them there; their bytes, 0 where there are none. */
  private block(request: Ioreq): number {
    const { processor } = this.parts;
    const { exit } = processor;
    const memory = processor.portMemory();
    const at = memory ? processor.translate(exit.guestLinear) : -1;
    if (!memory || at < 0) return 0;
    this.send(
      { ...request, data: at, count: memory.length / request.size, isPointer: true },
      { kind: 'block', exit: { ...exit }, bytes: memory.length },
    );
    return memory.length;
  }

  /** The memory access of the current exit. */
  memory(): void {
    const { exit } = this.parts.processor;
    const read = (exit.qualification & EPT_WRITE) === 0;
    this.send(
      {
        type: IOREQ_TYPE.COPY,
        address: exit.guestPhysical,
        bdf: 0,
        data: read ? 0 : exit.value,
        count: 1,
        size: exit.size,
        read,
        down: false,
        isPointer: false,
      },
      { kind: 'memory', exit: { ...exit }, bytes: exit.size },
    );
  }

  /** A write to the VGA's window goes without waiting, where there is room. */
  writeBuffered({ guestPhysical: address, qualification, size, value }: ExitInfo): boolean {
    if (
      !(qualification & EPT_WRITE) ||
      address < VGA_START ||
      address + size > VGA_END ||
      !this.open() ||
      !this.buffered
    )
      return false;
    if (!this.buffered.put({ type: IOREQ_TYPE.COPY, address, size, data: value })) return false;
    // A device model that is notified and has not looked yet finds this one, too.
    if (this.buffered.waiting === 1) this.parts.ports.sendAsXen(this.words[this.base + MODEL.BUFFERED_PORT]);
    return true;
  }

  private send(request: Ioreq, pending: Pending): void {
    const { vcpus, ports, fail } = this.parts;
    const { id } = vcpus.current;
    if (!this.open()) return fail('The guest used a device, and no device model runs in Domain 0.');
    const slot = this.slots[id];
    if (slot.state !== IOREQ_STATE.NONE)
      return fail(`The ioreq slot of vCPU ${id} is in state ${slot.state} before a request.`);
    this.pending[id] = pending;
    vcpus.waitForModel();
    slot.put(request);
    ports.sendAsXen(slot.port);
  }

  // ---- responses

  /** Whether the vCPU's response is there: it may go on. */
  private answered(id: number): boolean {
    return this.pending[id] !== undefined && this.slots[id].state === IOREQ_STATE.RESPONSE_READY;
  }

  /** The current vCPU's instruction gets what it waited for. */
  complete(): void {
    const { processor, vcpus } = this.parts;
    const { id } = vcpus.current;
    const pending = this.pending[id];
    if (!pending || !this.answered(id)) return;
    const slot = this.slots[id];
    const { data } = slot;
    slot.state = IOREQ_STATE.NONE;
    this.pending[id] = undefined;
    vcpus.modelDone();
    Object.assign(processor.exit, pending.exit);
    if (pending.kind === 'memory') processor.completeMemoryAccess(narrowed(data, pending.bytes));
    else if (pending.kind !== 'block') processor.completePortAccess(narrowed(data, pending.bytes));
    else if ((processor.portMemory()?.length ?? 0) >= pending.bytes) processor.completePortBlock(pending.bytes);
    // Another vCPU has taken the page from under it: one element is done with what there is.
    else processor.completePortAccess(0);
    // What the device model said before it answered: in time for the next instruction.
    takeSignals(this.parts.ports, this.targets);
  }
}

/** Low bytes of a word, unsigned. */
function narrowed(data: number, bytes: number): number {
  return bytes === 4 ? data >>> 0 : data & ((1 << (8 * bytes)) - 1);
}
