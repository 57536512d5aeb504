/** Inspectors that compare guests. */
export * from '../four-ways.tsx';
export { Together } from '../together/index.tsx';
export { Types } from '../types/index.tsx';
