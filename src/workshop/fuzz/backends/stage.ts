/** A host with two domains: one whose pages and store a fuzzer writes, and one that asks Domain 0 for things and gets them. No processor runs. */
import { MemoryDisk } from '../../../formats/blocks/index.ts';
import {
  audit,
  createDomain,
  destroyDomain,
  type DomainRecord,
  FRAME_BYTES,
  Machine,
} from '../../../hypervisor/memory/index.ts';
import { HVM_PARAM } from '../../../hypervisor/interfaces/xen/index.ts';
import { Ports } from '../../../hypervisor/interfaces/xen/events/index.ts';
import { GrantTable } from '../../../hypervisor/interfaces/xen/grants/index.ts';
import { Services } from '../../../dom0/toolstack/index.ts';
import type { Scribbler } from './scribbler.ts';
import { XEN_PVH } from '../../../hypervisor/interfaces/xen/index.ts';

export type Device = 'vbd' | 'vif' | 'vfb';
const MACHINE_BYTES = 12 << 20;
const MIB = 1,
  FRAMES = 256;
const STORE_GFN = 5,
  CONSOLE_GFN = 6;
type Described = Parameters<Services['attach']>[1];
const DISK_SECTORS = 256;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const DEVICES: Record<Device, () => Described['devices']> = {
  vbd: () => {
    const disk = new MemoryDisk(new Uint8Array(DISK_SECTORS * 512));
    return { disks: [{ vdev: 'xvda', kind: 'disk', readOnly: false, disk, target: 'memory', place: -1 }] };
  },
  vif: () => ({ cards: [{ mac: '00:16:3e:00:00:01', emulated: false }] }),
  vfb: () => ({ screen: true }),
};

/** A domain as its kernel could use it. */
export class Puppet {
  readonly record: DomainRecord;
  readonly ports: Ports;
  readonly grants: GrantTable;
  readonly attached: ReturnType<Services['attach']>;
  /** Bytes that its console has shown. */
  printed = 0;
  lastPrinted = '';
  private readonly machine: Machine;

  constructor(
    machine: Machine,
    services: Services,
    { name, uuid, device }: { name: string; uuid: string; device?: Device | undefined },
  ) {
    this.machine = machine;
    this.record = createDomain(machine, MIB, FRAMES, { guest: XEN_PVH });
    services.prepare(this.record, uuid);
    services.dom0.setHvmParam(this.record.id, HVM_PARAM.STORE_PFN, STORE_GFN);
    services.dom0.setHvmParam(this.record.id, HVM_PARAM.CONSOLE_PFN, CONSOLE_GFN);
    this.ports = new Ports(machine, this.record);
    this.grants = new GrantTable(this.ports);
    const described: Described = {
      uuid,
      name,
      type: 'pvh',
      memoryMiB: MIB,
      maxMemoryMiB: MIB,
      vcpus: 1,
      maxVcpus: 1,
      startEpochMs: 0,
      ...(device ? { devices: DEVICES[device]() } : {}),
    };
    this.attached = services.attach(this.record, described, bytes => {
      this.printed += bytes.length;
      this.lastPrinted = String.fromCharCode(...bytes.subarray(0, 64));
    });
  }

  /** Where a frame of its memory is, in bytes of machine memory. */
  at(gfn: number): number {
    return this.machine.secondStage(this.record).mfn(gfn) * FRAME_BYTES;
  }

  bytes(gfn: number): Uint8Array {
    return this.machine.bytes.subarray(this.at(gfn), this.at(gfn) + FRAME_BYTES);
  }

  words(gfn: number): Int32Array {
    return this.machine.words.subarray(this.at(gfn) / 4, (this.at(gfn) + FRAME_BYTES) / 4);
  }

  readonly store = STORE_GFN;
  readonly console = CONSOLE_GFN;
}

/** Words of the two special pages (io/xs_wire.h, io/console.h). */
export const STORE = {
  REQ_CONS: 512,
  REQ_PROD: 513,
  RSP_CONS: 514,
  RSP_PROD: 515,
  CONNECTION: 517,
  REPLIES: 1024,
  BYTES: 1024,
} as const;
export const CONSOLE = {
  IN_CONS: 768,
  IN_PROD: 769,
  OUT_CONS: 770,
  OUT_PROD: 771,
  OUT: 1024,
  OUT_BYTES: 2048,
} as const;

