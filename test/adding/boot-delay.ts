import { used, wrong } from '../../src/dom0/definitions/config/options.ts';
import { type Family, rule } from '../../src/dom0/definitions/config/rule.ts';

declare module '../../src/dom0/definitions/config/definition.ts' {
  interface Definition {
    /** Seconds that the domain waits before it starts. */
    bootDelay?: number;
  }
}

export const delays: Family = {
  boot_delay: rule('number', used('waits before it starts', 'The guest starts this many seconds later.'), {
    range: ({ number }) => (number > 60 ? wrong('at most 60', 'a guest waits at most 60 seconds.') : undefined),
    judge: ({ number }) => used(`waits ${number} s`, `The guest starts ${number} s after it was created.`),
    into: (definition, { number }) => {
      definition.bootDelay = number;
    },
    from: ({ bootDelay }) => bootDelay,
  }),
};
