import { describe, expect, it } from 'vitest';
import { type Channel, type Held, holdState, type Locks } from './state-lock.ts';

/** One browser: a lock, and a channel between its tabs. `losesAborts`: a request waits on that nobody wants any more, as Chromium's do at times. */
function browser({ losesAborts = false } = {}) {
  let held = false;
  const queue: { then: () => Promise<unknown>; done: (result: unknown) => void }[] = [];
  const next = (): void => {
    const first = held ? undefined : queue.shift();
    if (!first) return;
    held = true;
    void first.then().then(result => {
      held = false;
      first.done(result);
      next();
    });
  };
  const locks = {
    request: (_name: string, { signal }: { signal: AbortSignal }, then: () => Promise<unknown>) =>
      new Promise((done, fail) => {
        const entry = { then, done };
        queue.push(entry);
        signal.addEventListener('abort', () => {
          const at = queue.indexOf(entry);
          if (at < 0 || losesAborts) return;
          queue.splice(at, 1);
          fail(new Error('aborted'));
        });
        queueMicrotask(next);
      }),
  } as unknown as Locks;
  const tabs: Channel[] = [];
  const channel = (): Channel => {
    const mine: Channel = {
      onmessage: null,
      postMessage: data => {
        for (const other of tabs) if (other !== mine) queueMicrotask(() => other.onmessage?.({ data } as MessageEvent));
      },
    };
    tabs.push(mine);
    return mine;
  };
  let now = 1000;
  const tab = () => ({
    locks,
    channel: channel(),
    sleep: () => new Promise<void>(resolve => setTimeout(resolve)),
    epochMs: () => now++,
  });
  return { tab };
}

const isHeld = (one: unknown): one is Held => typeof (one as Held).release === 'function';

describe('the state of a browser', () => {
  it('is the first tab’s; the second is told since when, and gets it once the first lets go', async () => {
    const { tab } = browser();
    const first = await holdState(tab(), () => {});
    expect(isHeld(first)).toBe(true);
    expect(await holdState(tab(), () => {})).toEqual({ sinceMs: 1000 });
    (first as Held).release();
    expect(isHeld(await holdState(tab(), () => {}))).toBe(true);
  });

  it('goes to who asks for it when the holder has let go, and not before', async () => {
    const { tab } = browser();
    const order: string[] = [];
    const first = (await holdState(tab(), () => {
      if (order.length > 0) return;
      order.push('flushed and closed');
      setTimeout(() => first.release(), 20);
    })) as Held;
    const second = await holdState(tab(), () => {}, { take: true });
    order.push('taken over');
    expect(isHeld(second)).toBe(true);
    expect(order).toEqual(['flushed and closed', 'taken over']);
    expect(await holdState(tab(), () => {})).toMatchObject({ sinceMs: expect.any(Number) });
  });

  it('of a holder that does not answer is told as that', async () => {
    const { tab } = browser();
    const dumb = tab();
    await holdState(dumb, () => {});
    dumb.channel.onmessage = null;
    expect(await holdState(tab(), () => {})).toEqual({});
  });

  it('is nobody’s who has given up, though the browser grants it later', async () => {
    const { tab } = browser({ losesAborts: true });
    const first = (await holdState(tab(), () => {})) as Held;
    expect(await holdState(tab(), () => {})).toEqual({ sinceMs: 1000 });
    first.release();
    expect(isHeld(await holdState(tab(), () => {}))).toBe(true);
  });

  it('of a tab that ended is the next one’s, who waits for its lock', async () => {
    const { tab } = browser();
    const dying = tab();
    const first = (await holdState(dying, () => {})) as Held;
    dying.channel.onmessage = null;
    const next = holdState(tab(), () => {});
    setTimeout(() => first.release(), 2);
    expect(isHeld(await next)).toBe(true);
  });
});
