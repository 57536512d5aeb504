/** How a domain was moved last, or is: pages of each round (`move.round.N`, from 1), and what went while it was paused. */
import type { Family } from './told.ts';

const US = 1e3,
  KIB = 1024;

export const moves: Family = ({ host, member }, { values }) => {
  const { jobs } = host.toolstack;
  const memory = (jobs.of(member.name) ?? jobs.completed(member.name))?.memory;
  if (!memory) return;
  const { rounds, restBytes, downtimeMs, totalMs } = memory;
  rounds.forEach((frames, i) => (values[`move.round.${i + 1}`] = frames));
  values['move.rounds'] = rounds.length;
  values['move.pages'] = rounds.reduce((sum, frames) => sum + frames, 0);
  if (restBytes === undefined || downtimeMs === undefined || totalMs === undefined) return;
  values['move.rest_kib'] = Math.round(restBytes / KIB);
  values['move.down_us'] = Math.round(downtimeMs * US);
  values['move.total_us'] = Math.round(totalMs * US);
};
