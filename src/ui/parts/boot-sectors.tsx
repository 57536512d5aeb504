/** A dozen programs of one sector each (guests/bootsectors): what each does, and a button that boots it next to its source. */

import { bootSector, SECTORS } from '../sectors.ts';
import { go } from '../navigation.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { Icon } from './marks.tsx';

const words = viewStrings.bootSectors;

export const BootSectors = () => (
  <ul class="sectors">
    {SECTORS.map(sector => {
      const open = () => go({ kind: 'sector', name: sector.name });
      return (
        <li key={sector.name}>
          <div>
            <button type="button" class="btn quiet sm b" aria-label={words.sourceOf(sector.title)} onClick={open}>
              {sector.title}
            </button>
            <button
              type="button"
              class="btn sm"
              aria-label={words.boot(sector.title)}
              onClick={() => {
                open();
                void bootSector(sector);
              }}
            >
              <Icon name="run" />
              {strings.home.bootButton}
            </button>
          </div>
          <p class="sec meta-line two" title={sector.about}>
            {sector.about}
          </p>
        </li>
      );
    })}
  </ul>
);
