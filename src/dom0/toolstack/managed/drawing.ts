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
export function drawingOf(
  toolstack: () => {
    uuid(number: number, epochMs: number): string;
    stations: { draw(taken: ReadonlySet<string>): string };
  },
  { seed = 0, epochMs }: { seed?: number; epochMs(): number },
  say: Drawing['say'],
): Drawing {
  let drawn = seed;
  return {
    uuid: () => toolstack().uuid(FIRST_DRAWN + ++drawn, epochMs()),
    mac: taken => toolstack().stations.draw(taken),
    say,
  };
}
