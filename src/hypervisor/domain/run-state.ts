/**
 * *Idea.* What a domain does and is about to do, as one state machine. A slice enters it and leaves it. While it runs, anything may want the slice to end (`stop`),
 * and devices, faults and hypercalls ask for more than that: to sleep, to wake, a reset, an end. That is done once the instruction under way is complete, so it is
 * a state of its own until then; of several requests the strongest is done, and an end is the strongest. Requests also come between two slices: the next slice
 * then runs no instruction before them.
 *
 * A pause by the toolstack is no state here, as in Xen, whose `pause_count` is no part of `is_shutting_down` either: it keeps the runner from entering a slice.
 */

export type Phase =
  /** Between two slices, with nothing asked for. */
  | 'ready'
  /** In a slice. */
  | 'running'
  /** In a slice that ends after the exit under way. */
  | 'leaving'
  /** The same, for Domain 0: it is served at once, and then the slice goes on. */
  | 'calling'
  /** Suspend to RAM (S3) begins or ends; a reset; a start after a crash; an end: each once the instruction under way is complete. */
  | 'to-sleep'
  | 'to-wake'
  | 'to-reset'
  | 'to-restart'
  | 'to-end'
  /** It powered off, crashed or suspended: only a start or, after a suspend, a resume brings it back. */
  | 'ended';

export type RunEvent =
  /** A slice begins, and is over. */
  | 'enter'
  | 'leave'
  /** The slice is to end; Domain 0 is to be served. */
  | 'stop'
  | 'call'
  /** Requests, the weakest first. */
  | 'sleep'
  | 'wake'
  | 'reset'
  | 'crash'
  | 'end'
  /** What was asked for is done, and the guest goes on; it starts from the beginning; or it has ended. */
  | 'done'
  | 'start'
  | 'over'
  /** Its suspend was cancelled. */
  | 'resume';

/** Rows: what it does. Columns: what happens. `-`: this must not happen then. */
const TABLE = `
            enter      leave      stop       call       sleep      wake       reset      crash      end     done  start   over  resume
ready       running    ready      ready      ready      to-sleep   to-wake    to-reset   to-restart to-end  -     ready   -     -
running     -          ready      leaving    calling    to-sleep   to-wake    to-reset   to-restart to-end  -     running -     -
leaving     -          ready      leaving    calling    to-sleep   to-wake    to-reset   to-restart to-end  -     leaving -     -
calling     -          ready      calling    calling    to-sleep   to-wake    to-reset   to-restart to-end  -     calling -     -
to-sleep    to-sleep   to-sleep   to-sleep   to-sleep   to-sleep   to-wake    to-reset   to-restart to-end  ready ready   -     -
to-wake     to-wake    to-wake    to-wake    to-wake    to-sleep   to-wake    to-reset   to-restart to-end  ready ready   -     -
to-reset    to-reset   to-reset   to-reset   to-reset   to-reset   to-reset   to-reset   to-restart to-end  ready ready   ended -
to-restart  to-restart to-restart to-restart to-restart to-restart to-restart to-restart to-restart to-end  -     ready   -     -
to-end      to-end     to-end     to-end     to-end     to-end     to-end     to-end     to-end     to-end  -     ready   ended -
ended       -          ended      ended      ended      ended      ended      ended      ended      ended   -     ready   -     ready
`;

const [head, ...rows] = TABLE.trim()
  .split('\n')
  .map(line => line.trim().split(/ +/));
/** Where an event leads from a state; absent: it must not happen then. */
const TRANSITIONS = Object.fromEntries(
  rows.map(([phase, ...next]) => [phase, Object.fromEntries(next.map((to, i) => [head[i], to]))]),
) as Record<Phase, Record<RunEvent, Phase | '-'>>;

export class RunState {
  phase: Phase = 'ready';

  /** True: this has changed the state. @throws Error where it must not happen, which is a defect */
  take(event: RunEvent): boolean {
    const { phase } = this,
      next = TRANSITIONS[phase][event];
    if (next === '-') throw new Error(`A domain in the state ${phase} cannot ${event}. This is a defect of Ringside.`);
    this.phase = next;
    return next !== phase;
  }

  /** The slice runs on. */
  get runs(): boolean {
    return this.phase === 'running';
  }

  /** Ends the slice soon: after the exit under way, or now where there is none. */
  stop(): void {
    this.take('stop');
  }
}
