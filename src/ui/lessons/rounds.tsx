/** A guest that moves, round by round: the pages of each, and at last what goes while it is paused. */
import { useAsked } from '../parts/asked.ts';
import type { DomainSession } from '../sessions.ts';
import { factsSeen } from './page-host.ts';
import { number, words } from './words.ts';

const LOOK_MS = 250;
const KIB_A_PAGE = 4;

export function Rounds({ session: { id } }: { session: DomainSession }) {
  const { values = {} } = useAsked(LOOK_MS, [id], () => factsSeen(id, LOOK_MS)).value ?? {};
  const pages = Array.from({ length: values['move.rounds'] ?? 0 }, (_, i) => values[`move.round.${i + 1}`] ?? 0);
  const rest = values['move.rest_kib'],
    down = values['move.down_us'];
  if (pages.length === 0) return <p class="sec">{words.rounds.none}</p>;
  const rows = pages.map((count, i): [string, number] => [words.rounds.round(i + 1), count]);
  if (rest !== undefined) rows.push([words.rounds.rest, rest / KIB_A_PAGE]);
  const most = Math.max(...rows.map(([, count]) => count));
  return (
    <>
      <table class="llev">
        <tbody>
          {rows.map(([name, count]) => (
            <tr key={name}>
              <td class="m">{name}</td>
              <td class="num m">{words.rounds.pages(number(Math.round(count)))}</td>
              <td class="lbar">
                <i class="hb" style={`width:${(100 * count) / most}%`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {down !== undefined && <p>{words.rounds.down(number(down / 1000))}</p>}
    </>
  );
}
