/** What was done on the host, by the command that it is, and how it ended. */
import type { CommandValue, Line } from './hypervisors/command/command-value.ts';
import { described, spell, type Spellings } from './hypervisors/spelling.ts';
import { xenLife } from './hypervisors/xen-life.ts';
import type { Task } from './wire.ts';
import { Recorder, type Recording, type TaskRecord } from './recorder.ts';

/** Finished tasks that are remembered. */
const TASKS = 100;

/** A task under way whose end comes later. */
export interface Started {
  task: Task;
  /** How far it is (0 to 1), where that is known, and what can be said of it. */
  say(message: string, progress?: number): void;
  /** Called once, with what came of it. */
  end(state: 'done' | 'failed', message?: string): void;
}

export class Tasks {
  /** Where what happens is noted for the task on whose behalf it does. */
  readonly recorder = new Recorder();
  private readonly clocks: { epochMs: () => number; hostMs: () => number };
  private readonly changed: () => void;
  private readonly ended: (task: Task) => void;
  private spellings: Partial<Spellings>;
  private all: Task[] = [];
  private readonly recordings = new Map<number, Recording>();
  private last = 0;

  /** `parts`: of the host, with how its tools spell commands (Xen's); `changed`: the list is another one now; `ended`: this one is over. */
  constructor(
    parts: { epochMs: () => number; hostMs: () => number; hypervisor?: { spellings: Partial<Spellings> } },
    changed: () => void,
    ended: (task: Task) => void = () => {},
  ) {
    this.clocks = parts;
    this.changed = changed;
    this.ended = ended;
    this.spellings = parts.hypervisor?.spellings ?? xenLife;
  }

  /** How the host's tools spell commands, where it started with those that a first guest needs. */
  spellBy(spellings: Spellings): void {
    this.spellings = spellings;
  }

  list(): Task[] {
    return this.all.map(task => {
      const caused = this.recordings.get(task.id)?.caused;
      return { ...task, ...(caused ? { caused: { ...caused } } : {}) };
    });
  }

  /** What a task caused, so far or as it ended; undefined: nothing was recorded for it. */
  record(id: number): TaskRecord | undefined {
    return this.recordings.get(id)?.record;
  }

  private begin(command: CommandValue | string): Task {
    const spelled = (asked: CommandValue): string => spell(this.spellings, asked) ?? described(asked);
    const task: Task = {
      id: ++this.last,
      // What is done may find out only then which command it is: it is spelled when it is looked at.
      get command() {
        return this.asked ? spelled(this.asked) : String(command);
      },
      ...(typeof command === 'string' ? {} : { asked: command }),
      state: 'running',
      startedMs: this.clocks.epochMs(),
    };
    this.all.push(task);
    for (const { id } of this.all.slice(0, -TASKS)) this.recordings.delete(id);
    if (this.all.length > TASKS) this.all = this.all.slice(-TASKS);
    return task;
  }

  /** Something that nobody asked for and that people should see. */
  note(command: CommandValue | string, state: 'done' | 'failed', message: string): void {
    this.ended(Object.assign(this.begin(command), { state, message }));
  }

  /** Begins something whose end comes later; `domid`: the domain that it is about. */
  start(command: CommandValue | Line, message?: string, domid?: number): Started {
    return this.recorded(command, message, domid).started;
  }

  private recorded(
    command: CommandValue | Line,
    message?: string,
    domid?: number,
  ): { started: Started; recording: Recording } {
    const { hostMs } = this.clocks;
    const task = this.begin(command),
      startedMs = hostMs();
    const recording = this.recorder.begin(() => hostMs() - startedMs);
    this.recordings.set(task.id, recording);
    if (domid !== undefined) recording.concerns(domid);
    if (message !== undefined) task.message = message;
    this.changed();
    const say = (now: string, progress?: number): void => {
      if (task.message === now && task.progress === progress) return;
      Object.assign(task, { message: now }, progress === undefined ? {} : { progress });
      this.changed();
    };
    const end = (state: 'done' | 'failed', last = task.message): void => {
      this.recorder.end(recording);
      delete task.progress;
      Object.assign(task, { state, durationMs: hostMs() - startedMs }, last === undefined ? {} : { message: last });
      this.ended(task);
      this.changed();
    };
    return { started: { task, say, end }, recording };
  }

  /**
   * Does something that was asked for, which may say in `task` what it caused; what it throws is the task's message, and thrown again. It is about the domain
   * `domid`, and about those of which it says so by `concerns`.
   */
  async run<T>(
    command: CommandValue | Line,
    work: (task: Pick<Task, 'asked' | 'message'>, concerns: (domid: number) => void) => Promise<T>,
    domid?: number,
  ): Promise<T> {
    const {
      started: { task, end },
      recording,
    } = this.recorded(command, undefined, domid);
    try {
      const result = await work(task, id => recording.concerns(id));
      end('done');
      return result;
    } catch (error) {
      end('failed', (error as Error).message);
      throw error;
    }
  }
}
