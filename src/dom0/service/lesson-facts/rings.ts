/** Indices of the rings of a domain's devices, and the events that Domain 0 heard and sent for them. */
import type { Family } from './told.ts';

/** A card’s two rings are titled vif3.0 tx and vif3.0 rx, of domain 3: a lesson knows no number of it, and asks for no name with a space. */
const factName = (title: string): string => title.replace(/^vif\d+\.(\d+) (\w+)$/, 'vif$1.$2');

export const rings: Family = ({ rings: ofDevices }, { counts, values }) => {
  for (const { name: title, reqProd, rspProd, reqCons, events } of ofDevices) {
    const name = factName(title);
    counts[`ring.${name}.req_prod`] = reqProd;
    counts[`ring.${name}.rsp_prod`] = rspProd;
    values[`ring.${name}.waiting`] = (reqProd - reqCons) >>> 0;
    if (!events) continue;
    counts[`ring.${name}.events_in`] = events.heard;
    counts[`ring.${name}.events_out`] = events.sent;
  }
};
