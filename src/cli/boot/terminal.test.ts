import { describe, expect, it } from 'vitest';
import { Input } from './terminal.ts';

describe('keys from a terminal', () => {
  it('leave nobody listening at standard input', () => {
    const listening = (): number[] => ['data', 'end', 'error'].map(event => process.stdin.listenerCount(event));
    const before = listening();
    const nothing = (): void => undefined;
    const input = new Input(nothing, nothing, nothing);
    expect(listening()).toEqual(before.map(count => count + 1));
    input.close();
    expect(listening()).toEqual(before);
  });
});
