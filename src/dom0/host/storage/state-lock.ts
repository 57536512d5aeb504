/**
 * One tab of a browser holds the host's state: by a Web Lock, which ends with the worker that has it. Who finds it taken asks there who that is, and may ask
 * for it: the holder flushes, closes, and lets go.
 */

/** Of LockManager, what is used. */
export interface Locks {
  request<T>(name: string, options: { signal: AbortSignal }, then: () => Promise<T>): Promise<T>;
}

/** A BroadcastChannel: what one tab posts all others hear. */
export interface Channel {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => unknown) | null;
}

export interface LockParts {
  locks: Locks;
  channel: Channel;
  sleep(ms: number): Promise<void>;
  /** Milliseconds since 1970. */
  epochMs(): number;
}

/** The holder of the state. */
export interface Holder {
  /** Milliseconds since 1970; undefined: it does not answer. */
  sinceMs?: number;
}

/** The state is this tab's until it lets go. */
export interface Held {
  /** Lets go of it. */
  release(): void;
}

const NAME = 'ringside-state';
/** A worker that ended has its lock for a moment on; after this it is somebody who does not answer. */
const MOST_WAIT_MS = 5000;
/** How long a holder may flush and close. */
const HANDOVER_MS = 60_000;
/** How often those who wait ask. */
const ASK_MS = 500;

type News = { kind: 'who' } | { kind: 'held'; sinceMs: number } | { kind: 'give' };

/**
 * Takes the state, or names its holder. `wanted`: another tab asks for it; the holder flushes and closes, then calls `release`.
 * `take`: asks the holder to give it up, and waits for it.
 */
export async function holdState(
  { locks, channel, sleep, epochMs }: LockParts,
  wanted: () => void,
  { take = false } = {},
): Promise<Held | Holder> {
  const abort = new AbortController();
  const holder: Holder = {};
  const said = new Promise<void>(resolve => {
    channel.onmessage = ({ data }: MessageEvent<News>) => {
      if (data?.kind !== 'held' || typeof data.sinceMs !== 'number') return;
      holder.sinceMs = data.sinceMs;
      if (!take) resolve();
    };
  });
  let release = (): void => {},
    isGranted = false,
    isGivenUp = false;
  const granted = new Promise<void>((resolve, reject) => {
    const held = new Promise<void>(letGo => {
      release = letGo;
    });
    const take = (): Promise<void> => {
      // Chromium loses an abort at times: the request then waits on, and nobody is here for it.
      if (isGivenUp) return Promise.resolve();
      isGranted = true;
      resolve();
      return held;
    };
    locks.request(NAME, { signal: abort.signal }, take).catch(error => {
      if (!isGivenUp) reject(error);
    });
  });
  let asking = true;
  const ask = async (): Promise<void> => {
    for (let waited = 0; asking && waited < (take ? HANDOVER_MS : MOST_WAIT_MS); waited += ASK_MS) {
      channel.postMessage({ kind: take ? 'give' : 'who' } satisfies News);
      await sleep(ASK_MS);
    }
  };
  try {
    await Promise.race([granted, said, ask()]);
  } finally {
    asking = false;
    isGivenUp = !isGranted;
  }
  if (isGivenUp) {
    abort.abort();
    return holder;
  }
  const sinceMs = epochMs();
  channel.onmessage = ({ data }: MessageEvent<News>) => {
    if (data?.kind === 'who') channel.postMessage({ kind: 'held', sinceMs } satisfies News);
    else if (data?.kind === 'give') wanted();
  };
  return {
    release: () => {
      channel.onmessage = null;
      release();
    },
  };
}
