/** What an inspector is: a source of facts that is looked at again and again, a picture of them, tables that hold them all, and a sentence of why. */
import type { ComponentChildren } from 'preact';
import type { MachineView } from '../../hypervisor/view/index.ts';
import type { DomainSession } from '../sessions.ts';

/** What is looked at: a guest, or (`session` undefined) the host. */
export interface Target {
  session?: DomainSession;
  /** Machine memory; undefined: this browser does not share it with the page. */
  machine?: MachineView;
  /** What is counted begins when it is opened: with a step of a lesson. */
  isOfStep?: boolean;
}

/** Facts as rows. The first column names a row and is its key. */
export interface Table {
  name: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}

/** One sentence of why, and where it is written. */
export interface Why {
  question: string;
  answer: string;
  source?: string;
}

/** What looks, from when an inspector is opened until it is closed. */
export interface Source<Data> {
  /** What is so now; undefined: there is nothing of the kind. */
  look(): Data | undefined | Promise<Data | undefined>;
  close?(): void;
}

export interface Shown<Data> {
  data: Data;
  /** What was chosen, by its key; empty: nothing. */
  chosen: string;
  choose(key: string): void;
  target: Target;
}

export interface Part<Data> {
  /** Between two looks, milliseconds. */
  everyMs: number;
  /** Begins to look. */
  open(target: Target): Source<Data>;
  /** It needs machine memory. */
  needsMemory?: boolean;
  /** Said where there is nothing to show. */
  nothing: string;
  /** It tells of what is paused permanently: there is nothing to hold, and its export is called so. */
  report?: string;
  Figure(shown: Shown<Data>): ComponentChildren;
  /** What the picture is to show, before the tools that all have; on a phone the picture has it itself. */
  Tools?(): ComponentChildren;
  /** Next to the picture. */
  Detail?(shown: Shown<Data>): ComponentChildren;
  tables(data: Data): readonly Table[];
  why(shown: Shown<Data>): Why | undefined;
}
