/**
 * A class's wall: while students take a lesson, their pages tell a teacher's page the step that they are at, what they predicted and what they measured. The
 * teacher's page tells theirs which lesson it is, and whether the class is held. Anyone with the room's code can send anything, so each text is judged before it
 * counts: its length before it is read, its version and form, and how many come. Nothing is stored, and no name is sent: a student is a number.
 */
import type { Lesson } from './form.ts';
import { planOf } from './plan.ts';

/** Version of the messages' form. A page of another one is asked to load again. */
export const WALL_VERSION = 1;

/** What carries the texts of a room to all of its other pages, in the order of each sender; one may be lost. */
export interface Room {
  send(text: string): void;
  close(): void;
}
/** Whose text it is, as far as a room can tell: a member of a hub's; undefined: tabs of one browser have no numbers. */
export type From = number | undefined;
/** What a room does at this end. */
export interface RoomEnds {
  /** With what comes, whatever it is. */
  hear(text: unknown, from?: number): void;
  /** A member is gone, and need not have said so. */
  left?(from: number): void;
  /** Why the room cannot be reached, a sentence; undefined: it can. */
  told?(problem: string | undefined): void;
}

/** A student's page: all that its wall may know. It is sent whole, so that one that is lost does no harm. */
export interface StudentSays {
  kind: 'student';
  /** Drawn by the page when it is loaded. */
  id: string;
  /** The lesson's word or address. */
  lesson: string;
  /** The step that is open. */
  step: number;
  /** The last measurement of it did not hold. */
  isOff: boolean;
  /** Numbers by prediction. */
  said: ReadonlyMap<string, number>;
  measured: ReadonlyMap<string, number>;
}

/** A teacher's page. */
export interface WallSays {
  kind: 'wall';
  lesson: string;
  seed: string;
  isHeld: boolean;
  /** Students are to tell where they are. */
  asks: boolean;
  /** Numbers by id. */
  seats: ReadonlyMap<string, number>;
}

/** A page of either kind that is closed. */
export interface Gone {
  kind: 'gone';
  /** Of a student; '': the wall. */
  id: string;
}

export type Message = StudentSays | WallSays | Gone;

/** Why a text was refused. */
export const REFUSALS = ['long', 'form', 'version', 'many', 'full', 'other'] as const;
export type Refusal = (typeof REFUSALS)[number];

export const MOST_STUDENTS = 100,
  /** Characters of a text: the wall's, with a full class, has some 2,000. */
  MOST_TEXT = 4096;
const MOST_NUMBERS = 32,
  MOST_STEP = 999,
  ID = /^[a-z0-9]{8,16}$/,
  NAME = /^\w{1,40}$/,
  /** An address of a lesson, or a seed. */
  MOST_WORD = 500;
/** Texts that a wall reads: a full class that answers at once, and thereafter three a second from each. */
const WALL_BURST = 4 * MOST_STUDENTS,
  WALL_PER_SECOND = 3 * MOST_STUDENTS;
/** Those that a student's page reads. */
const STUDENT_BURST = 10,
  STUDENT_PER_SECOND = 2;

/** The wall asks this often who is there, and a student who was not heard for three times as long as a hidden page may sleep (a minute) is gone. */
export const ASK_MS = 20_000;
export const GONE_MS = 180_000;
const MINUTE_MS = 60_000;

/** Lets this many by a second, and `burst` at once. */
class Pace {
  private left: number;
  private atMs = -Infinity;
  private readonly burst: number;
  private readonly perSecond: number;
  constructor(burst: number, perSecond: number) {
    this.left = this.burst = burst;
    this.perSecond = perSecond;
  }
  lets(nowMs: number): boolean {
    this.left = Math.min(this.burst, this.left + (Math.max(0, nowMs - this.atMs) * this.perSecond) / 1000);
    this.atMs = nowMs;
    if (this.left < 1) return false;
    this.left--;
    return true;
  }
}

/** One for each member of a room, so that what one sends takes nothing from the others; tabs have one together. */
class Paces {
  private readonly all: Pace;
  private readonly paces = new Map<number, Pace>();
  constructor(all: Pace) {
    this.all = all;
  }
  lets(nowMs: number, from: From): boolean {
    if (from === undefined) return this.all.lets(nowMs);
    let pace = this.paces.get(from);
    if (!pace) this.paces.set(from, (pace = new Pace(STUDENT_BURST, STUDENT_PER_SECOND)));
    return pace.lets(nowMs);
  }
  forget(from: number): void {
    this.paces.delete(from);
  }
}

