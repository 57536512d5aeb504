/**
 * /bench.html: the small programs of guests/micro on this browser, as `npm run bench` runs them in node. `?only=alu,fib` names rows, `?ms=` the milliseconds
 * of a chunk, `?jit=` is as on the page itself. The figures end as JSON under the table, for who compares.
 */
import type { ConsoleOutput } from '../../dom0/index.ts';
import { connect, host, sentence } from '../host.ts';
import { CHUNKS, type Line, linesOf, readRow, type Row, ROWS, roundsFor } from './rows.ts';

const MEMORY_MIB = 64,
  DEFAULT_MS = 250;
const MICRO = new URL('../../../guests/micro/micro.elf', import.meta.url);

/** Every word that this page shows. */
const words = {
  title: 'Small programs on this browser',
  about: (ms: number) => `Microseconds a round: the median of the last half of ${CHUNKS} chunks of some ${ms} ms (steady), and the first chunk (fresh).`,
  head: ['row', 'steady', 'fresh'],
  running: (row: string) => `${row} runs …`,
  done: 'Done.',
  failed: (why: string) => `It ended before its last row: ${why}`,
  unknown: (row: string) => `There is no row ${row}. The rows are ${Object.keys(ROWS).join(', ')}.`,
};

const app = document.getElementById('app')!;
function add(parent: Element, tag: string, text = ''): Element {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

/** Runs one guest to its last line; `line` hears each line with the time of its arrival. */
async function run(elf: Blob, row: string, command: string, line: (line: Line) => void): Promise<void> {
  const name = `bench-${row}`;
  const text = `name = "${name}"\ntype = "hvm"\nkernel = "micro.elf"\nmemory = ${MEMORY_MIB}\ncmdline = "${command}"\nserial = "pty"\n`;
  const { id } = await host.create([{ name: `${name}.cfg`, data: new Blob([text]) }, { name: 'micro.elf', data: elf }]);
  try {
    const { console } = await host.view(id);
    await new Promise<void>(resolve => {
      const lines = linesOf(each => (each.text.startsWith('ALL-DONE') ? resolve() : line(each)));
      console.onmessage = ({ data }: MessageEvent<Uint8Array | ConsoleOutput>) => {
        const bytes = data instanceof Uint8Array ? data : 'serial' in data ? data.serial : undefined;
        if (bytes) lines(bytes, performance.now());
      };
    });
    console.close();
  } finally {
    // It ends by itself, and may be gone by now.
    await host.destroy(id).catch(() => {});
  }
}

/** A row's figures: rounds are found by two pilots. */
async function measure(elf: Blob, row: string, ms: number): Promise<Row> {
  let rounds = ROWS[row]!;
  for (const goal of [ms / 4, ms]) {
    const lines: Line[] = [];
    await run(elf, row, `${row}:${rounds}`, each => lines.push(each));
    rounds = roundsFor(rounds, readRow(lines).at(-1)!, goal);
  }
  const lines: Line[] = [];
  await run(elf, row, `${row}:${rounds}*${CHUNKS}`, each => lines.push(each));
  const chunks = readRow(lines);
  const last = chunks.slice(chunks.length >> 1).sort((a, b) => a - b);
  return { row, rounds, steadyUs: last[last.length >> 1]! * 1000, freshUs: chunks[0]! * 1000 };
}

async function main(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const ms = Number(query.get('ms')) || DEFAULT_MS, only = query.get('only')?.split(',') ?? Object.keys(ROWS);
  add(app, 'h1', words.title);
  add(app, 'p', words.about(ms));
  const state = add(app, 'p'), table = add(app, 'table');
  state.setAttribute('role', 'status');
  const head = add(add(table, 'thead'), 'tr'), body = add(table, 'tbody');
  for (const word of words.head) add(head, 'th', word);
  try {
    const wrong = only.find(row => !(row in ROWS));
    if (wrong !== undefined) throw new Error(words.unknown(wrong));
    await connect();
    const elf = await (await fetch(MICRO)).blob();
    const rows: Row[] = [];
    for (const row of only) {
      state.textContent = words.running(row);
      const figures = await measure(elf, row, ms);
      rows.push(figures);
      const cells = add(body, 'tr');
      for (const cell of [row, figures.steadyUs.toPrecision(3), figures.freshUs.toPrecision(3)]) add(cells, 'td', cell);
    }
    state.textContent = words.done;
    add(app, 'pre', JSON.stringify({ browser: navigator.userAgent, isolated: crossOriginIsolated, ms, chunks: CHUNKS, rows }));
  } catch (error) {
    state.textContent = words.failed(sentence(error));
  }
}

void main();
