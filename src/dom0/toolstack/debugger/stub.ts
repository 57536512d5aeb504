/**
 * The other end of gdb's remote protocol, for one debugger and one domain, whose vCPUs are its threads (1 is vCPU 0). Source: Debugging with GDB, appendix E;
 * answers that leave room to choose are as QEMU's gdbstub gives them. Whatever comes is answered, or refused with an error; all of a domain stops and goes on.
 */
import { bytesOfHex, gdbPacket, hexOf, PacketReader } from '../../../formats/gdb/index.ts';
import { type AddressPoint, MOST_WATCHED_BYTES } from '../../../hypervisor/domain/index.ts';
import { isCanonicalAddress } from '../../../hypervisor/view/index.ts';
import { Debuggee, type PointType, type Stop } from './debuggee.ts';
import { monitor } from './monitor.ts';
import { GdbRegisters } from './registers.ts';

/** Bytes of a packet's data at most, either way. */
const PACKET_BYTES = 0x4000;
/** Of one packet of what `monitor` prints, behind its letter. */
const SAID_BYTES = PACKET_BYTES / 2 - 1;
/** Bytes of memory in one answer. */
const MOST_READ = 0x1000;
/** Packets that wait while another is answered: who sends more does not wait for answers. */
const MOST_WAITING = 64;
const SIGINT = 2,
  SIGTRAP = 5;
/** Errors by the numbers that gdb's File-I/O and QEMU use. */
const EINVAL = 'E16',
  EFAULT = 'E0e',
  ENOSPC = 'E1c';

const TYPES: readonly [type: PointType, kind: AddressPoint['kind']][] = [
  ['software', 'execute'],
  ['hardware', 'execute'],
  ['write', 'write'],
  ['read', 'access'],
  ['access', 'access'],
];
/** The stop reply's word for a point; of watched bytes with the address. */
const REASONS: Readonly<Record<PointType, string>> = {
  software: 'swbreak:;',
  hardware: 'hwbreak:;',
  write: 'watch:',
  read: 'rwatch:',
  access: 'awatch:',
};

const latin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};
const bytesOfLatin1 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, letter => letter.charCodeAt(0));

/** A hexadecimal number; NaN where it is none, or has more than 53 bits. */
const number = (text: string | undefined): number => {
  const value = /^[\da-f]{1,16}$/i.test(text ?? '') ? Number.parseInt(text!, 16) : Number.NaN;
  return Number.isSafeInteger(value) ? value : Number.NaN;
};
/** A linear address, of 64 bits with a sign where it has the highest; undefined: there is none, or not such. */
const addressOf = (text: string | undefined): number | undefined => {
  if (!/^[\da-f]{1,16}$/i.test(text ?? '')) return undefined;
  const address = Number(BigInt.asIntN(64, BigInt(`0x${text}`)));
  return isCanonicalAddress(address) ? address : undefined;
};

export class GdbStub {
  private readonly on: Debuggee;
  private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void;
  private readonly close: () => void;
  private readonly reader = new PacketReader(PACKET_BYTES);
  private readonly waiting: Uint8Array[] = [];
  private busy = false;
  private acknowledges = true;
  private registers: GdbRegisters;
  /** Threads that H chose, as vCPUs. */
  private chosen = { g: 0, c: 0 };
  private isRunning = false;
  private lastStop: Stop = { vcpu: 0 };
  private isOver = false;
  /** What the debugger said that it understands. */
  private understands = new Set<string>();
  private lastSent: Uint8Array<ArrayBuffer> = new Uint8Array();

  /** `close`: the connection is to end. The domain is attached by `begin`. */
  constructor(
    toolstack: ConstructorParameters<typeof Debuggee>[0],
    member: ConstructorParameters<typeof Debuggee>[1],
    { send, close }: { send: (bytes: Uint8Array<ArrayBuffer>) => void; close: () => void },
  ) {
    this.send = send;
    this.close = close;
    this.on = new Debuggee(toolstack, member, {
      stopped: stop => this.stopped(stop),
      over: () => this.over(),
    });
    this.registers = new GdbRegisters(this.on.architecture);
  }

