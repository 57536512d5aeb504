/** Indices of the rings of a domain's devices, and the events that Domain 0 heard and sent for them. */
import type { Family } from './told.ts';

export const rings: Family = ({ rings: ofDevices }, { counts, values }) => {
  for (const { fact: name, reqProd, rspProd, reqCons, events } of ofDevices) {
    counts[`ring.${name}.req_prod`] = reqProd;
    counts[`ring.${name}.rsp_prod`] = rspProd;
    values[`ring.${name}.waiting`] = (reqProd - reqCons) >>> 0;
    if (!events) continue;
    counts[`ring.${name}.events_in`] = events.heard;
    counts[`ring.${name}.events_out`] = events.sent;
  }
};
