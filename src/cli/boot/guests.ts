/** The guests of one `ringside boot`: their host, their consoles, and what Domain 0 does for those that know Xen. */
import type { DomainType } from '../../dom0/config/model.ts';
import { type Attached, Services } from '../../dom0/toolstack/services.ts';
import type { IdeAttachment } from '../../devices/index.ts';
import { createDomain } from '../../hypervisor/assemble.ts';
import { type Boot, type Domain, type Ending, Machine, type NicModel, type SavedState } from '../../hypervisor/index.ts';
import { XEN_TYPE } from '../../hypervisor/layout.ts';
import type { Member } from './run.ts';

const MIB = 2 ** 20;
/** A guest of Xen sees special pages just below 4 GiB; a PV guest's second stage is indexed by machine frames. */
const WHOLE_P2M = 0x100000;

/** What is to be started, checked as far as it can be without starting it. */
export interface GuestToRun {
  name: string;
  memoryMiB: number;
  vcpus: number;
  p2mFrames: number;
  boot: Boot;
  ide?: IdeAttachment[];
  /** Text of the definition, kept in a saved state. */
  definition: string;
  onReset: 'restart' | 'end';
  startEpochMs: number;
  /** What it shows of Xen; absent: a plain PC. */
  xen?: DomainType;
  uuid?: string;
  saved?: SavedState;
}

export interface GuestsParts {
  /** Monotonic host milliseconds; absent: virtual time. */
  hostMs?: () => number;
  hostMemoryMiB?: number;
  nic?: NicModel;
  /** Every byte that a guest shows. */
  output(byte: number): void;
  /** Port 0xE9 and its like, where it has a place of its own; absent: guests of Xen show it, plain PCs do not. */
  debug?: (byte: number) => void;
  note(sentence: string): void;
}

class Running implements Member {
  readonly guest: GuestToRun;
  domain!: Domain;
  attached: Attached | undefined;
  end: Member['end'];
  /** Where it showed something last: there it is typed at. */
  usesPvConsole: boolean;
  again: NonNullable<Member['again']> = () => false;

  constructor(guest: GuestToRun) {
    this.guest = guest;
    this.usesPvConsole = guest.xen === 'pv' || guest.xen === 'pvh';
  }
}

export class Guests {
  readonly members: Running[];
  readonly machine: Machine;
  private readonly parts: GuestsParts;
  private readonly services: Services | undefined;

  /** @throws LoadError, HostError */
  constructor(guests: GuestToRun[], parts: GuestsParts) {
    this.parts = parts;
    const bytes =
      parts.hostMemoryMiB === undefined
        ? guests.reduce((sum, guest) => sum + Machine.bytesFor(guest.memoryMiB, guest.xen ? WHOLE_P2M : guest.p2mFrames), 0)
        : parts.hostMemoryMiB * MIB;
    this.machine = Machine.create(new SharedArrayBuffer(bytes));
    this.services = guests.some(({ xen }) => xen !== undefined) ? new Services(this.machine) : undefined;
    this.members = guests.map(guest => new Running(guest));
    for (const member of this.members) {
      this.build(member);
      if (member.guest.xen !== undefined) member.again = ending => this.again(member, ending);
    }
  }

  private build(member: Running): void {
    const { guest } = member;
    const { machine, parts, services } = this;
    const { xen } = guest;
    const show = this.shown(member);
    const pvConsole = (bytes: Uint8Array): void => {
      member.usesPvConsole = true;
      for (const byte of bytes) show(byte);
    };
    const p2mFrames = xen === undefined ? guest.p2mFrames : xen === 'pv' ? machine.frames : WHOLE_P2M;
    const shape = { vcpus: guest.vcpus, ...(xen === undefined ? {} : { xen: { hvm: XEN_TYPE.HVM, pvh: XEN_TYPE.PVH, pv: XEN_TYPE.PV }[xen] }) };
    const record = machine.createDomain(guest.memoryMiB, p2mFrames, shape);
    const uuid = guest.uuid ?? uuidOf(record.id, guest.startEpochMs);
    if (xen !== undefined) services?.prepare(record, uuid);
    const debug = parts.debug ?? (xen === undefined ? undefined : show);
    member.domain = createDomain(
      {
        machine,
        record,
        memoryMiB: guest.memoryMiB,
        boot: guest.boot,
        startEpochMs: guest.startEpochMs,
        // A guest of Xen that asks for a reset ends; the toolstack starts it again, as a new domain.
        onReset: xen === undefined ? guest.onReset : 'end',
        onTripleFault: 'end',
        ...(guest.ide ? { ide: guest.ide } : {}),
        ...(parts.nic ? { nic: parts.nic } : {}),
        ...(parts.hostMs ? { hostMs: parts.hostMs } : {}),
        serial: byte => {
          member.usesPvConsole = false;
          show(byte);
        },
        ...(debug ? { debug } : {}),
        ...(xen === undefined ? {} : { xenConsole: (bytes: Uint8Array) => bytes.forEach(byte => show(byte)) }),
      },
      guest.saved,
    );
    if (services === undefined || xen === undefined) return;
    const { boot } = guest;
    member.attached = services.attach(
      record,
      {
        uuid,
        name: guest.name,
        type: xen,
        memoryMiB: guest.memoryMiB,
        maxMemoryMiB: guest.memoryMiB,
        vcpus: guest.vcpus,
        maxVcpus: guest.vcpus,
        startEpochMs: guest.startEpochMs,
        ...(boot.kind === 'firmware' ? {} : { kernel: boot.name, cmdline: boot.cmdline, ...(boot.ramdisk ? { ramdisk: boot.ramdisk.name } : {}) }),
      },
      pvConsole,
    );
  }

  /** One guest's bytes as they are; of several, whole lines with the name before them. */
  private shown(member: Running): (byte: number) => void {
    const { output } = this.parts;
    if (this.members.length === 1) return output;
    const head = new TextEncoder().encode(`${member.guest.name}: `);
    let line: number[] = [];
    return byte => {
      line.push(byte);
      if (byte !== 10 && line.length < 4096) return;
      for (const part of [head, line]) for (const each of part) output(each);
      line = [];
    };
  }

  /** The guest asked for a restart: a new domain takes its place. */
  private again(member: Running, ending: Ending): boolean {
    this.detach(member);
    if (ending.kind !== 'reset' || member.guest.onReset !== 'restart') return false;
    this.machine.destroyDomain(member.domain.options.record);
    this.build(member);
    return true;
  }

  private detach(member: Running): void {
    if (member.attached) this.services?.detach(member.domain.options.record.id);
    member.attached = undefined;
  }

  /** Domain 0's turn. */
  serve(): boolean {
    return this.services?.poll() ?? false;
  }

  /** Bytes typed: at the first guest that runs. */
  input(bytes: Uint8Array): void {
    const member = this.members.find(({ end }) => !end);
    if (member?.attached && member.usesPvConsole) member.attached.input(bytes);
    else member?.domain.serialInput(bytes);
  }

  /** Last words. */
  close(): void {
    for (const member of this.members) this.detach(member);
  }
}

/** A UUID (version 4 by its form) that follows from what makes the domain, so that a run in virtual time repeats itself. */
function uuidOf(domid: number, startEpochMs: number): string {
  let state = (domid * 0x9e3779b1) ^ (startEpochMs % 2 ** 32) ^ Math.floor(startEpochMs / 2 ** 32);
  const bytes = Array.from({ length: 16 }, () => {
    // Marsaglia's xorshift.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.map(byte => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
