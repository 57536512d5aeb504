import { describe, expect, it } from 'vitest';
import { noImage } from './libxl-words.ts';

const stat = (why: string): string =>
  noImage({ vdev: 'xvda', target: '/images/top.qcow2' }, 0, why).said[0].replace(/^.*failed to stat: /, '');

describe('what xl says of a disk’s image', () => {
  it('is that it is not there, where nothing else is known', () => {
    expect(stat('file not found')).toBe('/images/top.qcow2: No such file or directory');
  });

  it('is that it may not be opened, where it is there, and which of those that it lies on', () => {
    expect(stat("Cannot access storage file '/images/top.qcow2': Permission denied")).toBe(
      '/images/top.qcow2: Permission denied',
    );
    const below =
      "Cannot access backing file '/secret/bk.qcow2' of storage file '/images/top.qcow2': Permission denied";
    expect(stat(below)).toBe('/secret/bk.qcow2: Permission denied');
  });
});
