/** Tools of the header: paces and processors. */
export { Pace } from '../pace.tsx';
export { Pcpus } from '../pcpus.tsx';
export { VirtualPace } from '../virtual-pace.tsx';
