/**
 * /bench.html: the small programs of guests/micro on this browser, as `npm run bench` runs them in node. `?only=alu,fib` names rows, `?ms=` the milliseconds
 * of a chunk, `?jit=` is as on the page itself. `?linux=FOLDER&until=LINE&cmdline=S` boots vmlinuz and initrd of that folder instead, and tells the seconds from
 * the page's start to the line. `?peer=URL` runs all of it on v86. The figures end as JSON under the table, for who compares.
 */
import { connect } from '../host.ts';
import { sentence } from '../sentence.ts';
import { type Run, runHere, runOnV86 } from './guest.ts';
import { CHUNKS, type Line, readRow, type Row, ROWS, roundsFor } from './rows.ts';

const MEMORY_MIB = 64,
  LINUX_MEMORY_MIB = 256,
  DEFAULT_MS = 250;
const MICRO = new URL('../../../guests/micro/micro.elf', import.meta.url);

/** Every word that this page shows. */
const words = {
  title: 'Small programs on this browser',
  about: (ms: number) =>
    `Microseconds a round: the median of the last half of ${CHUNKS} chunks of some ${ms} ms (steady), and the first chunk (fresh).`,
  head: ['row', 'steady', 'fresh'],
  running: (row: string) => `${row} runs …`,
  done: 'Done.',
  failed: (why: string) => `It ended before its last row: ${why}`,
  seconds: (seconds: string, line: string) => `${seconds} s from the page’s start to "${line}".`,
  booting: 'Linux boots …',
  missing: (file: string, status: number) => `${file} cannot be fetched: status ${status}.`,
  unknown: (row: string) => `There is no row ${row}. The rows are ${Object.keys(ROWS).join(', ')}.`,
};

const app = document.getElementById('app')!;
function add(parent: Element, tag: string, text = ''): Element {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

/** Runs of a row, each as long as the one that counts: a shorter one sees its emulator cold and asks for too few rounds. */
const MOST_PILOTS = 5;
/** A chunk is long enough from this part of what was asked for on. */
const LONG_ENOUGH = 0.6;

/** A row's figures: of the first run whose chunks are as long as they should be. */
async function measure(run: Run, kernel: Blob, row: string, ms: number): Promise<Row> {
  let rounds = ROWS[row]!;
  for (let pilot = 1; ; pilot++) {
    const lines: Line[] = [];
    await run(
      { name: `bench-${row}`, kernel, multiboot: true, cmdline: `${row}:${rounds}*${CHUNKS}`, memoryMib: MEMORY_MIB },
      'ALL-DONE',
      line => lines.push(line),
    );
    const chunks = readRow(lines),
      last = chunks.slice(chunks.length >> 1).sort((a, b) => a - b),
      steadyMs = last[last.length >> 1]!;
    if (pilot === MOST_PILOTS || steadyMs * rounds >= ms * LONG_ENOUGH)
      return { row, rounds, steadyUs: steadyMs * 1000, freshUs: chunks[0]! * 1000 };
    rounds = roundsFor(rounds, steadyMs, ms);
  }
}

async function fetched(url: URL): Promise<Blob> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(words.missing(url.href, response.status));
  return response.blob();
}

/** Boots a Linux; seconds since the page began to load. */
async function bootLinux(run: Run, folder: URL, cmdline: string, until: string): Promise<number> {
  const [kernel, initrd] = await Promise.all(['vmlinuz', 'initrd'].map(name => fetched(new URL(name, folder))));
  await run(
    { name: 'bench-linux', kernel: kernel!, multiboot: false, initrd: initrd!, cmdline, memoryMib: LINUX_MEMORY_MIB },
    until,
    () => {},
  );
  return performance.now() / 1000;
}

async function main(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const ms = Number(query.get('ms')) || DEFAULT_MS,
    only = query.get('only')?.split(',') ?? Object.keys(ROWS);
  const peer = query.get('peer'),
    linux = query.get('linux');
  add(app, 'h1', words.title);
  if (linux === null) add(app, 'p', words.about(ms));
  const state = add(app, 'p');
  state.setAttribute('role', 'status');
  const done = (figures: object): void => {
    state.textContent = words.done;
    add(app, 'pre', JSON.stringify({ browser: navigator.userAgent, isolated: crossOriginIsolated, ...figures }));
  };
  try {
    const wrong = only.find(row => !(row in ROWS));
    if (wrong !== undefined) throw new Error(words.unknown(wrong));
    const run = peer === null ? runHere : runOnV86(new URL(peer, location.href));
    if (peer === null) await connect();
    if (linux !== null) {
      const until = query.get('until') ?? 'login:';
      state.textContent = words.booting;
      const seconds = await bootLinux(
        run,
        new URL(linux, location.href),
        query.get('cmdline') ?? 'console=ttyS0,115200',
        until,
      );
      add(app, 'p', words.seconds(seconds.toFixed(2), until));
      return done({ seconds });
    }
    const table = add(app, 'table'),
      head = add(add(table, 'thead'), 'tr'),
      body = add(table, 'tbody');
    for (const word of words.head) add(head, 'th', word);
    const kernel = await fetched(MICRO),
      rows: Row[] = [];
    for (const row of only) {
      state.textContent = words.running(row);
      const figures = await measure(run, kernel, row, ms);
      rows.push(figures);
      const cells = add(body, 'tr');
      for (const cell of [row, figures.steadyUs.toPrecision(3), figures.freshUs.toPrecision(3)]) add(cells, 'td', cell);
    }
    done({ ms, chunks: CHUNKS, rows });
  } catch (error) {
    state.textContent = words.failed(sentence(error));
  }
}

void main();
