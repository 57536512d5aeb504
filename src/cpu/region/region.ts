/** Instructions that are compiled together: blocks, and how control goes between them. */
import type { RegionPage } from '../architecture/regions.ts';
import type { Form } from '../gen/emitter.ts';
import type { Decoded } from '../table/index.ts';

export interface Instruction {
  /** From the start of the entry's page. */
  offset: number;
  decoded: Decoded;
  /** Where it leads, if it is a direct branch. */
  target: number;
  /** NO_FORM: an ordinary case of the x87 or SSE, CPUID, a load of a segment register, or an instruction that is called. */
  form: Form;
  /** By a record of the region's own. */
  called: boolean;
  /** Its common case is written out in front of the call (quick.ts), from this description; NO_FORM: it has none. Null: it is always called. */
  quick: Form | null;
}

export interface Block {
  offset: number;
  instructions: Instruction[];
  /** The blocks of the region that may follow, by the offset of what runs next. */
  successors: Map<number, Block>;
  /** Where the text goes on behind the last instruction; -1: that leads elsewhere itself. */
  next: number;
  /** Its place in reverse postorder. */
  order: number;
  dominator: Block | null;
  /** Reached by a jump back; by several ways forward. */
  header: boolean;
  merge: boolean;
}

export interface Region {
  entry: Block;
  /** In reverse postorder. */
  blocks: Block[];
  instructions: number;
  /** The entry's first. */
  pages: RegionPage[];
}
