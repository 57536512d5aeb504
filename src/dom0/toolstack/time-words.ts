/** A moment (milliseconds since 1970) as logs and lists of Domain 0 show it, whose clock has UTC. */
export const timeOf = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');

/** Of a moment the time of day, as uptime and top show it. */
export const clockOf = (epochMs: number): string => new Date(epochMs).toISOString().slice(11, 19);
