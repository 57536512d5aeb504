/** The assembler: a source in nasm's language to a flat program, by the instruction table. */
export { type Assembled, assemble, type Limits, type Piece, type Problem } from './assemble.ts';
