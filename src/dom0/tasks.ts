/** What was done on the host, by the xl command that it equals, and how it ended. */
import type { Task } from './api.ts';

/** Finished tasks that are remembered. */
const TASKS = 100;

export class Tasks {
  private readonly clocks: { epochMs: () => number; hostMs: () => number };
  private readonly changed: () => void;
  private readonly ended: (task: Task) => void;
  private all: Task[] = [];
  private last = 0;

  /** `changed`: the list is another one now; `ended`: this one is over. */
  constructor(clocks: { epochMs: () => number; hostMs: () => number }, changed: () => void, ended: (task: Task) => void = () => {}) {
    this.clocks = clocks;
    this.changed = changed;
    this.ended = ended;
  }

  list(): Task[] {
    return this.all.map(task => ({ ...task }));
  }

  private begin(command: string): Task {
    const task: Task = { id: ++this.last, command, state: 'running', startedMs: this.clocks.epochMs() };
    this.all.push(task);
    if (this.all.length > TASKS) this.all = this.all.slice(-TASKS);
    return task;
  }

  /** Something that nobody asked for and that people should see. */
  note(command: string, state: 'done' | 'failed', message: string): void {
    this.ended(Object.assign(this.begin(command), { state, message }));
  }

  /** Begins something whose end comes later: `end` is called once, with what came of it. */
  start(command: string, message?: string): { task: Task; end: (state: 'done' | 'failed', message?: string) => void } {
    const task = this.begin(command),
      startedMs = this.clocks.hostMs();
    if (message !== undefined) task.message = message;
    this.changed();
    const end = (state: 'done' | 'failed', last = task.message): void => {
      Object.assign(task, { state, durationMs: this.clocks.hostMs() - startedMs }, last === undefined ? {} : { message: last });
      this.ended(task);
      this.changed();
    };
    return { task, end };
  }

  /** Does something that was asked for, which may say in `task` what it caused; what it throws is the task's message, and thrown again. */
  async run<T>(command: string, work: (task: Pick<Task, 'command' | 'message'>) => Promise<T>): Promise<T> {
    const { task, end } = this.start(command);
    try {
      const result = await work(task);
      end('done');
      return result;
    } catch (error) {
      end('failed', (error as Error).message);
      throw error;
    }
  }
}
