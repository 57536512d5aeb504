/** Notes next to the guests on offer: what is not here, and what still comes. */
export { MoreComes } from '../more-comes.tsx';
export { NotHere } from '../not-here.tsx';
