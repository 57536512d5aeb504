import { expect, it } from 'vitest';
import type { DomainView } from '../dom0/service/index.ts';
import { GuestLink } from './guest-link.ts';

class Link extends GuestLink {
  override open(view: DomainView): void {
    super.open(view);
  }
  protected write(): void {}
}

it('takes nothing of a view that comes after its guest has gone', () => {
  const link = new Link(),
    memory = new SharedArrayBuffer(1 << 20);
  let isClosed = false;
  const console = { close: () => void (isClosed = true) } as unknown as MessagePort;
  link.gone.value = true;
  link.open({ console, memory, countersOffset: 0, screenOffset: 4096 } as DomainView);
  expect([isClosed, link.screen]).toEqual([true, undefined]);
});
