// @vitest-environment happy-dom
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { h, render } from 'preact';
import { expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { tarOf } from './tar.ts';

const calls = { setAside: 0, downloaded: [] as { blob: Blob; name: string }[] };
vi.mock('./indexed-db.ts', () => ({ recall: async () => undefined, keep: async () => {} }));
vi.mock('./host.ts', async original => ({
  ...(await original<object>()),
  host: { setStateAside: async () => (calls.setAside++, { where: 'here', kept: true }) },
}));
vi.mock('./navigation.ts', async original => ({
  ...(await original<object>()),
  download: (blob: Blob, name: string) => void calls.downloaded.push({ blob, name }),
}));
const { DamagedState } = await import('./parts/damaged-state.tsx');
const { problem } = await import('./damaged-state.ts');
const { state } = await import('./shell-session.ts');

const files = [
  { name: 'files.0', data: new Blob(['RSJ2 and more']) },
  { name: 'disk.data', data: new Blob([new Uint8Array(1024).fill(7)]) },
];

it('makes an archive that tar reads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-tar-'));
  try {
    writeFileSync(join(folder, 'a.tar'), new Uint8Array(await tarOf('made', files).arrayBuffer()));
    const { status, stderr } = spawnSync('tar', ['-xf', 'a.tar'], { cwd: folder, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    for (const { name, data } of files)
      expect(readFileSync(join(folder, 'made', name))).toEqual(Buffer.from(await data.arrayBuffer()));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('hands out damaged files by the names of a directory, and begins another host only when that was confirmed', async () => {
  const stored = new Map(files.map(({ name, data }) => [`other.${name}`, data]));
  const getFileHandle = async (name: string) => {
    if (!stored.has(name)) throw new DOMException('none', 'NotFoundError');
    return { getFile: async () => stored.get(name) };
  };
  Object.defineProperty(navigator, 'storage', {
    configurable: true,
    value: { getDirectory: async () => ({ getDirectoryHandle: async () => ({ getFileHandle }) }) },
  });
  const names = ['files.0', 'files.1', 'disk.data'];
  state.value = { where: 'memory', kept: false, damaged: names.map(name => ({ name, stored: `other.${name}` })) };
  render(h(DamagedState, {}), document.body);
  const press = async (text: string): Promise<void> => {
    const button = [...document.querySelectorAll('button')].find(({ textContent }) => textContent === text);
    expect(button, text).toBeDefined();
    button!.click();
    await new Promise(resolve => setTimeout(resolve));
  };
  await press('Download the damaged files');
  await eventually(() => expect(calls.downloaded.length).toBe(1));
  expect(problem.value).toBeUndefined();
  const [{ blob, name }] = calls.downloaded;
  expect(name).toBe('ringside-state.tar');
  expect(await blob.text()).toBe(await tarOf('ringside-state', files).text());

  await press('Begin a new host …');
  expect(document.body.textContent).toContain('download them first');
  await press('Leave it');
  expect(calls.setAside).toBe(0);
  await press('Begin a new host …');
  await press('Set aside and begin');
  await eventually(() => expect(state.value?.kept).toBe(true));
  expect(calls.setAside).toBe(1);
});
