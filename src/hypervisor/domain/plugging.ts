/** Cards, and what comes to a domain that runs: loaded for a guest with a card, and for the first that is plugged. */
import { part } from '../../formats/loading/index.ts';

export const plugging = part(() => import('./plug.ts'), 'is the guest’s network card');
