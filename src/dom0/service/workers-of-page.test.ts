import { describe, expect, it } from 'vitest';
import { type ForPage, type PageSide, workersOfPage } from './workers-of-page.ts';

type Made = Extract<ForPage, { make: unknown }>;

function make() {
  const asked: ForPage[] = [];
  let tell = (_event: { data: unknown }): void => {};
  const page: PageSide = {
    postMessage: message => void asked.push(message),
    addEventListener: (_type, listener) => {
      tell = listener;
    },
  };
  const worker = workersOfPage(page)('watch', 'host-watch-1');
  /** The worker's end of the port, as the page hands it on. */
  const { port } = asked[0] as Made;
  return { asked, worker, port, tell: (data: unknown) => tell({ data }) };
}

const next = (port: MessagePort): Promise<unknown> =>
  new Promise(resolve => {
    port.onmessage = ({ data }) => resolve(data);
  });

describe('a worker that the page makes', () => {
  it('is asked for by what it runs and its name, and hears what was said before it was there', async () => {
    const { asked, worker, port } = make();
    expect(asked).toEqual([{ make: 'watch', name: 'host-watch-1', port }]);
    worker.postMessage({ first: 1 });
    expect(await next(port)).toEqual({ first: 1 });
    const heard = new Promise(resolve => {
      worker.onmessage = ({ data }) => resolve(data);
    });
    port.postMessage('ready');
    expect(await heard).toBe('ready');
    port.close();
  });

  it('is ended by the page, once, and is not heard any more', async () => {
    const { asked, worker, port, tell } = make();
    const heard: unknown[] = [];
    worker.onmessage = ({ data }) => void heard.push(data);
    worker.onerror = event => void heard.push(event);
    port.postMessage('last words');
    worker.terminate();
    worker.terminate();
    tell({ failed: 'host-watch-1', message: 'it was ended' });
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(asked.slice(1)).toEqual([{ end: 'host-watch-1' }]);
    expect(heard).toEqual([]);
  });

  it('tells of its errors, and not of those of others or of other messages of the page', () => {
    const { worker, port, tell } = make();
    const failures: (string | undefined)[] = [];
    worker.onerror = ({ message }) => void failures.push(message);
    tell({ id: 'of comlink', type: 'APPLY' });
    tell({ failed: 'host-2', message: 'no' });
    tell({ failed: 'host-watch-1', message: 'ReferenceError: x' });
    expect(failures).toEqual(['ReferenceError: x']);
    port.close();
  });
});
