/** States of a device’s half by their number. Source: XenbusState, xen/include/public/io/xenbus.h. */
export const XENBUS_STATES = [
  'Unknown',
  'Initialising',
  'InitWait',
  'Initialised',
  'Connected',
  'Closing',
  'Closed',
  'Reconfiguring',
  'Reconfigured',
];
