/** A node's value, with what it means where that is known. */

import type { StoreNode } from '../../../dom0/service/index.ts';
import { isState } from './facts.ts';
import { XENBUS_STATES } from '../../xenbus-states.ts';

export const shownValue = ({ path, value }: StoreNode) => (
  <>
    {value}
    {isState(path) && XENBUS_STATES[Number(value)] && <span class="sec"> {XENBUS_STATES[Number(value)]}</span>}
    {/\/memory\/(target|static-max|videoram)$/.test(path) && Number(value) > 0 && (
      <span class="sec"> {Math.round(Number(value) / 1024)} MiB</span>
    )}
  </>
);
