/** What a small guest notes of its own doing (guests/small), as it does it. The first note is the whole of which the others are a part; what is 0 is left out. */
import { useAsked } from '../parts/asked.ts';
import type { DomainSession } from '../sessions.ts';
import { factsSeen } from './page-host.ts';
import { words } from './words.ts';

const LOOK_MS = 500;

/** Of a guest, by name, in its order. */
export const useNotes = ({ id }: DomainSession): [name: string, value: number][] =>
  Object.entries(useAsked(LOOK_MS, [id], () => factsSeen(id, LOOK_MS)).value?.values ?? {}).flatMap(([fact, value]) => {
    const name = /^note\.(\w+)$/.exec(fact)?.[1];
    return name === undefined ? [] : [[name, value]];
  });

export function Notes({ session }: { session: DomainSession }) {
  const rows = useNotes(session),
    whole = rows[0]?.[1] ?? 0;
  if (rows.every(([, value]) => value === 0)) return <p class="sec">{words.noNotes}</p>;
  return (
    <table class="llev">
      <tbody>
        {rows
          .filter(([, value]) => value > 0)
          .map(([name, value]) => (
            <tr key={name}>
              <td class="m">{name.replace('_', ' ')}</td>
              <td class="num m">{value}</td>
              <td class="lbar">{value <= whole && <i class="hb" style={`width:${(100 * value) / whole}%`} />}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
