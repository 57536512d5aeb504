/** Pictures that a lesson may have next to its steps: inspectors of the page, by their ids (src/ui/inspect/inspectors.ts), or `levels`, `notes` and `rounds` (levels.tsx, notes.tsx, rounds.tsx), and of what. */
export const PICTURES: Readonly<Record<string, 'guest' | 'host'>> = {
  exits: 'guest',
  processor: 'guest',
  events: 'guest',
  grants: 'guest',
  memory: 'guest',
  xenstore: 'guest',
  path: 'guest',
  levels: 'guest',
  notes: 'guest',
  rounds: 'guest',
  scheduler: 'host',
};
