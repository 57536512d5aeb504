/** When every run in virtual time starts, milliseconds since 1970: 1 January 2026, 0:00 UTC. */
export const VIRTUAL_EPOCH_MS = 1_767_225_600_000;
