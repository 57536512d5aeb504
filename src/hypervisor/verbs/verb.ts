/**
 * What Domain 0 asks of a domain that runs, each a row of one table (index.ts) that every runner carries. Next to Domain 0 on its thread a verb is done at once;
 * a domain in a worker of its own finds it in its mailbox (worker/mailbox.ts) and does it between two slices, in the order in which verbs were sent.
 */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { Medium } from '../disks/media.ts';
import type { Domain } from '../domain/domain.ts';
import type { Precopy, PrecopyWish, SavedPart } from '../domain/saved-part.ts';
import type { History } from '../history/index.ts';

/** A domain as the code that runs it has it. */
export interface Carried {
  readonly domain: Domain;
  /** The domain and its slot are paused, or no longer are. */
  setPaused(paused: boolean): void;
  /** Opens what is to lie in the drive at a place, which is a CD-ROM or floppy drive unless `kind` says otherwise. @throws HostError where it cannot be read */
  open(medium: Medium, place: number, readOnly: boolean, kind?: 'disk'): BlockDevice | null;
  /** The next part of its saved state (stream/saver.ts); on Domain 0's thread at once. @throws SavedStateError, HostError */
  state(): SavedPart | Promise<SavedPart>;
  /** A part of the state before that, of memory that is copied while the guest runs. @throws as `state` */
  copyAhead(how: Precopy, wish?: PrecopyWish): SavedPart | Promise<SavedPart>;
  /** It is not saved after all. */
  forgetState(): void | Promise<void>;
  /** What the guest changed of its drives (disks/saved-disks.ts). */
  diskRecords(): Uint8Array[];
  /** Its past, which is kept from the first call on; absent: it does not run in virtual time. @throws SavedStateError where it cannot be kept */
  history?(): Promise<History>;
  /** Its past, where that is kept. */
  keptHistory?(): History | undefined;
  /** It runs no more, and nothing of it touches machine memory from now on. */
  leave(): void;
}

export interface Verb<Given extends unknown[], Answer = void> {
  /** Does it. Of a verb that nobody waits for, an error is a defect. */
  apply(on: Carried, ...given: Given): Answer | Promise<Answer>;
  /** How its arguments reach a worker: absent: as JSON; 'bytes': there is one, a Uint8Array, which may arrive in parts; 'message': by postMessage, as files must. */
  by?: 'bytes' | 'message';
  /** Where there is no room in the mailbox it is dropped, and not sent later. */
  mayBeLost?: true;
}

/** A verb that somebody waits for. */
export interface Question<Given extends unknown[], Answer> extends Verb<Given, Answer> {
  /** The answer of a domain whose worker is gone. @throws Error with a sentence in its place */
  gone(): Answer;
  /** Of an answer: what is moved out of the worker, and not copied. */
  transfer?(answer: Answer): Transferable[];
}

/** Its arguments follow from `apply`. */
export const verb = <Given extends unknown[]>(row: Verb<Given>): Verb<Given> => row;

/** As `verb`, with the answer. */
export const question = <Given extends unknown[], Answer>(row: Question<Given, Answer>): Question<Given, Answer> => row;

// biome-ignore lint/suspicious/noExplicitAny: a table holds verbs with arguments of their own
export type Verbs = Readonly<Record<string, Verb<any, any> | Question<any, any>>>;

type GivenOf<Row> = Row extends Verb<infer Given, infer _> ? Given : never;
// biome-ignore lint/suspicious/noConfusingVoidType: as a function returns
type AskedOf<Row> = Row extends Question<infer _, infer Answer> ? Promise<Answer> : void;

/** Asks it of a domain, wherever that runs. An answer may be an error: a sentence. */
export type Ask<Table extends Verbs> = <Name extends keyof Table & string>(
  name: Name,
  ...given: GivenOf<Table[Name]>
) => AskedOf<Table[Name]>;

/** A way to ask, which need not know the types of a table. */
export const asking = <Table extends Verbs>(ask: (name: string, given: readonly unknown[]) => unknown): Ask<Table> =>
  ((name: string, ...given: readonly unknown[]) => ask(name, given)) as unknown as Ask<Table>;

/** Of a domain on this thread: what is asked is done before anything else happens here, and only its answer is waited for. */
export function doVerb(verbs: Verbs, on: Carried, name: string, given: readonly unknown[]): unknown {
  const row = verbs[name];
  return 'gone' in row ? answered(() => row.apply(on, ...given)) : row.apply(on, ...given);
}

/** Of a domain that is gone: questions are answered, and nothing is done. */
export function gone(verbs: Verbs, name: string): Promise<unknown> | undefined {
  const row = verbs[name];
  return 'gone' in row ? answered(() => row.gone()) : undefined;
}

const answered = async (answer: () => unknown): Promise<unknown> => answer();
