/** A domain is built: frames and a record, its drives, its runner, and then its other ends in Domain 0. */
import { states, virtioChannels } from './parts.ts';
import { loadNic } from '../../devices/index.ts';
import { type DomainListener, GuestLog, wired } from '../../hypervisor/domain/index.ts';
import type { DomainRecord, SavedState } from '../../hypervisor/index.ts';
import { MAILBOX } from '../../hypervisor/layout/index.ts';
import { createDomain, destroyDomain } from '../../hypervisor/memory/index.ts';
import { sharesOf } from '../../hypervisor/scheduler/index.ts';
import { hostTime, modelOf } from '../backends/device-model/index.ts';
import { loadBackends } from '../backends/index.ts';
import { buildByKeys, emulatedCard, emulatedCards, type NewDomain } from '../definitions/config/index.ts';
import { definedAs } from '../definitions/kinds/index.ts';
import { NO_VT_LOG, NO_VT_REASON, NoVtError } from '../definitions/index.ts';
import { Attachments } from './attachments.ts';
import type { Stopping } from './stopping.ts';
import { DEVICE_KINDS, loadKinds } from './devices/index.ts';
import { type GuestKind, kindOf, kindOfMember, type ModelPlace, type Planned } from './kinds/index.ts';
import type { DomainRunner, DomainStart } from './runners/runner.ts';
import { type Blueprint, describe, type DomainConsole, type Member, shapeOf, withLevel } from './running-domain.ts';
import type { BuildOptions, ToolstackCore } from './toolstack-parts.ts';

/** Of a folder where Domain 0 has no files. */
const EIO = 5;
/** Guests write any bytes; Xen's isprint() follows ISO 8859-1. */
const LATIN_1 = new TextDecoder('latin1');

export class Building<Console extends DomainConsole> {
  private readonly core: ToolstackCore<Console>;
  private readonly stopping: Pick<Stopping<Console>, 'ended' | 'startedAgain' | 'bury'>;

  constructor(core: ToolstackCore<Console>, stopping: Pick<Stopping<Console>, 'ended' | 'startedAgain' | 'bury'>) {
    this.core = core;
    this.stopping = stopping;
  }

  /** Toolstack.refuseToBuild. @throws Error with a sentence */
  refuse(blueprint: Blueprint, others: readonly Member[]): void {
    this.mayRun(blueprint);
    const problem = this.core.stations.problemOf(blueprint, others);
    if (problem) throw new Error(problem);
  }

  private mayBuild(): void {
    if (this.core.closed) throw new Error('The host has ended.');
  }

  /** As Xen does where it has no VT-x: a guest that is not paravirtual is refused before anything of it is made. @throws NoVtError */
  private mayRun({ definition }: Blueprint): void {
    this.mayBuild();
    const { kind } = definition;
    const { hypervisor, machine } = this.core;
    const refusal = hypervisor.refusal?.(kind);
    if (refusal) throw new Error(refusal);
    if (!definedAs(definition).needsVt || machine.hasVt) return;
    hypervisor.log.print('info', NO_VT_LOG);
    throw new NoVtError(NO_VT_REASON);
  }

