/** A domain as a debugger has it: what it looks at, where it has it stop, how it lets it go on. Its stops are those of `xl break` and the page. */
import { isLongMode, linearIpOf } from '../../../cpu/architecture/index.ts';
import {
  type AddressPoint,
  type BreakHit,
  type BreakPoint,
  isAddress,
  isLongBoot,
} from '../../../hypervisor/domain/index.ts';
import type { DebugWish, PastNow, PastWish } from '../../../hypervisor/verbs/index.ts';
import type { DomainView, LastExit, VcpuState } from '../../../hypervisor/view/index.ts';
import { goInPast, runToNext, setBreaks } from '../breaks/index.ts';
import { askCpu } from '../qemu/cpu-words.ts';
import type { Member } from '../running-domain.ts';
import type { Toolstack } from '../toolstack.ts';
import type { GdbArchitecture, RegisterChange } from './registers.ts';

// biome-ignore lint/suspicious/noExplicitAny: of whichever console
type AnyToolstack = Toolstack<any>;
// biome-ignore lint/suspicious/noExplicitAny: as there
export type AnyMember = Member<any>;

/** Points of a debugger at most: each instruction is compared with them. */
const MOST_POINTS = 256;
/** Bytes of one verb: it has to fit into a worker's mailbox. */
const WRITE_BYTES = 512;

/** What a debugger's point was asked as: gdb has its answer by that name. */
export type PointType = 'software' | 'hardware' | 'write' | 'read' | 'access';

/** It is paused: why, as far as that is a point, an end of its past, or that somebody wanted it to. */
export interface Stop {
  vcpu: number;
  hit?: Pick<BreakHit, 'point' | 'access'>;
  /** It has gone through its past, and this is where that ends. */
  pastEnds?: 'oldest' | 'newest';
  /** Neither a point nor a step: somebody paused it. */
  isPaused?: true;
}

const isSame = (one: AddressPoint, other: BreakPoint): boolean =>
  isAddress(other) && one.kind === other.kind && one.linear === other.linear && one.bytes === other.bytes;

export class Debuggee {
  readonly name: string;
  private readonly toolstack: AnyToolstack;
  private readonly member: AnyMember;
  private readonly view: DomainView;
  /** Those of this debugger's among the domain's. */
  private readonly points: { type: PointType; point: AddressPoint }[] = [];
  /** Why its past is not kept; undefined: it is. */
  private noPast: string | undefined = 'Its past is not kept.';
  private isInPast = false;
  private running = false;
  private stepping = false;
  private seenHit: BreakHit | undefined;
  private readonly stopped: (stop: Stop) => void;
  private readonly over: (how: string) => void;

  /** `stopped` is called once for each time that it was let go on; `over`: it is gone. */
  constructor(
    toolstack: AnyToolstack,
    member: AnyMember,
    { stopped, over }: { stopped: (stop: Stop) => void; over: (how: string) => void },
  ) {
    this.toolstack = toolstack;
    this.member = member;
    this.name = member.name;
    const view = toolstack.view.at(member.record.index);
    if (!view) throw new Error(`${member.name} is gone.`);
    this.view = view;
    this.stopped = stopped;
    this.over = over;
  }

  /** It is paused, and its past is kept from now on, where it has one. */
  async attach(): Promise<void> {
    const { member } = this;
    member.whenStill.add(this.whenStill);
    member.whenOver.add(this.whenOver);
    this.seenHit = member.hit;
    this.toolstack.setPaused(member, true);
    await member.runner.ask('past', 'keep').then(
      ({ isInPast }) => {
        this.noPast = undefined;
        this.isInPast = isInPast;
      },
      async (error: Error) => {
        this.noPast = error.message;
        await member.runner.ask('pastNow');
      },
    );
  }

  /** Its points are gone, and it goes on, in its present. */
  detach(): void {
    const { member } = this;
    member.whenStill.delete(this.whenStill);
    member.whenOver.delete(this.whenOver);
    if (this.isGone) return;
    this.points.length = 0;
    setBreaks(member, this.others);
    if (member.paused) this.toolstack.setPaused(member, false);
  }

  /** The domain is destroyed. */
  async kill(): Promise<void> {
    this.member.whenOver.delete(this.whenOver);
    if (!this.isGone) await this.toolstack.remove(this.member);
  }

  get isGone(): boolean {
    return this.toolstack.members.get(this.member.record.id) !== this.member || this.view.gone;
  }

  private readonly whenOver = (how: string): void => this.over(how);

  // ---- what it is

  get vcpus(): number {
    return this.view.vcpus().length;
  }

  /** Which one's turn it is. */
  get current(): number {
    return this.view.currentVcpu;
  }

  state(vcpu: number): VcpuState {
    return this.view.vcpus()[vcpu]!.look();
  }

  /** A line of QEMU's monitor about a vCPU; undefined: it is none. */
  askCpu(vcpu: number, line: string): string | undefined {
    return askCpu(this.view, vcpu, line);
  }

  /** A vCPU in a few words. */
  about(vcpu: number): string {
    const { isUp } = this.view.vcpus()[vcpu]!;
    return `vCPU ${vcpu} of ${this.name} [${!isUp ? 'not started' : vcpu === this.current ? 'its turn' : 'waits'}]`;
  }

  /** 64 bits where its kernel has them, or a vCPU is there already. */
  get architecture(): GdbArchitecture {
    const isLong =
      isLongBoot(this.member.blueprint.boot) || this.view.vcpus().some(vcpu => isLongMode(vcpu.registers().words));
    return isLong ? 'i386:x86-64' : 'i386';
  }

  get canGoBack(): boolean {
    return this.noPast === undefined;
  }

