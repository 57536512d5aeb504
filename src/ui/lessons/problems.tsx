/** All that is wrong with a lesson's file, by lines. */

import type { Problem } from '../../lessons/index.ts';
import { words } from './words.ts';

export const Problems = ({ problems }: { problems: readonly Problem[] }) => (
  <>
    <h1>{words.wrong}</h1>
    <table class="wrong">
      <tbody>
        {problems.map(({ line, text }, i) => (
          <tr key={i}>
            <td class="m nw">{words.line(line)}</td>
            <td>{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
    <p class="sec">{words.correct}</p>
  </>
);
