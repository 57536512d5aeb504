/** The screen of a guest whose source is shown, or a hint while none runs. */

import './sector.css';
import type { DomainSession } from '../sessions.ts';
import { viewStrings } from '../view-strings.ts';
import { ScreenWindow } from './screen.tsx';

/** `hint`: shown while nothing runs. */
export const SourceScreen = ({ session, hint }: { session: DomainSession | undefined; hint: string }) => (
  <div class="desk screen">
    {session ? (
      <ScreenWindow key={session.id} session={session} first />
    ) : (
      <section class="win">
        <div class="wt">
          <span class="t">{viewStrings.bootSectors.screen}</span>
        </div>
        <p class="hint">{hint}</p>
      </section>
    )}
  </div>
);
