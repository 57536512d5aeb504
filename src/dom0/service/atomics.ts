/**
 * Browsers without SharedArrayBuffer may also lack Atomics. There everything runs in one worker and an access to ordinary memory cannot be
 * interrupted, so plain reads and writes are what Atomics promises. Import this first.
 */
type Words = { [index: number]: number };

if (typeof Atomics === 'undefined') {
  const update =
    (change: (old: number, value: number) => number) =>
    (words: Words, index: number, value: number): number => {
      const old = words[index];
      words[index] = change(old, value);
      return old;
    };
  Object.defineProperty(globalThis, 'Atomics', {
    configurable: true,
    writable: true,
    value: {
      load: (words: Words, index: number) => words[index],
      store: (words: Words, index: number, value: number) => {
        words[index] = value;
        return value;
      },
      add: update((old, value) => old + value),
      sub: update((old, value) => old - value),
      and: update((old, value) => old & value),
      or: update((old, value) => old | value),
      xor: update((old, value) => old ^ value),
      exchange: update((_old, value) => value),
      compareExchange: (words: Words, index: number, expected: number, value: number) => {
        const old = words[index];
        if (old === expected) words[index] = value;
        return old;
      },
      isLockFree: () => true,
      notify: () => 0,
    },
  });
}
