/**
 * One host with a hostile domain in it: calls in batches, what Domain 0 does to the domain meanwhile, its deaths and rebirths, and after each batch a
 * look at everything.
 */
import { audit, dirtyFreeFrame } from '../../../hypervisor/memory/index.ts';
import { HVM_PARAM, XEN } from '../../../hypervisor/interfaces/xen/index.ts';
import { createDomain, destroyDomain } from '../../../hypervisor/memory/index.ts';
import { HostError, Machine } from '../../../hypervisor/memory/index.ts';
import { saveDomain, SavedStateError } from '../../../hypervisor/interfaces/xen/stream/index.ts';
import type { Mapping } from '../../../hypervisor/interfaces/xen/index.ts';
import { viridianFeatures } from '../../../hypervisor/interfaces/viridian/index.ts';
import { Services, WHOLE_P2M } from '../../../dom0/toolstack/index.ts';
import { StoreError } from '../../../dom0/backends/xenstore/index.ts';
import { Hostile, HOSTILE_MIB, HOSTILE_VCPUS, type HostileType } from './hostile.ts';
import { LENT_COUNT, LENT_FIRST, Neighbours } from './neighbours.ts';
import { type Pick, picker } from '../../harness/pick.ts';

/** Enough for the four domains and their records, and not so much that the hostile one cannot find the end of it. */
const MACHINE_BYTES = 64 << 20;
/** Calls between two looks at everybody, between two turns of the others, and in the mean between two deaths. */
const LOOK_EVERY = 20_000,
  TURN_EVERY = 1000,
  DEATH_EVERY = 12_000;
/** Turns after which each neighbour has done all that it does. */
const TURNS_TO_GET_ON = 60;
const LIVES_WITH_CODE = 12;
/** HVM_PARAM_VIRIDIAN: every group of Hyper-V's interface, with its frequencies. */
const EVERY_ENLIGHTENMENT = viridianFeatures(['all']) as number;

export interface CampaignOptions {
  type: HostileType;
  seed: number;
  /** The neighbours run interleaved with it; otherwise nothing in them may change. */
  running: boolean;
}

export class Campaign {
  private readonly machine = Machine.create(new SharedArrayBuffer(MACHINE_BYTES));
  private readonly services = new Services(this.machine);
  private readonly neighbours: Neighbours;
  private readonly options: CampaignOptions;
  private readonly pick: Pick;
  private readonly freeBefore: number;
  private hostile: Hostile | undefined;
  /** What Domain 0 has mapped of it. */
  private readonly mapped: Mapping[] = [];
  private still = 0;
  private uuid = 0x1000;
  /** Calls that were not refused, and lives that the domain had. */
  succeeded = 0;
  lives = 0;

  constructor(options: CampaignOptions) {
    this.options = options;
    this.pick = picker(options.seed);
    this.neighbours = new Neighbours(this.machine, this.services);
    // Until their conversations are under way.
    const problem = this.neighbours.run(TURNS_TO_GET_ON) ?? this.neighbours.problem(true);
    if (problem) throw new Error(problem);
    while (this.services.poll());
    this.freeBefore = this.machine.freeFrames;
  }

  /** Makes the calls; returns why it failed, or undefined. */
  run(calls: number): string | undefined {
    let made = 0;
    try {
      for (; made < calls; made++) {
        const hostile = this.hostile ?? this.birth();
        hostile.call();
        if (this.pick(300) === 0) this.toolstack(hostile);
        let problem: string | undefined;
        if (made % TURN_EVERY === TURN_EVERY - 1) problem = this.turn();
        if (!problem && made % LOOK_EVERY === LOOK_EVERY - 1) problem = this.look();
        if (!problem && this.pick(DEATH_EVERY) === 0) problem = this.death();
        if (problem) return `${problem} (after ${made} calls)`;
      }
      return this.look() ?? this.death() ?? this.look();
    } catch (error) {
      return `JavaScript exception after ${made} calls: ${(error as Error).stack}`;
    }
  }

  // ---- the hostile domain's lives

  private birth(): Hostile {
    const { machine, services, neighbours, options, pick } = this;
    for (;;) {
      this.lives++;
      const record = createDomain(
        machine,
        HOSTILE_MIB,
        options.type === 'pv' ? machine.frames : WHOLE_P2M,
        Hostile.shape(options.type),
      );
      const uuid = `00000000-0000-0000-0000-${String(this.uuid++).padStart(12, '0')}`;
      services.prepare(record, uuid);
      if (options.type === 'hvm') {
        services.dom0.setHvmParam(record.id, HVM_PARAM.VIRIDIAN, EVERY_ENLIGHTENMENT);
        services.dom0.setHvmParam(record.id, HVM_PARAM.HPET_ENABLED, 1);
      }
      neighbours.lend(record.id);
      const others = neighbours.all.map(neighbour => neighbour.record.id);
      const foreign = [
        ...neighbours.all.flatMap(({ lent }) => lent),
        ...Array.from({ length: machine.frames }, (_, mfn) => mfn).filter(mfn => others.includes(machine.ownerOf(mfn))),
      ];
      const hostile = new Hostile(
        options.type,
        record,
        { machine, others: [0, ...others], foreign, refs: { first: LENT_FIRST, count: LENT_COUNT } },
        pick,
      );
      const described = {
        uuid,
        name: 'hostile',
        type: options.type,
        memoryMiB: HOSTILE_MIB,
        maxMemoryMiB: HOSTILE_MIB,
        vcpus: HOSTILE_VCPUS,
        maxVcpus: HOSTILE_VCPUS,
        startEpochMs: 0,
      };
      services.attach(record, described, () => {});
      this.hostile = hostile;
      if (!options.running) this.still = neighbours.checksum();
      // Some lives begin with code of its own, which may end them.
      if (pick(3) > 0) return hostile;
      let alive = true;
      for (let n = pick(LIVES_WITH_CODE); alive && n > 0; n--) {
        alive = hostile.runCode();
        services.poll();
      }
      if (alive) return hostile;
      const problem = this.death();
      if (problem) throw new Error(problem);
    }
  }

