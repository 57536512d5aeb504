/** What writes documents of running domains: loaded for the first one. */
import { part } from '../../formats/loading/index.ts';

export const documents = part(() => import('./documents/index.ts'), 'writes documents of domains');
