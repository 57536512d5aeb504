/** What plans guests that few definitions describe: those that firmware boots, and those that come without a definition. It is loaded for such a one. */
import { part } from '../../formats/loading/index.ts';
import { firmwareNamed, isDefinition } from './named-in-files.ts';
import { type Given, isImage } from './planned.ts';

export const plans = part(() => import('./firmware-plans.ts'), 'plans guests');

/** Loads what plans these files. @throws Error: a sentence */
export async function prepareToPlan(given: Given[]): Promise<void> {
  const isDefined = given.some(file => !isImage(file) && isDefinition(file));
  if (isDefined && !firmwareNamed(given)) return;
  await plans.load();
}

/** `prepareToPlan` came before it. */
export const loadedPlans = plans.get;
