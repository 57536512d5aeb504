/** What a lesson is once it was read: guests, steps, what is done in them, asked, measured and checked. */
import type { Token } from 'marked';
import type { ExitSwitch } from '../hypervisor/view/index.ts';
import type { Expression } from './expression.ts';
import type { Says } from './said/en.ts';

export const KINDS = ['predict', 'do', 'measure', 'explain', 'reality'] as const;
export type Kind = (typeof KINDS)[number];

/** What somebody must do to the machine; `says`: what that means. */
export type Action = { says?: string } & (
  | { kind: 'type'; guest: string; text: string }
  | { kind: 'shares'; guest: string; weight?: number; cap?: number }
  | { kind: 'controls'; guest: string; controls: ChosenControls }
  | { kind: 'slice'; ms: number }
  | { kind: 'xl'; verb: Verb; guest: string; value?: number }
  /** Begins, and goes on with the time that follows. */
  | { kind: 'migrate'; guest: string }
  | { kind: 'run'; ms: number }
  /** Another line in the source of a small guest, which is then assembled and started. */
  | { kind: 'edit'; guest: string; line: number; text: string }
);

/** Other commands of xl than those of the scheduler; those of `VALUED` have a number behind the guest. */
export const VALUED = ['mem-set', 'mem-max'] as const,
  BARE = ['pause', 'unpause'] as const;
export type Verb = (typeof VALUED)[number] | (typeof BARE)[number];

/** VM-execution controls that are switched on or off, the exception bitmap, and the clocks of PAUSE-loop exiting. */
export type ChosenControls = Partial<Record<ExitSwitch, boolean>> & {
  exceptions?: number;
  'ple-gap'?: number;
  'ple-window'?: number;
};

export interface Row {
  name: string;
  expression: Expression;
  /** The same however the keys were pressed, so that it counts for the code. */
  isExact: boolean;
  text: string;
  /** What it counts, in a word or two. */
  unit?: string;
  /** Name of the answer that it is next to. */
  guess?: string;
}

export interface Check {
  expression: Expression;
  holds: string;
  fails: string;
}

/** What is said to an answer that was another one than what was measured: the first whose expression holds, of each answer. */
export interface Hint {
  expression: Expression;
  /** The answer that it is about. */
  answer: string;
  text: string;
}

/** What is next to the steps: an inspector by its id, of a guest or of the host. */
export interface PictureName {
  inspector: string;
  guest?: string;
}

/** A part of a step, in its order. */
export type Part =
  | { kind: 'text'; tokens: Token[] }
  | { kind: 'ask'; name: string; text: string }
  | { kind: 'actions'; actions: Action[] }
  | { kind: 'rows'; rows: Row[] }
  | { kind: 'checks'; checks: Check[] }
  | { kind: 'hints'; hints: Hint[] };

export interface Step {
  kind: Kind;
  /** What its heading says behind the kind: of a round, on Predict. */
  name?: string;
  parts: Part[];
}

/** Predict to Explain, or In reality: `from` is the index of its first step. */
export interface Round {
  from: number;
  steps: Step[];
}

/** The rounds of a lesson; In reality is the last. */
export function roundsOf(steps: readonly Step[]): Round[] {
  const rounds: Round[] = [];
  steps.forEach((step, from) => {
    if (step.kind === 'predict' || step.kind === 'reality' || rounds.length === 0) rounds.push({ from, steps: [] });
    rounds.at(-1)!.steps.push(step);
  });
  return rounds;
}

export interface Lesson {
  /** Of a lesson of the page its word in addresses, of another its title: codes are about it. */
  id: string;
  /** All that numbers follow from: what is drawn, the guests, what is done and measured. Words are no part of it, so that a translation has the same codes. */
  version: string;
  title: string;
  about: string;
  /** What somebody can do or say afterwards. */
  goals: string[];
  seed: string;
  drawn: ReadonlyMap<string, number>;
  /** Definitions in xl's language, with the names of their guests. */
  guests: { name: string; text: string }[];
  pictures: PictureName[];
  steps: Step[];
}

/** `line` counts from 1. */
export interface Problem {
  line: number;
  text: string;
}

/** Tells what is wrong, in a sentence. */
export type Wrong = (line: number, says: Says) => void;
