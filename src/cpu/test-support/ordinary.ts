/** For tests that compare a short way for what is ordinary with the general one: what they draw, and how often the short way was taken. */
import fc from 'fast-check';

export const pick = <T>(...values: T[]) => fc.constantFrom(...values);
/** Mostly what is usual. */
export const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: pick(...others) });

/** Functions of a module, for `vi.mock`: each counts in `taken`, under its name, how often it returned true. */
export const counted = (module: object, taken: Record<string, number>) =>
  Object.fromEntries(
    Object.keys(taken).map(name => [
      name,
      (...those: never[]) => {
        const done = (module as Record<string, (...those: never[]) => boolean>)[name]!(...those);
        if (done) taken[name]!++;
        return done;
      },
    ]),
  );