  /** The domain is paused from now on. */
  async begin(): Promise<void> {
    this.busy = true;
    await this.on.attach();
    this.busy = false;
    this.registers = new GdbRegisters(this.on.architecture);
    this.lastStop = { vcpu: this.on.current };
    this.chosen = { g: this.on.current, c: this.on.current };
    void this.serve();
  }

  /** The connection has ended: the domain goes on. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.on.detach();
  }

  receive(bytes: Uint8Array): void {
    for (const event of this.reader.push(bytes)) {
      if (this.isOver) return;
      if (event.kind === 'interrupt') this.on.halt();
      else if (event.kind === 'nak') this.send(this.lastSent.slice());
      else if (event.kind === 'bad') {
        if (this.acknowledges) this.send(bytesOfLatin1('-'));
      } else if (event.kind === 'packet') {
        if (this.acknowledges) this.send(bytesOfLatin1('+'));
        if (this.waiting.length < MOST_WAITING) this.waiting.push(event.data);
      }
    }
    void this.serve();
  }

  /** One packet after the other; while the domain runs they wait, as gdb does. */
  private async serve(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    while (!this.isOver && !this.isRunning) {
      const data = this.waiting.shift();
      if (!data) break;
      const answer = await this.answer(data).catch(() => EINVAL);
      if (answer !== undefined && !this.isOver) this.put(answer);
    }
    this.busy = false;
  }

  private put(text: string): void {
    this.lastSent = gdbPacket(bytesOfLatin1(text));
    this.send(this.lastSent.slice());
  }

  private over(): void {
    if (this.isOver) return;
    // gdb knows it as gone then.
    this.put('W00');
    this.isOver = true;
    this.close();
  }

  // ---- stops

  private stopped(stop: Stop): void {
    this.lastStop = stop;
    this.chosen = { g: stop.vcpu, c: stop.vcpu };
    if (!this.isRunning || this.isOver) return;
    this.isRunning = false;
    this.put(this.stopReply());
    void this.serve();
  }

  private stopReply(): string {
    const { vcpu, hit, pastEnds, isPaused } = this.lastStop;
    const signal = (isPaused ? SIGINT : SIGTRAP).toString(16).padStart(2, '0');
    const ends = pastEnds ? `replaylog:${pastEnds === 'oldest' ? 'begin' : 'end'};` : '';
    return `T${signal}thread:${vcpu + 1};${hit ? this.reasonOf(hit) : ''}${ends}`;
  }

  private reasonOf({ point, access }: NonNullable<Stop['hit']>): string {
    const [type] = this.on.typesOf(point);
    if (type === undefined || !('linear' in point)) return '';
    const reason = REASONS[type];
    if (point.kind === 'execute')
      return this.understands.has(type === 'software' ? 'swbreak' : 'hwbreak') ? reason : '';
    const at = Math.max(point.linear, access?.linear ?? point.linear);
    return `${reason}${BigInt.asUintN(64, BigInt(at)).toString(16)};`;
  }

  // ---- requests

  /** Undefined: there is no answer now. '': this is not known here. */
  private async answer(data: Uint8Array): Promise<string | undefined> {
    const text = latin1(data),
      rest = text.slice(1);
    switch (text[0]) {
      case '?':
        return this.stopReply();
      case 'g':
        return hexOf(this.registers.all(this.words()));
      case 'G':
        return this.putAll(bytesOfHex(rest));
      case 'p': {
        const bytes = this.registers.one(this.words(), number(rest));
        return bytes ? hexOf(bytes) : EINVAL;
      }
      case 'P': {
        const [which, value = ''] = rest.split('=');
        return this.putRegister(number(which), bytesOfHex(value));
      }
      case 'm':
        return this.read(rest);
      case 'M': {
        const [where, value = ''] = rest.split(':');
        return this.write(where, bytesOfHex(value));
      }
      case 'X':
        return this.write(rest.slice(0, rest.indexOf(':')), data.slice(text.indexOf(':') + 1));
      case 'Z':
      case 'z':
        return this.point(text[0] === 'Z', rest.split(';')[0]!.split(','));
      case 'c':
      case 's':
      case 'C':
      case 'S':
        return this.goOn(text[0]!.toLowerCase() === 's', /^[CS]/.test(text) ? rest.split(';')[1] : rest);
      case 'b':
        return this.goBack(rest);
      case 'v':
        return this.verbose(rest);
      case 'H':
        return this.choose(rest);
      case 'T':
        return this.vcpuOf(rest) === undefined ? EINVAL : 'OK';
      case 'q':
      case 'Q':
        return this.query(text);
      case 'D':
        this.put('OK');
        this.end();
        return this.leave();
      case 'k':
        return this.kill();
      default:
        return '';
    }
  }