  /** Toolstack.build. @throws Error with a sentence */
  async build(asked: Blueprint, options: BuildOptions<Console> = {}): Promise<Member<Console>> {
    this.mayRun(asked);
    const { paused = false, made, listed } = options;
    // What is built at once takes its name in the turn in which it was judged.
    const { load } = kindOf(asked.definition);
    if (load) await load();
    const whole = asked.saved ? await (await states.load()).withDevices(asked) : asked;
    const addressed = this.core.stations.addressed(withLevel(whole));
    if (addressed.cpuLevel) await this.core.runners.loadLevel?.(addressed.cpuLevel);
    const { definition, drives = [] } = addressed;
    const kind = kindOf(definition);
    const { machine, queue } = this.core;
    const planned = { definition, drives, elsewhere: this.core.runners.elsewhere };
    const model = kind.modelAt(planned);
    const { record, seenMiB, populateMiB } = this.recordOf(addressed, kind, planned, model);
    const uuid = definition.uuid ?? this.core.uuid(record.id, addressed.startEpochMs);
    // Where it starts again it is the same domain (create_domain() of xl_vmcontrol.c parses its definition once).
    const blueprint = { ...addressed, definition: { ...definition, uuid } };
    made?.(record.id);
    this.core.parts.recorder?.called(record.id, uuid);
    this.core.noteCall(
      record,
      'XEN_DOMCTL_createdomain',
      `domain ${record.id}: ${populateMiB} MiB, ${record.vcpus} vCPU${record.vcpus === 1 ? '' : 's'}`,
    );
    try {
      kind.prepare?.(this.core.services, record, uuid);
      model.prepare?.(machine, record);
      const setParam: NewDomain['setParam'] = (name, value) =>
        kind.setParam?.(this.core.services, record.id, name, value);
      buildByKeys({ machine, record, setParam }, definition);
    } catch (error) {
      destroyDomain(machine, record);
      throw error;
    }
    const member = this.memberOf(blueprint, record, uuid, options);
    const listener = this.listenTo(member);
    try {
      this.core.drives.open(member, model, listener);
    } catch (error) {
      this.core.services.detachDrives(record.id);
      member.attachments.close();
      destroyDomain(machine, record);
      throw error;
    }
    queue.add(record, { ...sharesOf(definition), doorbell: (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL });
    member.runner = this.core.runners.start(this.startOf(member, seenMiB, model), listener);
    this.core.members.set(record.id, member);
    listed?.(record.id);
    try {
      await this.begin(member, listener, model, paused);
    } catch (error) {
      await this.unbuild(member);
      throw error;
    }
    return member;
  }

  /** Frames and a record for a new domain. @throws HostError */
  private recordOf(blueprint: Blueprint, kind: GuestKind, planned: Planned, model: ModelPlace) {
    const { definition } = blueprint;
    const { cards, drives } = kind.reserves(planned);
    const { seenMiB, p2mFrames, ...memory } = shapeOf(blueprint, this.core.machine.frames);
    const record = createDomain(this.core.machine, seenMiB, p2mFrames, {
      vcpus: definition.maxVcpus ?? definition.vcpus,
      onlineVcpus: definition.vcpus,
      ...memory,
      cards,
      drives: model.queues && drives,
      ...(kind.records ? { guest: kind.records } : {}),
    });
    return { record, seenMiB, populateMiB: memory.populateMiB };
  }

  /** Once its runner is on its way: it gets its other ends, and runs when they are there. */
  private async begin(
    member: Member<Console>,
    listener: DomainListener,
    model: ModelPlace,
    paused: boolean,
  ): Promise<void> {
    const { record } = member;
    const { definition } = member.blueprint;
    const kind = kindOf(definition);
    const emulated = emulatedCards(definition);
    for (const card of emulated) {
      this.core.services.network.attachCard(record, card);
      if (card.options?.link === 'down') member.runner.ask('setLink', card.place, false);
    }
    const waits = paused || kind.hasStore;
    if (waits) this.core.setHeld(member, true);
    const arriving = member.blueprint.saved?.arriving;
    if (arriving && kind.hasStore) this.core.services.announce(record.id, describe(member));
    // Of one that comes from elsewhere the guest is paused from here on.
    const [about] = await Promise.all([
      member.runner.started,
      loadKinds(DEVICE_KINDS, describe(member).devices ?? {}),
      member.blueprint.saved && states.load(),
    ]);
    if (definition.virtio) (await virtioChannels.load()).openChannels(member);
    member.about = about;
    await arriving?.mayAttach;
    this.mayBuild();
    if (arriving && this.core.members.get(record.id) !== member)
      throw new Error(`${member.name} was destroyed before it could run.`);
    if (arriving) this.hasArrived(member, member.blueprint.saved!.state);
    if (kind.hasStore) await this.attach(member);
    if (definition.cards.length > 0) await this.core.services.network.connect();
    if (model.inDomain0) {
      await Promise.all([loadBackends(['model']), ...emulated.map(card => loadNic(card.model))]);
      this.attachModel(member, listener);
    }
    // What it goes on from is in its memory now.
    const { saved, ...blueprint } = member.blueprint;
    member.blueprint = blueprint;
    kind.begin?.(member, saved !== undefined);
    for (const input of member.early?.splice(0) ?? []) input();
    delete member.early;
    if (waits) this.core.setHeld(member, false);
  }

  /** What of a state that has come is not known before its end. */
  private hasArrived(member: Member<Console>, { toolstack }: SavedState): void {
    this.core.drives.restoreChanges(member);
    if (toolstack?.console instanceof Uint8Array) member.console.print(toolstack.console);
    if (toolstack?.usesPvConsole === true) member.usesPvConsole = true;
  }

  /** It could not be built: nothing of it is left. */
  private async unbuild(member: Member<Console>): Promise<void> {
    const { record } = member;
    // Somebody has destroyed it meanwhile.
    if (this.core.members.get(record.id) !== member) return;
    this.core.members.delete(record.id);
    this.core.away?.gone(record.id);
    this.core.halted.set(member.name, 'failed');
    this.core.services.network.detachCard(record.id);
    await member.runner.destroy();
    this.core.services.detach(record.id);
    this.core.services.detachDrives(record.id);
    member.attachments.close();
    this.core.queue.remove(record.index);
    this.stopping.bury(member);
  }

  /** Before it is started: `runner` is given to it then. */
  private memberOf(
    blueprint: Blueprint,
    record: DomainRecord,
    uuid: string,
    { paused = false, before, restarts, why }: BuildOptions<Console>,
  ): Member<Console> {
    const { definition, saved } = blueprint;
    const shown = saved?.state.toolstack?.console;
    return {
      blueprint,
      record,
      name: definition.name,
      uuid,
      builtEpochMs: this.core.parts.epochMs(),
      memoryMiB: definition.memoryMiB,
      console: this.core.listener.console(
        record,
        definition.name,
        before?.(record.id),
        shown instanceof Uint8Array ? shown : undefined,
      ),
      runner: undefined as unknown as DomainRunner,
      early: [],
      usesPvConsole: blueprint.saved?.state.toolstack?.usesPvConsole === true || !kindOf(definition).hasBoard,
      about: '',
      paused,
      why: { running: why ?? (blueprint.saved ? 'restored' : 'booted'), paused: 'user' },
      holds: 0,
      ending: null,
      released: false,
      whenOver: new Set(),
      whenStill: new Set(),
      attachments: new Attachments(),
      ...(restarts ? { restarts } : {}),
    };
  }

  private startOf(member: Member<Console>, memoryMiB: number, model: ModelPlace): DomainStart {
    const { blueprint, record, console, attachments } = member;
    const { definition, boot, diskChanges, saved, cpuLevel, stopAtInstruction, startEpochMs, text } = blueprint;
    const drives = this.core.drives.elsewhere(member);
    const cards = emulatedCards(definition);
    const kind = kindOf(definition);
    return {
      record,
      boot,
      memoryMiB,
      startEpochMs,
      name: definition.name,
      definition: text,
      program: this.core.parts.version,
      ...model.start(attachments, drives, diskChanges),
      ...(cards.length > 0
        ? { cards: cards.map(({ place, model: nic, mac }) => ({ place, model: nic, ...(mac ? { mac } : {}) })) }
        : {}),
      ...(definition.virtio
        ? { virtio: { items: definition.virtio, seed: this.core.seed(record.id, startEpochMs) } }
        : {}),
      ...(cpuLevel ? { cpuLevel } : {}),
      ...(this.core.jitThreshold === undefined ? {} : { jitThreshold: this.core.jitThreshold }),
      ...(saved ? { saved } : {}),
      ...(stopAtInstruction === undefined ? {} : { stopAtInstruction }),
      ...(kind.hasStore && (console.printXen || this.core.hypervisor.log.wantsGuests) ? { withXenConsole: true } : {}),
      ...(console.printDebug ? { withDebug: true } : {}),
      onReset: definition.onReboot === 'restart' && kind.restartsInPlace ? 'restart' : 'end',
      onTripleFault: !kind.restartsInPlace || this.core.parts.tripleFaultEnds ? 'end' : 'restart',
    };
  }

  private listenTo(member: Member<Console>): DomainListener {
    const { console } = member;
    const { listener } = this.core;
    return {
      serial: bytes => {
        member.usesPvConsole = false;
        console.print(bytes);
      },
      xenConsole: lines => this.printXen(member, lines),
      debug: bytes => console.printDebug?.(bytes),
      ended: ending => this.stopping.ended(member, ending),
      problem: sentence => listener.problem(member, sentence),
      restarted: report => this.stopping.startedAgain(member, report, 'The guest asked for a reset.'),
      waits: (what, report) => listener.waits?.(member, what, report),
      reached: () => listener.reached?.(member),
      broke: hit => {
        // libvirt has no word for it: QEMU's RUN_STATE_DEBUG is `unknown` there.
        member.hit = hit;
        this.core.setPaused(member, true, 'unknown');
        listener.broke?.(member, hit);
      },
      stepped: () => {
        // After a step somebody paused it before; one that ran to its next instruction is paused now.
        if (!member.paused) this.core.setPaused(member, true, 'unknown');
      },
      away: (domid, gfn) => this.core.away?.wanted(domid, gfn),
      folder: async (device, number, request) => {
        const answer = (await listener.folder?.(member, device, request)) ?? { errno: EIO };
        member.runner.ask('folderAnswer', device, number, answer);
      },
      channel: (name, told) => {
        if (member.channels?.get(name)?.hear(told)) this.core.listener.listed();
      },
      ejected: slot => kindOfMember(member).ejected?.(this.core, member, slot),
      changed: () => {
        console.snapshot?.(false);
        listener.changed?.(member);
      },
    };
  }

  /** Whole lines of the hypervisor's console. */
  private printXen({ console }: Member<Console>, lines: Uint8Array): void {
    console.printXen?.(lines);
    if (this.core.hypervisor.log.wantsGuests) this.core.hypervisor.log.guest(LATIN_1.decode(lines));
  }

  /** Store and console. */
  private async attach(member: Member<Console>): Promise<void> {
    const { blueprint, console } = member;
    const described = describe(member);
    await loadKinds(DEVICE_KINDS, described.devices ?? {});
    this.mayBuild();
    const print = (bytes: Uint8Array): void => {
      member.usesPvConsole = true;
      console.print(bytes);
    };
    member.attached = this.core.services.attach(member.record, described, print, blueprint.saved?.state.toolstack);
  }

  /** The device model of a guest, in Domain 0. */
  private attachModel(member: Member<Console>, { problem, serial }: DomainListener): void {
    const { parts, services } = this.core;
    const { record, console, runner, blueprint } = member;
    const { definition, boot, saved } = blueprint;
    const { hostMs } = parts;
    const debug = console.printDebug
      ? (byte: number) => console.printDebug?.(Uint8Array.of(byte))
      : (console.printXen || this.core.hypervisor.log.wantsGuests) &&
        new GuestLog(record.id, lines => this.printXen(member, lines)).put;
    // In its guest's time where that is known here, so that a run in virtual time repeats itself.
    const time =
      runner.modelTime?.() ??
      hostTime(hostMs ?? (() => this.core.virtualMs), parts.later, () => this.core.wakeDomain0());
    const emulated = emulatedCard(definition);
    member.model = services.attachModel({
      record,
      boot,
      ide: member.attachments.ide,
      io: services.io,
      ...(emulated ? { nic: timers => wired(this.core.machine, record, timers, emulated) } : {}),
      ...time,
      ...(hostMs ? { hostMs } : {}),
      serial: byte => serial(Uint8Array.of(byte)),
      ...(debug ? { debug } : {}),
      failed: problem,
      saved: saved && modelOf(saved.state),
    });
  }
}
