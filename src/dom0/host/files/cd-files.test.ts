import { describe, expect, it } from 'vitest';
import { makeCd } from '../../../formats/file-systems/index.ts';
import { imageKind, imageProblem } from '../../definitions/images/images.ts';
import { cdOfFiles } from './cd-files.ts';
import type { HostFiles } from './host-files.ts';

const at = new Date(0);
const said = (files: Partial<HostFiles>): Promise<string> =>
  cdOfFiles(files as HostFiles, 'files:/root/x').then(
    () => 'a CD',
    (error: Error) => error.message,
  );

describe('a CD of files', () => {
  it('is one to this PC', async () => {
    const { parts, bytes } = makeCd([{ path: ['README.txt'], data: new Blob(['hello']) }]);
    const head = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()).subarray(0, 65536);
    expect(imageKind('x', head)).toBe('cdrom');
    expect(imageProblem('x', 'cdrom', head, bytes)).toBeNull();
  });

  it('is refused where links lead to one folder on ways without number', async () => {
    // Seven folders, each with 30 links to the next one.
    const depth = (path: string): number => path.split('/').length;
    let looked = 0;
    const text = await said({
      stat: async path => (
        looked++, { isFile: false, isDirectory: depth(path) < 10, isSymbolicLink: false, mode: 0, size: 0, mtime: at }
      ),
      realpath: async path => `/${depth(path)}`,
      readdir: async () => Array.from({ length: 30 }, (_, i) => String(i)),
      readFileBuffer: async () => new Uint8Array(),
    });
    expect(text).toMatch(/is one file more than the 100000 that a CD made here has at most/);
    expect(looked).toBe(100_000);
  });

  it('is refused before more is read than memory holds', async () => {
    let read = 0;
    const text = await said({
      stat: async path => ({
        isFile: path !== '/root/x',
        isDirectory: path === '/root/x',
        isSymbolicLink: false,
        mode: 0,
        size: 2 ** 30,
        mtime: at,
      }),
      realpath: async path => path,
      readdir: async () => ['1', '2', '3', '4', '5', '6'],
      readFileBuffer: async () => (read++, new Uint8Array()),
    });
    expect(text).toBe(
      'With /root/x/5 the files have 5368709120 bytes, and a CD made here has at most 4294967296. Leave some out, or give the guest a disk.',
    );
    expect(read).toBe(4);
  });
});