  private leave(): undefined {
    this.isOver = true;
    this.close();
  }

  private async kill(): Promise<undefined> {
    this.isOver = true;
    await this.on.kill();
    return this.leave();
  }

  private words(): Int32Array {
    return this.on.state(this.chosen.g).regs;
  }

  private async putRegister(which: number, bytes: Uint8Array | undefined): Promise<string> {
    const change = bytes && this.registers.change(which, bytes);
    return change && (await this.on.setRegister(this.chosen.g, change)) ? 'OK' : EINVAL;
  }

  /** Those that have another value; where one of them cannot be changed, none is. */
  private async putAll(bytes: Uint8Array | undefined): Promise<string> {
    const { registers } = this,
      before = registers.all(this.words());
    if (bytes?.length !== before.length) return EINVAL;
    const changes = [...registers.differing(before, bytes)].map(([which, value]) => registers.change(which, value));
    if (changes.includes(undefined)) return EINVAL;
    for (const change of changes) if (!(await this.on.setRegister(this.chosen.g, change!))) return EINVAL;
    return 'OK';
  }

  /** As much as is mapped there from the address on. */
  private read(where: string): string {
    const [at, count] = where.split(','),
      linear = addressOf(at),
      length = number(count);
    if (linear === undefined || Number.isNaN(length)) return EINVAL;
    const bytes = this.on.state(this.chosen.g).bytesAt(linear, Math.min(length, MOST_READ));
    return bytes.length === 0 && length > 0 ? EFAULT : hexOf(bytes);
  }

  private async write(where: string | undefined, bytes: Uint8Array | undefined): Promise<string> {
    const [at, count] = (where ?? '').split(','),
      linear = addressOf(at);
    if (linear === undefined || bytes?.length !== number(count)) return EINVAL;
    return (await this.on.write(this.chosen.g, linear, bytes)) ? 'OK' : EFAULT;
  }

  private point(isSet: boolean, [which = '', at, size]: string[]): string {
    const row = /^[0-4]$/.test(which) ? TYPES[Number(which)] : undefined;
    if (!row) return '';
    const [type, kind] = row,
      linear = addressOf(at),
      length = number(size);
    if (linear === undefined || Number.isNaN(length)) return EINVAL;
    if (kind !== 'execute' && (length < 1 || length > MOST_WATCHED_BYTES)) return EINVAL;
    const point = { kind, linear, bytes: kind === 'execute' ? 1 : length };
    if (!isSet) this.on.removePoint(type, point);
    else if (!this.on.addPoint(type, point)) return ENOSPC;
    return 'OK';
  }

  /** `from`: an address to go on from, as c and s may name it. */
  private async goOn(isStep: boolean, from?: string): Promise<string | undefined> {
    if (from) {
      const address = addressOf(from);
      if (address === undefined) return EINVAL;
      const change = { name: 'rip', low: address | 0, high: Math.floor(address / 2 ** 32) | 0 };
      if (!(await this.on.setRegister(this.chosen.c, change))) return EINVAL;
    }
    this.isRunning = true;
    await this.on.go(isStep ? this.chosen.c : undefined);
    return undefined;
  }

  private async goBack(rest: string): Promise<string | undefined> {
    if (rest !== 's' && rest !== 'c') return '';
    if (!this.on.canGoBack) return EINVAL;
    this.isRunning = true;
    await this.on.goBack(rest === 's' ? this.chosen.c : undefined).catch(error => {
      this.isRunning = false;
      throw error;
    });
    return undefined;
  }

