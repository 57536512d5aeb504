// @vitest-environment happy-dom
import { h, render } from 'preact';
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../dom0/definitions/verdicts.ts';
import { draft } from '../navigation.ts';
import { DraftPage } from './draft-page.tsx';

const TEXT = '# a comment\nname = "web1"\nmemory = 2G\n';
const finding = (line: number, column: number, key: string, verdict: Finding['verdict'], text: string): Finding => ({
  file: 'web1.cfg',
  line,
  column,
  source: TEXT.split('\n')[line - 1]!,
  key,
  verdict,
  short: `short ${key}`,
  text,
});
const memory = finding(3, 10, 'memory', 'error', 'memory = 2G: xl takes MiB as a number. Write 2048.');

function show(errors: Finding[], findings: Finding[]): HTMLElement {
  draft.value = {
    files: [{ name: 'web1.cfg', data: new Blob([TEXT]) }],
    texts: new Map([['web1.cfg', TEXT]]),
    judging: false,
    starting: false,
    plan: {
      name: 'web1',
      errors,
      findings,
      definition: TEXT,
      creates: { file: 'web1.cfg' },
      summary: { memoryMiB: 64, vcpus: 1, type: 'hvm' },
    },
  };
  const root = document.createElement('div');
  document.body.append(root);
  render(h(DraftPage, {}), root);
  return root;
}
const start = (root: HTMLElement) =>
  [...root.querySelectorAll('button')].find(button => button.textContent!.startsWith('Start'))!;

afterEach(() => {
  document.body.innerHTML = '';
});

describe('a definition that was dropped', () => {
  it('stands there with all its lines, each with its place, verdict and reason', () => {
    const root = show([memory], [finding(2, 8, 'name', 'used', 'The name is free.'), memory]);
    const rows = [...root.querySelectorAll('tbody tr')].map(row => [...row.children].map(cell => cell.textContent));
    expect(rows).toEqual([
      ['1', '# a comment', '', ''],
      ['2:8', 'name = "web1"', 'used', 'short name'],
      ['3:10', 'memory = 2G', 'error', 'memory = 2G: xl takes MiB as a number. Write 2048.'],
    ]);
  });

  it('cannot be started while it has an error, and says so', () => {
    const root = show([memory], [memory]);
    expect(start(root).disabled).toBe(true);
    expect(root.querySelector('[role=status]')!.textContent).toContain('1 error to fix');
  });

  it('can be started when nothing stands in the way', () => {
    const root = show([], [finding(2, 8, 'name', 'used', 'The name is free.')]);
    expect(start(root).disabled).toBe(false);
    expect(root.textContent).toContain('What Start will do');
  });

  it('shows text of a file as text, whatever it holds', () => {
    const evil = { ...memory, text: '<img src=x onerror=alert(1)>' };
    const root = show([evil], []);
    expect(root.querySelector('img')).toBeNull();
    expect(root.textContent).toContain('<img src=x');
  });
});
