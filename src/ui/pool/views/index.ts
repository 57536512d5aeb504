/** Views of a pool: its page and the connections in the tree. */
export { Connections } from '../connections.tsx';
export { PoolPage } from '../page.tsx';
