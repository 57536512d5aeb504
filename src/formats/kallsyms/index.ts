/** What src/formats/kallsyms offers to other rooms. */
export { kallsymsOf, type KallsymsSymbol } from './kallsyms.ts';
export { withSymbols } from './with-symbols.ts';