export const writeMessage = (message: Message): string =>
  JSON.stringify({ version: WALL_VERSION, ...message }, (_, value) => (value instanceof Map ? [...value] : value));

const isWord = (what: unknown): what is string => typeof what === 'string' && what.length <= MOST_WORD;
const isId = (what: unknown): what is string => typeof what === 'string' && ID.test(what);

function numbersOf(what: unknown, most: number, isKey: (key: string) => boolean): Map<string, number> | undefined {
  if (!Array.isArray(what) || what.length > most) return undefined;
  const numbers = new Map<string, number>();
  for (const each of what) {
    const [key, value] = Array.isArray(each) ? (each as unknown[]) : [];
    if (typeof key !== 'string' || !isKey(key) || !Number.isFinite(value)) return undefined;
    numbers.set(key, value as number);
  }
  return numbers;
}

function studentOf({ id, lesson, step, isOff, said, measured }: Record<string, unknown>): StudentSays | undefined {
  const saidOf = numbersOf(said, MOST_NUMBERS, key => NAME.test(key)),
    measuredOf = numbersOf(measured, MOST_NUMBERS, key => NAME.test(key));
  return isId(id) &&
    isWord(lesson) &&
    Number.isInteger(step) &&
    (step as number) >= 0 &&
    (step as number) <= MOST_STEP &&
    typeof isOff === 'boolean' &&
    saidOf &&
    measuredOf
    ? { kind: 'student', id, lesson, step: step as number, isOff, said: saidOf, measured: measuredOf }
    : undefined;
}

function wallOf({ lesson, seed, isHeld, asks, seats }: Record<string, unknown>): WallSays | undefined {
  const seatsOf = numbersOf(seats, MOST_STUDENTS, isId);
  return isWord(lesson) && isWord(seed) && typeof isHeld === 'boolean' && typeof asks === 'boolean' && seatsOf
    ? { kind: 'wall', lesson, seed, isHeld, asks, seats: seatsOf }
    : undefined;
}

/** What came, or why it is none. */
export function readMessage(text: unknown): Message | Refusal {
  if (typeof text !== 'string') return 'form';
  if (text.length > MOST_TEXT) return 'long';
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return 'form';
  }
  if (typeof read !== 'object' || read === null) return 'form';
  const fields = read as Record<string, unknown>,
    { version, kind, id } = fields;
  if (version !== WALL_VERSION) return Number.isInteger(version) ? 'version' : 'form';
  if (kind === 'student') return studentOf(fields) ?? 'form';
  if (kind === 'wall') return wallOf(fields) ?? 'form';
  return kind === 'gone' && (id === '' || isId(id)) ? { kind, id } : 'form';
}

export interface Student extends StudentSays {
  /** From 1. The lowest that is free is given. */
  seat: number;
  heardMs: number;
  /** Since then it has reported the same. */
  sinceMs: number;
  summary: string;
  from: From;
}

/** The teacher's end of a room. Clocks are in milliseconds of any origin. */
export class ClassWall {
  private readonly students = new Map<string, Student>();
  private readonly paces = new Paces(new Pace(WALL_BURST, WALL_PER_SECOND));
  /** How many texts were refused, by why. */
  readonly refused = new Map<Refusal, number>();
  /** When another wall was heard in this room. */
  otherMs = -Infinity;
  private readonly lessonId: string;
  private readonly steps: number;
  /** How long somebody may be at a step. */
  private readonly patience: number[];

  /** `lessonId`: its word or address. */
  constructor(lesson: Lesson, lessonId: string) {
    this.lessonId = lessonId;
    this.steps = lesson.steps.length;
    this.patience = planOf(lesson).rounds.flatMap(({ steps }) => steps.map(({ minutes }) => minutes * MINUTE_MS));
  }

  /** Whether it was somebody new, who is to be sent a number. `from`: the first sender of an id has it. */
  hear(text: unknown, nowMs: number, from?: number): boolean {
    const message = this.paces.lets(nowMs, from) ? readMessage(text) : 'many';
    if (typeof message === 'string') this.refuse(message);
    else if (message.kind === 'wall') this.otherMs = nowMs;
    else if (this.isOthers(message.id, from)) this.refuse('other');
    else if (message.kind === 'student') return this.seat(message, text as string, nowMs, from);
    else this.students.delete(message.id);
    return false;
  }

