/** How a host draws UUIDs and station addresses for definitions that have none (identities.ts). */

/** What draws them, from the host's seed. */
export interface Drawing {
  uuid(): string;
  mac(taken: ReadonlySet<string>): string;
  /** Tells the host's users of what was drawn before and is lost. */
  say(sentence: string): void;
}

/** Above each number of a domain: UUIDs that are drawn for definitions are none of domains'. */
const FIRST_DRAWN = 0x8000;

/** As a host draws: from its seed and its clock. */
export function drawingOf(host: {
  readonly toolstack: {
    uuid(number: number, epochMs: number): string;
    stations: { draw(taken: ReadonlySet<string>): string };
  };
  readonly tasks: { note(command: string, state: 'failed', sentence: string): void };
  readonly parts: { seed?: number; epochMs(): number };
}): Drawing {
  let drawn = host.parts.seed ?? 0;
  return {
    uuid: () => host.toolstack.uuid(FIRST_DRAWN + ++drawn, host.parts.epochMs()),
    mac: taken => host.toolstack.stations.draw(taken),
    say: sentence => host.tasks.note('identities', 'failed', sentence),
  };
}
