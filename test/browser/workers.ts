/** The page's workers as Chromium's debugger sees them: which there are, and a hand that holds one still. */
import type { CDPSession } from '@playwright/test';

interface TargetInfo {
  targetId: string;
  type: string;
  title: string;
}

/** Workers that run domains: those that the page has made for Domain 0's (dom0/service/worker.ts names them), but for the ones that watch the others and have its files. */
export async function domainWorkers(cdp: CDPSession): Promise<string[]> {
  const { targetInfos } = (await cdp.send('Target.getTargets', { filter: [{}] })) as { targetInfos: TargetInfo[] };
  return targetInfos
    .filter(({ type, title }) => type === 'worker' && /^ringside-[a-z\d]+-\d+$/.test(title))
    .map(({ targetId }) => targetId);
}

/** Stops these workers where they are, in the middle of a slice or of a wait, until the function that it resolves with is called. */
export async function holdStill(cdp: CDPSession, targets: string[]): Promise<() => Promise<void>> {
  const releases = await Promise.all(
    targets.map(async targetId => {
      const { sessionId } = await cdp.send('Target.attachToTarget', { targetId, flatten: false });
      const paused = new Promise<void>(resolve => {
        cdp.on('Target.receivedMessageFromTarget', ({ sessionId: from, message }) => {
          if (from === sessionId && JSON.parse(message).method === 'Debugger.paused') resolve();
        });
      });
      let id = 0;
      const send = (method: string) =>
        cdp.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: ++id, method }) });
      await send('Debugger.enable');
      await send('Debugger.pause');
      await paused;
      return async () => {
        await send('Debugger.disable');
        await cdp.send('Target.detachFromTarget', { sessionId });
      };
    }),
  );
  return async () => {
    for (const release of releases) await release();
  };
}