  lastExits(vcpu: number): LastExit[] {
    return this.view.vcpus()[vcpu]!.lastExits().exits;
  }

  exits(): ReturnType<DomainView['exits']> {
    return this.view.exits();
  }

  get store(): AnyToolstack['services']['client'] {
    return this.toolstack.services.client;
  }

  get id(): number {
    return this.member.record.id;
  }

  /** Where it is in its past; a sentence: it has none. */
  async past(): Promise<PastNow | string> {
    return this.noPast ?? (await this.member.runner.ask('pastNow')) ?? 'Its past is not kept any more.';
  }

  // ---- what is changed

  /** False: it is in its past, in the middle of an instruction, or that register cannot be changed. */
  async setRegister(vcpu: number, { name, low, high }: RegisterChange): Promise<boolean> {
    return !this.isInPast && (await this.member.runner.ask('setRegister', vcpu, name, low, high));
  }

  /** All of them or none. False: it is in its past, or not all of it is mapped. */
  async write(vcpu: number, linear: number, bytes: Uint8Array): Promise<boolean> {
    if (this.isInPast || this.state(vcpu).bytesAt(linear, bytes.length).length < bytes.length) return false;
    for (let at = 0; at < bytes.length; at += WRITE_BYTES)
      if (!(await this.member.runner.ask('writeMemory', vcpu, linear + at, [...bytes.subarray(at, at + WRITE_BYTES)])))
        return false;
    return true;
  }

  private get others(): readonly BreakPoint[] {
    return (this.member.breaks ?? []).filter(each => !this.points.some(({ point }) => isSame(point, each)));
  }

  /** False: there are too many. One that somebody else had set stays when the debugger takes its own away. */
  addPoint(type: PointType, point: AddressPoint): boolean {
    if (this.points.some(own => own.type === type && isSame(own.point, point))) return true;
    if (this.points.length >= MOST_POINTS) return false;
    const before = this.member.breaks ?? [];
    if (before.some(each => isSame(point, each)) && !this.points.some(own => isSame(own.point, point))) return true;
    this.points.push({ type, point });
    if (!before.some(each => isSame(point, each))) setBreaks(this.member, [...before, point]);
    return true;
  }

  removePoint(type: PointType, point: AddressPoint): void {
    const { points, member } = this,
      at = points.findIndex(own => own.type === type && isSame(own.point, point));
    if (at < 0) return;
    points.splice(at, 1);
    if (points.some(own => isSame(own.point, point))) return;
    setBreaks(
      member,
      (member.breaks ?? []).filter(each => !isSame(point, each)),
    );
  }

  /** As what a debugger asked for it; undefined: somebody else did. */
  typesOf(point: BreakPoint): PointType[] {
    return this.points.filter(own => isSame(own.point, point)).map(({ type }) => type);
  }

  // ---- how it goes on

  /** As far as its next stop; `step`: an instruction of this vCPU. In its past no further than to the present. */
  async go(step?: number): Promise<void> {
    this.running = true;
    if (this.isInPast) {
      await this.through(step === undefined ? { forthTo: this.addresses } : { stepOf: step, isBack: false }, 'newest');
      return;
    }
    this.stepping = step !== undefined;
    if (step === undefined) this.toolstack.setPaused(this.member, false);
    else runToNext(this.toolstack, this.member, step, linearIpOf(this.state(step).regs));
  }

  async goBack(step?: number): Promise<void> {
    this.running = true;
    await this.through(step === undefined ? { backTo: this.addresses } : { stepOf: step, isBack: true }, 'oldest');
  }

  /** It stops as soon as it can. */
  halt(): void {
    if (this.running && !this.member.paused) this.toolstack.setPaused(this.member, true);
  }

  private get addresses(): AddressPoint[] {
    return (this.member.breaks ?? []).filter(isAddress);
  }

  /** Through its past; `end`: where it is when nothing stops it before. */
  private async through(wish: PastWish | DebugWish, end: 'oldest' | 'newest'): Promise<void> {
    let now = await goInPast(this.toolstack, this.member, wish);
    const { hit } = now;
    if (!hit && end === 'oldest') now = await goInPast(this.toolstack, this.member, { goTo: now.oldest });
    this.isInPast = now.isInPast;
    const isStep = typeof wish === 'object' && 'stepOf' in wish;
    this.tell({
      vcpu: hit?.vcpu ?? this.current,
      ...(hit && !isStep ? { hit: { point: hit.point } } : {}),
      ...(hit ? {} : { pastEnds: end }),
    });
  }

  private readonly whenStill = (): void => {
    if (this.running) void this.stands();
  };

  private async stands(): Promise<void> {
    const { member, seenHit, stepping } = this;
    // Where its domain runs elsewhere it is paused once it answers.
    await member.runner.ask('pastNow');
    if (!this.running) return;
    const hit = member.hit === seenHit ? undefined : member.hit;
    this.seenHit = member.hit;
    if (hit && this.isOnlyRead(hit)) {
      this.toolstack.setPaused(member, false);
      return;
    }
    this.stepping = false;
    if (stepping) setBreaks(member, member.breaks ?? []);
    this.tell({ vcpu: hit?.vcpu ?? this.current, ...(hit ? { hit } : stepping ? {} : { isPaused: true }) });
  }

  /** A write, where reads alone are watched: processors and we have no such point. */
  private isOnlyRead({ point, access }: BreakHit): boolean {
    const types = this.typesOf(point);
    return access?.isWrite === true && types.length > 0 && types.every(type => type === 'read');
  }

  private tell(stop: Stop): void {
    this.running = false;
    this.stopped(stop);
  }
}
