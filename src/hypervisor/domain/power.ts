/**
 * How a domain starts, is reset, sleeps (S3), wakes and ends. Devices, faults and the guest's interface ask for it in the middle of an instruction, and it is done
 * once that is complete (`settle`); run-state.ts says which requests give way to which.
 */
import type { ResetKind } from '../../devices/pci/index.ts';
import { ramGfn } from '../layout/ram-layout.ts';
import { mfnOf } from '../memory/second-stage.ts';
import { MachineView } from '../view/machine-view.ts';
import { loadBoot } from './boot.ts';
import type { BuiltDomain } from './built-domain.ts';
import type { DomainClock } from './clock.ts';
import type { Ending } from './ending.ts';
import { publishState } from './published.ts';
import { crashReport, standsAt } from './report.ts';
import type { RunState } from './run-state.ts';
import type { SerialFeed } from './serial-feed.ts';
import type { Vcpus } from './vcpus.ts';
import { goBack, isWayBack, wakeUp } from './warm-reset.ts';

/** What is needed of the domain. */
interface Powered extends BuiltDomain {
  readonly state: RunState;
  readonly vcpus: Vcpus;
  readonly clock: DomainClock;
  readonly serialFeed: SerialFeed;
  readonly counters: Int32Array;
  readonly instructions: number;
  readonly ending: Ending | null;
  readonly paused: boolean;
}

export class Power {
  /** How the domain stopped, since it did. */
  ending: Ending | null = null;
  /** What was loaded, for logs. */
  about = '';
  private readonly domain: Powered;
  /** What is asked for: how it is to end, which reset, and the report of a triple fault that starts it again. */
  private asked: Ending | null = null;
  private resetKind: ResetKind = 'processor';
  private restartReport: string | undefined;

  constructor(domain: Powered) {
    this.domain = domain;
  }

  // ---- requests

  /** It ends so; the first one that asks says how. */
  end(ending: Ending): void {
    if (this.domain.state.take('end')) this.asked = ending;
  }

  /** A reset of the board is one of its processors, too. */
  askReset(kind: ResetKind): void {
    if (this.domain.state.take('reset') || kind === 'board') this.resetKind = kind;
  }

  /** INIT of a processor. Processor 0 goes to the reset vector, where a PC without firmware has only a replacement for that. */
  init(id: number): void {
    const { traits, options, vcpus } = this.domain;
    if (id === 0 && !traits.resetIsNewDomain && options.boot.kind !== 'firmware') this.askReset('processor');
    else vcpus.init(id);
  }

  /** A triple fault resets a PC's processors. False: that would lead nowhere, and is no way that a program takes on purpose. */
  tripleFault(): boolean {
    const wanted = isWayBack(this.domain, 'processor');
    if (wanted) this.askReset('processor');
    return wanted;
  }

  /** The guest wrote this to QEMU's device for tests. */
  debugExit(value: number): void {
    this.end({ kind: 'debug-exit', value, sentence: `The guest wrote ${value} to isa-debug-exit.` });
  }

  /** Ends the domain, or starts it again, with a report of where it was. */
  crash(sentence: string, then: 'restart' | 'end' = 'end'): void {
    if (then === 'end') return this.end({ kind: 'crash', ...this.whereItWas(sentence) });
    this.restartReport = this.report(sentence);
    this.domain.state.take('crash');
  }

  whereItWas(sentence: string): Required<Pick<Ending, 'sentence' | 'report'>> {
    return {
      sentence: `${sentence} ${standsAt(this.domain.processor.regs)}`,
      report: this.report(sentence),
    };
  }

  /** What a person needs to find out why the guest is where it is: registers, code, last exits. */
  report(sentence: string): string {
    const { options, vcpus, instructions } = this.domain;
    return crashReport({
      sentence,
      vcpu: new MachineView(options.machine.memory).at(options.record.index)!.vcpus()[vcpus.current.id],
      retired: instructions,
      ...(options.disassemble ? { disassemble: options.disassemble } : {}),
    });
  }

  // ---- what they lead to

  /** What was asked for is done: the instruction that caused it is complete. False: nothing was. */
  settle(): boolean {
    const { state, options } = this.domain;
    if (state.phase === 'to-sleep' || state.phase === 'to-wake') this.changePower(state.phase);
    switch (state.phase) {
      case 'to-reset':
        if (isWayBack(this.domain, this.resetKind)) this.warmReset(this.resetKind);
        else if (options.onReset === 'restart') this.restart();
        else this.over({ kind: 'reset', sentence: 'The guest asked for a reset.' });
        return true;
      case 'to-restart':
        this.restart(this.restartReport);
        return true;
      case 'to-end':
        this.over(this.asked!);
        return true;
      default:
        return false;
    }
  }

  private changePower(phase: 'to-sleep' | 'to-wake'): void {
    const { state, vcpus, platform } = this.domain;
    state.take('done');
    if (phase === 'to-sleep') return vcpus.sleep();
    platform.resetAfterSleep?.();
    this.resetProcessors();
    wakeUp(this.domain);
    this.forgetCode();
  }

  /** A reset that the guest goes on after, with its memory. */
  private warmReset(kind: ResetKind): void {
    const { state, platform } = this.domain;
    state.take('done');
    if (kind === 'board') platform.reset();
    else platform.resetProcessors?.();
    this.resetProcessors();
    goBack(this.domain);
    this.forgetCode();
  }

  private restart(report?: string): void {
    this.startAgain();
    this.domain.options.onRestart?.(report);
  }

  private over(ending: Ending): void {
    this.domain.state.take('over');
    this.become(ending);
  }

  private become(ending: Ending | null): void {
    this.ending = ending;
    publishState(this.domain.counters, this.domain);
  }

  /** Loads what the domain boots into fresh memory and puts the processor at its entry. */
  start(): void {
    const { platform, guest } = this.domain;
    platform.reset();
    this.resetProcessors();
    guest.start();
    this.about = loadBoot(this.domain);
    this.forgetCode();
  }

  /** RESET pin: memory keeps what is in it, as on a board and under QEMU; what is loaded lies over it. */
  private startAgain(): void {
    const { state, serialFeed } = this.domain;
    state.take('start');
    this.ending = null;
    serialFeed.drop();
    this.start();
    this.become(null);
  }

  /** The count of instructions goes on. */
  private resetProcessors(): void {
    const { clock, processor, vcpus } = this.domain;
    clock.retiredBefore += processor.retired;
    vcpus.reset();
    clock.retiredBefore -= processor.retired;
  }

  private forgetCode(): void {
    const { processor } = this.domain;
    processor.reload();
    processor.flushTlb();
  }

  // ---- between slices

  /** A person has the PC start again, whatever `onReset` says, with empty memory. Also brings a domain back that has stopped. */
  reset(): void {
    const { options, map, memory } = this.domain,
      { machine, record } = options;
    for (let n = 0; n < record.ramFrames; n++) {
      const mfn = mfnOf(map.ramEntry(ramGfn(record, n)));
      if (mfn < 0) continue;
      machine.scrub(mfn);
      memory.onWrite(mfn);
    }
    this.startAgain();
  }

  /** A guest that has suspended itself, and was not moved to another domain, goes on: its hypercall says that the suspend was cancelled. */
  resume(): void {
    if (this.ending?.kind !== 'suspend') return;
    this.domain.guest.cancelSuspend();
    this.domain.state.take('resume');
    this.become(null);
  }
}
