/** The texts around the tree of xenstored and a node of it. */

export const words = {
  filter: 'Filter by path or value',
  nodes: (n: number, all: number) => (n === all ? `${all} nodes` : `${n} of ${all} nodes`),
  path: 'Path',
  value: 'Value',
  permissions: 'Permissions',
  watchers: 'Watched by',
  generation: 'Generation',
  fired: 'changed',
  nothing: 'xenstored does not answer.',
  noMatch: (text: string, hidden: number) => `No path or value contains ‘${text}’. ${hidden} nodes hidden.`,
  open: (path: string) => `Open ${path}`,
  close: (path: string) => `Close ${path}`,
  length: 'Length',
  bytes: (n: number) => `${n} byte${n === 1 ? '' : 's'}`,
  owner: (name: string) => `${name} owns it`,
  others: 'others',
  rights: { n: 'no access', r: 'read', w: 'write', b: 'read and write' } as Record<string, string>,
  watches: 'Watches',
  noWatch: 'Nobody watches this node or one above it.',
  on: (path: string) => `on ${path}`,
  heard: (n: number) => `fired ${n} time${n === 1 ? '' : 's'}`,
  quiet: 'not since it was set',
  writes: 'Last writes',
  wakes: (names: string) => `wakes ${names}`,
  by: 'written by',
  newValue: 'New value',
  write: 'Write',
  writeHint: 'As xenstore-write in Domain-0 does: who watches it wakes.',
  states: 'All nine states',
  statesAre: 'Each side writes only its own, and may skip one that it does not need.',
  choose: 'Choose a node.',
  modes: { sides: 'Both sides', tree: 'Tree', watched: 'Only watched' },
  shown: 'What is shown',
  firedAt: (ms: number) => `fired +${ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 2 : 0)} ms`}`,
};

/** Of Domain 0's clock. */
export const clock = (ms: number): string =>
  `${String(Math.floor(ms / 60_000)).padStart(2, '0')}:${((ms % 60_000) / 1000).toFixed(3).padStart(6, '0')}`;
