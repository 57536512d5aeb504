/** What plans guests that few definitions describe: those that firmware boots, and those that come without a definition. It is loaded for such a one. */
import { firmwareNamed, isDefinition } from './named-in-files.ts';
import { type Given, isImage } from './planned.ts';

let plans: typeof import('./seldom-plans.ts') | undefined;

export const loadPlans = async (): Promise<void> => {
  plans ??= await import('./seldom-plans.ts');
};

/** Loads what plans these files. @throws Error: a sentence */
export async function prepareToPlan(given: Given[]): Promise<void> {
  const isDefined = given.some(file => !isImage(file) && isDefinition(file));
  if (isDefined && !firmwareNamed(given)) return;
  await loadPlans().catch(() => {
    throw new Error(
      'The part of Ringside that plans guests could not be loaded. Check the connection and load the page again.',
    );
  });
}

/** `prepareToPlan` came before it. */
export function loadedPlans(): NonNullable<typeof plans> {
  if (!plans) throw new Error('What plans these guests is not loaded.');
  return plans;
}
