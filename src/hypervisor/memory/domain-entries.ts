/** The domain table as a list of entries: all that who only asks about workers needs of machine memory (worker/watch.ts). */
import { DOMAIN_WORDS, XENHEAP } from '../layout/layout.ts';

/** A domain by its place in the table; and, since that may go to another one, by its number. */
export interface EntryOf {
  index: number;
  id: number;
}

export class DomainEntries {
  readonly memory: SharedArrayBuffer | ArrayBuffer;
  readonly words: Int32Array;
  protected readonly domainTable: number;

  /** Over memory that `Machine.create` has laid out. */
  constructor(memory: SharedArrayBuffer | ArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory);
    this.domainTable = this.words[XENHEAP.DOMAIN_TABLE] >>> 2;
  }

  /** Index in `words` of a domain's entry in the domain table; its words: DOMAIN. */
  domainEntry(record: { index: number }): number {
    return this.domainTable + record.index * DOMAIN_WORDS;
  }
}
