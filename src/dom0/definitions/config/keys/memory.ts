/** Keys about memory. Source: xl.cfg(5), "Memory Allocation". */
import { definedAs } from '../../kinds/index.ts';
import { MAX_MEMORY_MIB } from '../../../../hypervisor/layout/index.ts';
import { DEFAULT_MEMORY_MIB } from '../definition.ts';
import { approximated, ignored, used, wrong } from '../options.ts';
import { alike, type Family, isOne, isZero, oneOf, rule } from '../rule.ts';

const tooMuch = wrong(`at most ${MAX_MEMORY_MIB}`, `this host gives a guest at most ${MAX_MEMORY_MIB} MiB.`);
const translation = 'Nested paging has nothing to tune, and shadow page tables here are a virtual TLB (hap = 0).';
/** Of shadow_memory, where there are no shadow page tables. */
const noShadow = ignored('no shadow page tables', 'Only a guest with hap = 0 has shadow page tables.');

export const memory: Family = {
  memory: rule('MiB', used('MiB of RAM', 'The guest gets this much RAM, in MiB.'), {
    range: ({ number }) =>
      number < 1 ? wrong('too little', 'a guest needs at least 1 MiB.') : number > MAX_MEMORY_MIB ? tooMuch : undefined,
    into: (definition, { number, value }) => {
      definition.memoryMiB = number;
      if (value.kind !== 'list' && value.exactKiB !== undefined)
        definition.exactKiB = { ...definition.exactKiB, memory: value.exactKiB };
    },
    judge: ({ number }) => used(`${number} MiB, taken from what is free`, `The guest gets ${number} MiB of RAM.`),
    absent: context => {
      if (context.mentions('memory')) return;
      const text = `memory is not set, so the guest gets libxl's default of ${DEFAULT_MEMORY_MIB} MiB. Current Linux needs 64 or more.`;
      context.tell(
        context.placeOf('name'),
        'memory',
        approximated(`not set: ${DEFAULT_MEMORY_MIB} MiB as in libxl`, text),
      );
    },
    from: ({ memoryMiB }) => memoryMiB,
  }),
  maxmem: rule(
    'MiB',
    used('as far as the guest may grow', 'The guest may grow to this much RAM, in MiB, by its balloon.'),
    {
      range: asked => {
        const least = asked.numberOf('memory') ?? DEFAULT_MEMORY_MIB;
        if (asked.number < least)
          return wrong(
            'less than memory',
            `memory is ${least} MiB, and a guest cannot have more than maxmem. Write ${least} or more.`,
          );
        return asked.number > MAX_MEMORY_MIB ? tooMuch : undefined;
      },
      into: (definition, { number, value }) => {
        definition.maxMemoryMiB = number;
        if (value.kind !== 'list' && value.exactKiB !== undefined)
          definition.exactKiB = { ...definition.exactKiB, maximum: value.exactKiB };
      },
      judge: ({ number, definition: { memoryMiB } }) =>
        number === memoryMiB
          ? used('as memory', 'The guest has all its memory from the start.')
          : used(
              `populated on demand, up to ${number} MiB`,
              `The guest sees ${number} MiB and has ${memoryMiB} MiB for it, populated on demand: its balloon driver gives the rest back when it starts. (A PV guest sees ${memoryMiB} MiB and may ask for more.)`,
            ),
      from: ({ maxMemoryMiB }) => maxMemoryMiB,
    },
  ),
  ...alike('oos altp2mhvm suppress_spurious_page_faults', 'any', ignored('nothing to tune', translation), isZero),
  ...alike(
    'altp2m',
    'any',
    ignored('nothing to tune', translation),
    value => isZero(value) || value === 'disabled',
    oneOf(['disabled', 'mixed', 'external', 'limited'], { numbers: 4 }),
  ),
  shadow_memory: rule('number', noShadow, {
    fits: isZero,
    into: (definition, { number }) => {
      definition.shadowMemoryMiB = number;
    },
    judge: asked =>
      asked.numberOf('hap') === 0
        ? used(
            'MiB for shadow page tables',
            'The guest’s shadow page tables get this many MiB, or as many as they need.',
          )
        : undefined,
    from: definition =>
      definedAs(definition).shadows && definition.hap === false ? definition.shadowMemoryMiB : undefined,
  }),
  ...alike('tdp', 'defbool', approximated('always on', translation), isOne),
};
