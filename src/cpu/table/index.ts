/** The instruction table and what derives from it: decoder, disassembler, undefined-flag masks. Rows say all; see row.ts. */
export { decode, newDecoded, RIP } from './decode.ts';
export { undefinedFlags } from './flags-mask.ts';
export { isBasedOperand, isFlatOperand } from './operands.ts';
export * from './row.ts';
export { rows } from './rows.ts';
export { disassemble, type Syntax } from './disassemble.ts';
