/** Entry of what other pages load: `createHost`, and the element `<ringside-guest>`. */
import { RingsideGuest } from './guest-element.tsx';

export type * from '../../api/index.ts';
export { createHost } from './create-host.ts';
export { RingsideGuest };

if (!customElements.get('ringside-guest')) customElements.define('ringside-guest', RingsideGuest);
