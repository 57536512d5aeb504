/**
 * *Idea.* The record of a run, as far as replay needs it (history.ts): where each slice ended, and which inputs came before which slice. Between
 * inputs a run in virtual time is determined, so nothing else is stored.
 */
import type { Moment } from '../domain/slice-again.ts';
import type { Traffic } from './wire-past.ts';

/** Something that came between two slices. `flush`: translations were forgotten, as a moment was kept. */
export type Event =
  | { kind: 'flush' }
  | { kind: 'verb'; name: string; given: readonly unknown[]; disc?: unknown }
  | { kind: 'wire'; place: number; traffic: Traffic };

export interface Slice {
  end: Moment;
  left: boolean;
}

export class RunLog {
  /** Slices before the first that is kept. */
  private gone = 0;
  // Columns, as there may be hundreds a second.
  private instructions: number[] = [];
  private ns: number[] = [];
  private exits: number[] = [];
  private left: boolean[] = [];
  private readonly before = new Map<number, Event[]>();

  /** This many have ended. */
  get length(): number {
    return this.gone + this.ns.length;
  }

  add({ instructions, ns, exits }: Moment, left: boolean): void {
    this.instructions.push(instructions);
    this.ns.push(ns);
    this.exits.push(exits);
    this.left.push(left);
  }

  slice(number: number): Slice {
    const i = number - this.gone;
    return {
      end: { instructions: this.instructions[i]!, ns: this.ns[i]!, exits: this.exits[i]! },
      left: this.left[i]!,
    };
  }

  /** Before the slice that comes next. */
  came(event: Event): void {
    const events = this.before.get(this.length);
    if (events) events.push(event);
    else this.before.set(this.length, [event]);
  }

  /** What came before a slice, in order. */
  eventsBefore(slice: number): readonly Event[] {
    return this.before.get(slice) ?? [];
  }

  /** What came before this slice is asked for no more. */
  forgetBefore(slice: number): void {
    const count = slice - this.gone;
    for (const column of [this.instructions, this.ns, this.exits, this.left]) column.splice(0, count);
    this.gone = slice;
    for (const number of this.before.keys()) if (number < slice) this.before.delete(number);
  }

  /** The run ends before this slice, `events` of what came before it being the last. */
  forgetFrom(slice: number, events: number): void {
    for (const column of [this.instructions, this.ns, this.exits, this.left]) column.length = slice - this.gone;
    for (const number of this.before.keys()) if (number > slice) this.before.delete(number);
    const last = this.before.get(slice);
    if (last) last.length = Math.min(last.length, events);
  }
}