  /** It is destroyed at whatever moment this is: nothing of it stays. */
  private death(): string | undefined {
    const { hostile, machine, services, pick } = this;
    if (!hostile) return undefined;
    this.hostile = undefined;
    this.succeeded += hostile.succeeded;
    const { record } = hostile;
    // As the host does it: back ends first. What else Domain 0 has mapped keeps the domain dying.
    services.detach(record.id);
    const had = Array.from({ length: machine.frames }, (_, mfn) => mfn).filter(
      mfn => machine.ownerOf(mfn) === record.id,
    );
    const gone = destroyDomain(machine, record);
    if (gone && this.mapped.length > 0) return 'a domain went whose frames Domain 0 has mapped';
    if (!gone) {
      if (!machine.find(record.id, true)) return 'a dying domain is not listed';
      if (machine.find(record.id)) return 'a dying domain passes for a living one';
      if (pick(2) === 0) {
        const problem = this.sound();
        if (problem) return `while dying: ${problem}`;
      }
      for (const mapping of this.mapped.splice(0)) mapping.unmap();
      if (!destroyDomain(machine, record)) return 'the domain could not be destroyed: something still holds its frames';
    }
    this.neighbours.closePortsFor(record.id);
    const leaked = this.freeBefore - machine.freeFrames;
    if (leaked !== 0) return `${leaked} frames did not come back when the domain died`;
    const dirty = dirtyFreeFrame(machine, had);
    if (dirty >= 0) return `frame ${dirty} came back with something in it`;
    return undefined;
  }

  // ---- the others

  private turn(): string | undefined {
    const { neighbours, services, pick, options, hostile } = this;
    if (hostile) neighbours.toggle(pick(1000), hostile.record.id);
    if (options.running) return neighbours.run();
    // What Domain 0 says to the others stays unread.
    services.poll();
    return undefined;
  }

  /** What the toolstack and Domain 0's back ends do to a domain, at any moment. */
  private toolstack(hostile: Hostile): void {
    const { machine, services, mapped, pick } = this;
    const { record, domain } = hostile;
    const { dom0 } = services;
    const block = record.guestOffset >>> 2;
    try {
      switch (pick(10)) {
        case 0:
          // xl mem-max, and xl mem-set, which it need not follow.
          machine.words[block + XEN.MAX_FRAMES] = machine.words[block + XEN.CURRENT_FRAMES] + pick(64) - 16;
          services.xenstored
            .client()
            .write(`/local/domain/${record.id}/memory/target`, String(pick(HOSTILE_MIB * 1024)));
          break;
        case 1:
        case 2:
          if (mapped.length < 16)
            mapped.push(dom0.mapForeign(record.id, pick(3) === 0 ? hostile.frame() : pick(HOSTILE_MIB * 256)));
          break;
        case 3:
        case 4:
          if (mapped.length < 16) mapped.push(dom0.mapGrant(record.id, pick(32), pick(2) === 0));
          break;
        case 5:
        case 6:
          for (const mapping of mapped.splice(0, pick(mapped.length + 1))) {
            mapping.words[pick(1024)] = pick(2 ** 32);
            mapping.written();
            mapping.unmap();
          }
          break;
        case 7:
          domain.pause();
          if (pick(2) === 0) domain.runSlice();
          domain.unpause();
          break;
        case 8:
          if (pick(50) === 0) saveDomain(domain, { name: 'hostile', program: 'fuzz', definition: '' });
          break;
        case 9:
          services.ask(record.id, (['poweroff', 'reboot', 'suspend'] as const)[pick(3)]);
          break;
      }
    } catch (error) {
      // What it did to itself may refuse all of this, in a sentence.
      if (!(error instanceof HostError || error instanceof SavedStateError || error instanceof StoreError)) throw error;
    }
  }

  // ---- invariants

  private sound(): string | undefined {
    const [problem] = audit(this.machine, this.services.dom0.held);
    return problem;
  }

  /** Why it does not hold; undefined: it does. */
  private look(): string | undefined {
    const { services, neighbours, options } = this;
    while (services.poll());
    const problem = this.sound() ?? neighbours.grantsProblem();
    if (problem) return problem;
    if (!options.running)
      return this.hostile && neighbours.checksum() !== this.still
        ? 'something in the paused domains has changed'
        : undefined;
    return neighbours.problem(false);
  }

  /** The neighbours have all got on since the beginning, and do so now: each conversation is still there. */
  end(): string | undefined {
    return this.neighbours.run(TURNS_TO_GET_ON) ?? this.neighbours.problem(true);
  }
}
