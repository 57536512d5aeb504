/** Instruction by level: what the guest `sensitive` has found out, as it finds it out (guests/small/sensitive.asm). */
import type { DomainSession } from '../sessions.ts';
import { useNotes } from './notes.tsx';
import { words } from './words.ts';

/** Counts of a run, which are no instructions. */
const SUMS = new Set(['traps', 'differs', 'same']);
/** Where a level's outcome is in a note: bits 0 to 3, and 4 to 7. */
const LEVELS = [
  [1, 0],
  [3, 4],
] as const;

export function Levels({ session }: { session: DomainSession }) {
  const rows = useNotes(session).filter(([name]) => !SUMS.has(name));
  if (!rows.some(([, note]) => note > 0)) return <p class="sec">{words.levels.none}</p>;
  return (
    <table class="llev">
      <thead>
        <tr>
          <th>{words.levels.instruction}</th>
          {LEVELS.map(([level]) => (
            <th key={level}>{words.levels.level(level)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, note]) => (
          <tr key={name}>
            <td class="m">{name.toUpperCase().replace('_', ' ')}</td>
            {LEVELS.map(([level, bits]) => {
              const outcome = (note >>> bits) & 15;
              return (
                <td key={level} class={`o${outcome}`}>
                  {words.levels.outcomes[outcome]}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
