/**
 * A worker holds the Web Lock that has its name for as long as it lives: another client that asks for that lock gets it when the worker has ended, however it did
 * (W3C Web Locks API, "termination": an agent's locks are released with it). Nothing else tells: a worker that is terminated sends no event.
 */

/** The lock's name once it is held; undefined: there are no Web Locks here, or the worker has no name. */
export function holdLifeLock(name: string | undefined): Promise<string | undefined> {
  const { locks } = (globalThis as { navigator?: Partial<Pick<Navigator, 'locks'>> }).navigator ?? {};
  if (!locks || !name) return Promise.resolve(undefined);
  return new Promise(resolve => {
    const never = (): Promise<void> => {
      resolve(name);
      return new Promise(() => {});
    };
    locks.request(name, never).catch(() => resolve(undefined));
  });
}