  /** A member of the room is gone. */
  left(from: number): void {
    this.paces.forget(from);
    for (const [id, student] of this.students) if (student.from === from) this.students.delete(id);
  }

  /** One member is one student. */
  private isOthers(id: string, from: From): boolean {
    const known = this.students.get(id);
    if (known) return known.from !== from;
    return from !== undefined && [...this.students.values()].some(student => student.from === from);
  }

  private seat(says: StudentSays, summary: string, nowMs: number, from: From): boolean {
    const known = this.students.get(says.id);
    if (!known) this.forget(nowMs);
    const seat = known?.seat ?? this.freeSeat();
    if (seat === undefined) {
      this.refuse('full');
      return false;
    }
    const sinceMs = known?.summary === summary ? known.sinceMs : nowMs;
    this.students.set(says.id, { ...says, seat, heardMs: nowMs, sinceMs, summary: summary, from });
    return !known;
  }

  private freeSeat(): number | undefined {
    const taken = new Set([...this.students.values()].map(({ seat }) => seat));
    for (let seat = 1; seat <= MOST_STUDENTS; seat++) if (!taken.has(seat)) return seat;
    return undefined;
  }

  private refuse(why: Refusal): void {
    this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
  }

  /** Those who were not heard for long are no more there. */
  forget(nowMs: number): void {
    for (const [id, { heardMs }] of this.students) if (nowMs - heardMs > GONE_MS) this.students.delete(id);
  }

  /** All seats are free, and nothing was refused: the pages that are there send it again when asked. */
  clear(): void {
    this.students.clear();
    this.refused.clear();
  }

  /** By their seats. */
  all(): Student[] {
    return [...this.students.values()].sort((a, b) => a.seat - b.seat);
  }

  /** Those who are at a step of this lesson. */
  at(step: number): Student[] {
    return this.all().filter(student => student.step === step && this.isHere(student));
  }

  isHere({ lesson, step }: Student): boolean {
    return lesson === this.lessonId && step < this.steps;
  }

  /** Nothing new for twice as long as the plan gives the step; as long as it gives where the measurement does not hold. The last step is the end. */
  isStuck(student: Student, nowMs: number): boolean {
    if (!this.isHere(student) || student.step === this.steps - 1) return false;
    return nowMs - student.sinceMs > this.patience[student.step]! * (student.isOff ? 1 : 2);
  }

  says(lesson: Pick<WallSays, 'seed' | 'isHeld' | 'asks'>): string {
    const seats = new Map(this.all().map(({ id, seat }) => [id, seat]));
    return writeMessage({ kind: 'wall', lesson: this.lessonId, ...lesson, seats });
  }
}

/** A student's end of a room. */
export class ClassPlace {
  readonly id: string;
  private readonly paces = new Paces(new Pace(STUDENT_BURST, STUDENT_PER_SECOND));
  private heard: WallSays | undefined;
  private heardMs = -Infinity;
  private from: From;

  /** `id`: 8 to 16 letters and digits that nobody else in the room has. */
  constructor(id: string) {
    this.id = id;
  }

  /** Whether it was asked where it is. What is no word of a wall is passed over, and at a hub another wall than the one that came first. */
  hear(text: unknown, nowMs: number, from?: number): boolean {
    if (!this.paces.lets(nowMs, from)) return false;
    const message = readMessage(text);
    if (typeof message === 'string' || message.kind === 'student') return false;
    if (this.wall(nowMs) && this.from !== from) return false;
    if (message.kind === 'gone') {
      if (message.id === '') this.heard = undefined;
      return false;
    }
    this.heard = message;
    this.heardMs = nowMs;
    this.from = from;
    return message.asks;
  }

  /** A member of the room is gone. */
  left(from: number): void {
    this.paces.forget(from);
    if (this.from === from) this.heard = undefined;
  }

  /** What the wall said last. One that is silent for long holds nobody. */
  wall(nowMs: number): WallSays | undefined {
    return nowMs - this.heardMs > GONE_MS ? undefined : this.heard;
  }
}