export class Stage {
  readonly machine = Machine.create(new SharedArrayBuffer(MACHINE_BYTES));
  readonly services: Services;
  /** Sentences in Domain 0's log. */
  readonly said: string[] = [];
  hostile: Puppet | undefined;
  lives = 0;
  private readonly device: Device | undefined;
  private readonly scribbler: Scribbler | undefined;
  private readonly witness: Puppet;
  private readonly free: number;
  private asked = 0;

  /** `scribbler`: gives who writes into the hostile domain's pages of that machine. */
  constructor(device?: Device, scribbler: (machine: Machine) => Scribbler | undefined = () => undefined) {
    this.device = device;
    this.scribbler = scribbler(this.machine);
    this.services = new Services(this.machine, { log: sentence => this.said.push(sentence) });
    this.witness = new Puppet(this.machine, this.services, {
      name: 'witness',
      uuid: '00000000-0000-0000-0000-00000000aaaa',
    });
    while (this.services.poll());
    this.free = this.machine.freeFrames;
  }

  /** The hostile domain, new. `scribbled`: frames that another thread writes all the time. */
  birth(scribbled: readonly number[]): Puppet {
    const uuid = `00000000-0000-0000-0000-${String(++this.lives).padStart(12, '0')}`;
    const hostile = (this.hostile = new Puppet(this.machine, this.services, {
      name: 'hostile',
      uuid,
      device: this.device,
    }));
    this.scribbler?.start(scribbled.map(gfn => hostile.at(gfn)));
    return hostile;
  }

  /** Its end; what is wrong afterwards. */
  death(): string | undefined {
    const { hostile, machine, services } = this;
    if (!hostile) return undefined;
    this.hostile = undefined;
    this.scribbler?.stop();
    services.detach(hostile.record.id);
    while (services.poll());
    if (!destroyDomain(machine, hostile.record, services.dom0.held.frames))
      return 'Domain 0 still has pages of the hostile domain mapped when it is gone';
    if (machine.freeFrames !== this.free)
      return `${this.free - machine.freeFrames} frames did not come back when the hostile domain went`;
    return undefined;
  }

  /** Domain 0's turn; a hostile domain may keep it busy, but not for ever. */
  turn(): string | undefined {
    for (let turns = 0; this.services.poll(); turns++) if (turns > 10_000) return 'Domain 0 finds no end';
    return undefined;
  }

  /** The other domain asks the store and prints: it must notice nothing. */
  look(): string | undefined {
    const { witness, services, machine } = this;
    const number = ++this.asked;
    const store = witness.words(witness.store),
      bytes = witness.bytes(witness.store);
    const name = encode('name\0');
    const request = new Uint8Array(16 + name.length);
    request.set(name, 16);
    new Uint32Array(request.buffer, 0, 4).set([2, number, 0, name.length]);
    const produced = store[STORE.REQ_PROD];
    request.forEach((byte, i) => (bytes[(produced + i) % STORE.BYTES] = byte));
    store[STORE.REQ_PROD] = produced + request.length;
    witness.ports.send(1);
    const text = encode(`${number}\n`);
    const console = witness.words(witness.console);
    text.forEach(
      (byte, i) =>
        (witness.bytes(witness.console)[CONSOLE.OUT + ((console[CONSOLE.OUT_PROD] + i) % CONSOLE.OUT_BYTES)] = byte),
    );
    console[CONSOLE.OUT_PROD] += text.length;
    witness.ports.send(2);
    const problem = this.turn();
    if (problem) return problem;
    const from = store[STORE.RSP_CONS],
      size = (store[STORE.RSP_PROD] - from) | 0;
    const answer = Array.from({ length: Math.max(size - 16, 0) }, (_, i) =>
      String.fromCharCode(bytes[STORE.REPLIES + ((from + 16 + i) % STORE.BYTES)]),
    ).join('');
    store[STORE.RSP_CONS] = store[STORE.RSP_PROD];
    if (answer !== 'witness') return `the other domain asked the store for its name and got ${JSON.stringify(answer)}`;
    if (witness.lastPrinted !== `${number}\n`)
      return `the other domain printed ${number}, and ${JSON.stringify(witness.lastPrinted)} was shown`;
    return audit(machine, services.dom0.held)[0];
  }
}
