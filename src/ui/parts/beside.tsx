/** The screen that is next to a source. */

import './sector.css';
import type { DomainSession } from '../sessions.ts';
import { laterStrings } from '../strings-later.ts';
import { ScreenWindow } from './screen.tsx';

/** `hint`: what stands there while nothing runs. */
export const Beside = ({ session, hint }: { session: DomainSession | undefined; hint: string }) => (
  <div class="desk screen">
    {session ? (
      <ScreenWindow key={session.id} session={session} first />
    ) : (
      <section class="win">
        <div class="wt">
          <span class="t">{laterStrings.bootSectors.screen}</span>
        </div>
        <p class="hint">{hint}</p>
      </section>
    )}
  </div>
);