  private verbose(rest: string): string | Promise<string | undefined> | undefined {
    if (rest === 'Cont?') return 'vCont;c;C;s;S';
    if (rest.startsWith('Cont;')) return this.continueBy(rest.slice('Cont;'.length).split(';'));
    if (rest.startsWith('Kill')) {
      this.put('OK');
      return this.kill();
    }
    return '';
  }

  /** All go on or none: of the threads that are to step one does, which the others do not wait for. */
  private continueBy(actions: readonly string[]): string | Promise<string | undefined> {
    let step: number | undefined;
    for (const action of actions) {
      const [, letter, thread] = /^([cs]|[CS][\da-f]{2})(?::(.*))?$/i.exec(action) ?? [];
      const vcpu = thread === undefined ? this.chosen.c : this.vcpuOf(thread);
      if (letter === undefined || vcpu === undefined) return EINVAL;
      if (letter[0]!.toLowerCase() === 's') step ??= vcpu;
    }
    if (step !== undefined) this.chosen.c = step;
    return this.goOn(step !== undefined);
  }

  /** -1 is all, 0 any: the one that was chosen last. */
  private vcpuOf(thread: string): number | undefined {
    if (thread === '-1' || thread === '0') return this.chosen.c;
    const vcpu = number(thread) - 1;
    return vcpu >= 0 && vcpu < this.on.vcpus ? vcpu : undefined;
  }

  private choose(rest: string): string {
    const vcpu = this.vcpuOf(rest.slice(1));
    if ((rest[0] !== 'g' && rest[0] !== 'c') || vcpu === undefined) return EINVAL;
    this.chosen[rest[0]] = vcpu;
    return 'OK';
  }

  private query(text: string): string | Promise<string> {
    const at = text.search(/[:,]/),
      name = at < 0 ? text : text.slice(0, at),
      given = at < 0 ? '' : text.slice(at + 1);
    switch (name) {
      case 'qSupported':
        return this.supported(given);
      case 'QStartNoAckMode':
        this.acknowledges = false;
        return 'OK';
      case 'qXfer':
        return this.transfer(given);
      case 'qC':
        return `QC${(this.chosen.g + 1).toString(16)}`;
      case 'qAttached':
        return '1';
      case 'qSymbol':
        return 'OK';
      case 'qfThreadInfo':
        return `m${Array.from({ length: this.on.vcpus }, (_, i) => (i + 1).toString(16)).join(',')}`;
      case 'qsThreadInfo':
        return 'l';
      case 'qThreadExtraInfo': {
        const vcpu = this.vcpuOf(given);
        return vcpu === undefined ? EINVAL : hexOf(new TextEncoder().encode(this.on.about(vcpu)));
      }
      case 'qRcmd':
        return this.monitor(bytesOfHex(given));
      default:
        return '';
    }
  }

  private supported(given: string): string {
    this.understands = new Set(given.split(';').flatMap(each => (each.endsWith('+') ? [each.slice(0, -1)] : [])));
    const back = this.on.canGoBack ? ';ReverseStep+;ReverseContinue+' : '';
    return `PacketSize=${PACKET_BYTES.toString(16)};QStartNoAckMode+;qXfer:features:read+;swbreak+;hwbreak+;vContSupported+${back}`;
  }

  private transfer(given: string): string {
    const [, offset, length] = /^features:read:target\.xml:([\da-f]{1,8}),([\da-f]{1,8})$/i.exec(given) ?? [];
    if (offset === undefined) return given.startsWith('features:read:') ? 'E00' : '';
    const from = number(offset),
      { description } = this.registers,
      part = description.slice(from, from + Math.min(number(length), PACKET_BYTES / 2));
    return (from + part.length < description.length ? 'm' : 'l') + part;
  }

  private async monitor(line: Uint8Array | undefined): Promise<string> {
    if (!line) return EINVAL;
    const said = new TextEncoder().encode(await monitor(this.on, this.chosen.g, new TextDecoder().decode(line)));
    // What one packet does not hold comes before the answer (remote protocol, qRcmd).
    for (let at = 0; at < said.length; at += SAID_BYTES) this.put(`O${hexOf(said.subarray(at, at + SAID_BYTES))}`);
    return 'OK';
  }
}
