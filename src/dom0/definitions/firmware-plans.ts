/** See prepare-plans.ts. */
export { bootProblem, firmwareBoot, networkProblem, startsWithNothing, startUnsigned } from './firmware-boot.ts';
export { planWithoutDefinition } from './plan-plain.ts';
