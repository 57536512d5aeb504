/** What src/formats/loading offers to other rooms. */
export { type Part, PartError, part } from './part.ts';
