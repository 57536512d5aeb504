/** What src/formats/elf offers to other rooms. */
export { type Elf, isElf, isLongElf, readElf, sectionNamed, type Segment } from './elf.ts';
export { CLASSES, classOf, sectionHeaders, view } from './fields.ts';
export { LoadError } from './load-error.ts';
export { type KernelSymbols, kernelSymbols, SECTION_BYTES, symbolSections } from './symbols.ts';
