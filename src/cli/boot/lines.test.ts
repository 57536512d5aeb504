import { describe, expect, it } from 'vitest';
import { Lines } from './lines.ts';

describe("a guest's stream", () => {
  const stream = (
    feed: (lines: Lines, show: (text: string) => void, between: (text: string) => void) => void,
  ): string => {
    const bytes: number[] = [];
    const lines = new Lines(byte => bytes.push(byte));
    const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
    feed(
      lines,
      text => encode(text).forEach(lines.show),
      text => lines.showBetween(encode(text)),
    );
    return String.fromCharCode(...bytes);
  };

  it("has the hypervisor's lines between those of the guest's own console, never inside one", () => {
    expect(
      stream((_lines, show, between) => {
        between('(d1) a\n');
        show('login');
        between('(d1) b\n');
        between('(d1) c\n');
        show(': \nnext');
      }),
    ).toBe('(d1) a\nlogin: \n(d1) b\n(d1) c\nnext');
  });

  it('keeps none of them back at the end', () => {
    expect(
      stream((lines, show, between) => {
        show('login: ');
        between('(d1) b\n');
        lines.close();
      }),
    ).toBe('login: \n(d1) b\n');
  });
});
